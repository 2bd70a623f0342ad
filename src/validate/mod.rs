//! The room behind `courant validate`: reads a feed document as a strict reader would, and tells
//! what it trips over.
//!
//! Pure: no clock, no network, no files. What the reader knows from elsewhere (the address, the
//! content type, the hour) comes in a [`Context`]. Whatever the bytes are, the work is bounded:
//! linear in their number, with limits on size, depth, nodes and findings.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::ser::{Serialize, SerializeStruct, Serializer};

mod atom;
mod atom_parts;
mod dates;
mod decode;
mod extensions;
mod findings;
mod html;
mod json;
mod json_tree;
mod language;
mod media;
mod rss;
mod rss_item;
mod url;
mod values;
mod xml;

#[cfg(test)]
mod tests;

use findings::Findings;

/// Documents above this are not read at all.
const LARGEST: usize = 50 * 1024 * 1024;
/// Documents above this are refused by some readers.
const LARGE: usize = 5 * 1024 * 1024;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSS 2.0, with the RSS Advisory Board's profile.
    Rss,
    /// Atom 1.0, RFC 4287.
    Atom,
    /// JSON Feed 1.1 (and 1).
    JsonFeed,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Rss => "RSS 2.0",
            Kind::Atom => "Atom 1.0",
            Kind::JsonFeed => "JSON Feed 1.1",
        })
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document breaks its specification; some readers will refuse it.
    Error,
    /// The document is allowed, but some readers will show it badly.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One thing that a strict reader trips over.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// A short name that stays the same from release to release.
    pub rule: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong with what, in a sentence.
    pub message: String,
}

/// What a strict reader says of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The format, if it is one that is read.
    pub kind: Option<Kind>,
    /// How many items or entries the document has.
    pub entries: usize,
    /// Everything found, by position.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings are errors.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many findings are warnings.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// Whether the document is a feed without errors; warnings do not count.
    pub fn is_valid(&self) -> bool {
        self.kind.is_some() && self.errors() == 0
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 6)?;
        report.serialize_field("kind", &self.kind)?;
        report.serialize_field("valid", &self.is_valid())?;
        report.serialize_field("errors", &self.errors())?;
        report.serialize_field("warnings", &self.warnings())?;
        report.serialize_field("entries", &self.entries)?;
        report.serialize_field("findings", &self.findings)?;
        report.end()
    }
}

/// What is known of a document besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The `Content-Type` that it was served with.
    pub content_type: Option<&'a str>,
    /// The address that it was fetched from; its self link must be the same.
    pub url: Option<&'a str>,
    /// The hour of reading: dates after it are implausible.
    pub now: DateTime<Utc>,
}

/// Reads a feed document as a strict reader would.
pub fn validate(bytes: &[u8], context: &Context) -> Report {
    let mut findings = Findings::new(context);
    if bytes.len() > LARGEST {
        let message = format!("the document has {} bytes; at most {LARGEST} are read", bytes.len());
        findings.error(0, "too-large", message);
        return Report { kind: None, entries: 0, findings: findings.told("") };
    }
    if bytes.len() > LARGE {
        findings.warning(0, "large", "the document is over 5 MB: some readers refuse it");
    }
    let decoded = decode::text(bytes, context.content_type, &mut findings);
    let (kind, entries) = match decoded.whole {
        true => read(&decoded.text, &mut findings),
        false => (None, 0),
    };
    if let (Some(kind), Some(content_type)) = (kind, context.content_type) {
        check_content_type(kind, content_type, &mut findings);
    }
    Report { kind, entries, findings: findings.told(&decoded.text) }
}

/// Tells the format by the first character, and lets the format's own page read on.
fn read(text: &str, findings: &mut Findings) -> (Option<Kind>, usize) {
    let start = text.trim_start();
    let at = text.len() - start.len();
    match start.chars().next() {
        None => findings.error(0, "empty", "the document is empty"),
        Some('{') => return json::check(text, findings),
        Some('<') if html::is_page(start) => findings.error(at, "not-a-feed", "this is an HTML page, not a feed"),
        Some('<') => return read_xml(text, findings),
        Some('[') => findings.error(at, "not-a-feed", "a JSON Feed is an object, not an array"),
        Some(_) => findings.error(at, "not-a-feed", "this is neither XML nor JSON"),
    }
    (None, 0)
}

fn read_xml(text: &str, findings: &mut Findings) -> (Option<Kind>, usize) {
    let Some(document) = xml::tree(text, findings) else {
        return (None, 0);
    };
    let root = document.root_element();
    let name = root.tag_name();
    let (kind, entries) = match (name.namespace(), name.name()) {
        (None, "rss") => (Kind::Rss, rss::check(root, findings)),
        (Some(xml::ATOM), "feed") => (Kind::Atom, atom::check_feed(root, findings)),
        (Some(xml::ATOM), "entry") => (Kind::Atom, atom::check_entry_document(root, findings)),
        (namespace, local) => {
            findings.error(xml::at(root), "not-a-feed", other_root(namespace, local));
            return (None, 0);
        }
    };
    extensions::check_whole(root, findings);
    (Some(kind), entries)
}

/// Why a root element is none of ours, for the cases that people meet.
fn other_root(namespace: Option<&str>, local: &str) -> String {
    match (namespace, local) {
        (Some("http://purl.org/atom/ns#"), "feed") => "this is Atom 0.3, which is obsolete: use Atom 1.0".into(),
        (_, "RDF") => "this is RSS 1.0 (RDF), which is not read: use RSS 2.0 or Atom 1.0".into(),
        (_, "html") => "this is an HTML page, not a feed".into(),
        (_, "feed" | "entry") => format!("<{local}> must be in the namespace {}", xml::ATOM),
        (_, "rss") => "<rss> must be in no namespace".into(),
        _ => format!("<{}> is not the root of a feed", values::shown(local)),
    }
}

fn check_content_type(kind: Kind, content_type: &str, findings: &mut Findings) {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let expected: &[&str] = match kind {
        Kind::Rss => &["application/rss+xml", "application/xml", "text/xml"],
        Kind::Atom => &["application/atom+xml", "application/xml", "text/xml"],
        Kind::JsonFeed => &["application/feed+json", "application/json"],
    };
    if !expected.contains(&essence.as_str()) {
        let message = format!("{kind} is served as {}, not as `{}`", expected[0], values::shown(&essence));
        findings.warning(0, "wrong-content-type", message);
    }
}
