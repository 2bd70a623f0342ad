//! Atom 1.0, RFC 4287: feeds and entries.

use std::collections::HashSet;

use chrono::{DateTime, FixedOffset};
use roxmltree::Node;

use super::atom_parts::{self, check_address, check_category, check_link, check_person, check_text, relation, unknown};
use super::dates::check_rfc3339;
use super::findings::Findings;
use super::url::{self, Letters};
use super::values::{check_media_type, is_media_type, shown};
use super::xml::{self, ATOM};

const FEED_ONCE: [&str; 8] = ["id", "title", "updated", "subtitle", "generator", "icon", "logo", "rights"];
const ENTRY_ONCE: [&str; 8] = ["id", "title", "updated", "published", "summary", "content", "rights", "source"];
const REQUIRED: [&str; 3] = ["id", "title", "updated"];

type Moment = DateTime<FixedOffset>;

/// The entries of a document so far.
#[derive(Default)]
struct Seen {
    /// For each id the dates of its entries.
    ids: HashSet<String>,
    updated: HashSet<Moment>,
}

/// Checks a feed (section 4.1.1); gives the number of its entries.
pub(super) fn check_feed(feed: Node, findings: &mut Findings) -> usize {
    xml::check_attributes(feed, &[], findings);
    xml::check_present(feed, Some(ATOM), &REQUIRED, findings);
    xml::check_once(feed, Some(ATOM), &FEED_ONCE, findings);
    check_alternates(feed, findings);
    if !atom_parts::has_self_link(feed) {
        let message = "the feed should have a <link rel=\"self\"> with its own address";
        findings.warning(xml::at(feed), "missing-self", message);
    }
    let has_author = xml::child(feed, Some(ATOM), "author").is_some();
    let mut seen = Seen::default();
    let mut entries = 0;
    for child in xml::elements(feed) {
        let local = child.tag_name().name();
        match child.tag_name().namespace() {
            Some(ATOM) if local == "entry" => {
                check_entry(child, has_author, &mut seen, findings);
                entries += 1;
            }
            Some(ATOM) => {
                if entries > 0 {
                    let message = format!("<{}> must come before the entries", shown(local));
                    findings.error(xml::at(child), "misplaced-metadata", message);
                }
                check_metadata(child, local, findings);
            }
            None => unknown(child, findings),
            Some(_) if entries > 0 => {
                let message = format!("<{}> should come before the entries", shown(xml::name(child)));
                findings.warning(xml::at(child), "misplaced-metadata", message);
            }
            Some(_) => {}
        }
    }
    entries
}

/// Checks a document that is a single entry (section 2).
pub(super) fn check_entry_document(entry: Node, findings: &mut Findings) -> usize {
    check_entry(entry, false, &mut Seen::default(), findings);
    1
}

/// Checks what a feed says of itself, which a `source` repeats.
fn check_metadata(node: Node, local: &str, findings: &mut Findings) {
    match local {
        "id" => {
            check_id(node, findings);
        }
        "title" | "subtitle" | "rights" => check_text(node, findings),
        "updated" => {
            check_date(node, findings);
        }
        "icon" | "logo" => check_address(node, findings),
        "generator" => check_generator(node, findings),
        "author" | "contributor" => check_person(node, findings),
        "category" => check_category(node, findings),
        "link" => check_link(node, Letters::Iri, findings),
        _ => unknown(node, findings),
    }
}

fn check_generator(generator: Node, findings: &mut Findings) {
    xml::check_attributes(generator, &["uri", "version"], findings);
    if let Some(uri) = generator.attribute("uri") {
        let at = xml::attribute_at(generator, "uri");
        let address = atom_parts::resolved(generator, uri);
        url::check_absolute(at, "the uri of <generator>", &address, Letters::Iri, findings);
    }
    if xml::text(generator).is_empty() {
        findings.warning(xml::at(generator), "blank", "<generator> is empty");
    }
}

/// Checks an id (section 4.2.6): absolute whatever `xml:base` says, and compared letter by letter.
fn check_id(node: Node, findings: &mut Findings) -> String {
    xml::check_attributes(node, &[], findings);
    xml::check_no_elements(node, findings);
    let id = xml::text(node);
    url::check_identity(xml::at(node), "<id>", &id, Letters::Iri, findings);
    id
}

fn check_date(node: Node, findings: &mut Findings) -> Option<Moment> {
    xml::check_attributes(node, &[], findings);
    let what = format!("<{}>", shown(xml::name(node)));
    check_rfc3339(xml::at(node), &what, &xml::text(node), findings)
}

/// At most one alternate link of each type and language (sections 4.1.1, 4.1.2).
fn check_alternates(parent: Node, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for link in xml::elements(parent).filter(|child| xml::is(*child, Some(ATOM), "link")) {
        let variant = (link.attribute("type").unwrap_or(""), link.attribute("hreflang").unwrap_or(""));
        if relation(link) == "alternate" && !seen.insert(variant) {
            let message = "a second alternate link of the same type and language";
            findings.error(xml::at(link), "duplicate-alternate", message);
        }
    }
}

fn check_entry(entry: Node, feed_has_author: bool, seen: &mut Seen, findings: &mut Findings) {
    let at = xml::at(entry);
    xml::check_attributes(entry, &[], findings);
    xml::check_present(entry, Some(ATOM), &REQUIRED, findings);
    xml::check_once(entry, Some(ATOM), &ENTRY_ONCE, findings);
    check_alternates(entry, findings);
    let child = |local| xml::child(entry, Some(ATOM), local);
    let source = child("source");
    let source_has_author = source.is_some_and(|source| xml::child(source, Some(ATOM), "author").is_some());
    if !feed_has_author && !source_has_author && child("author").is_none() {
        findings.error(at, "missing-author", "the entry needs an <author>, since the feed has none");
    }
    check_body(entry, findings);
    let (mut id, mut updated) = (None, None);
    for child in xml::elements(entry) {
        let local = child.tag_name().name();
        match (child.tag_name().namespace(), local) {
            (Some(ATOM), "id") => id = id.or(Some((xml::at(child), check_id(child, findings)))),
            (Some(ATOM), "updated") => {
                let date = check_date(child, findings).map(|date| (xml::at(child), date));
                updated = updated.or(date);
            }
            (Some(ATOM), "published") => {
                check_date(child, findings);
            }
            (Some(ATOM), "summary") => check_text(child, findings),
            (Some(ATOM), "content") => check_content(child, findings),
            (Some(ATOM), "source") => check_source(child, findings),
            (Some(ATOM), "subtitle" | "generator" | "icon" | "logo") | (None, _) => unknown(child, findings),
            (Some(ATOM), _) => check_metadata(child, local, findings),
            _ => {}
        }
    }
    check_sameness(id, updated, seen, findings);
}

/// Entries with one id are versions of one entry, and should differ in their date (section 4.1.1).
fn check_sameness(
    id: Option<(usize, String)>,
    updated: Option<(usize, Moment)>,
    seen: &mut Seen,
    findings: &mut Findings,
) {
    if let Some((at, id)) = id
        && !seen.ids.insert(id)
    {
        findings.error(at, "duplicate-id", "an entry before this one has the same <id>");
    }
    if let Some((at, date)) = updated
        && !seen.updated.insert(date)
    {
        findings.warning(at, "repeated-updated", "an entry before this one has the same <updated>");
    }
}

/// What an entry must have to be read at all (section 4.1.2).
fn check_body(entry: Node, findings: &mut Findings) {
    let at = xml::at(entry);
    let Some(content) = xml::child(entry, Some(ATOM), "content") else {
        let mut links = xml::elements(entry).filter(|child| xml::is(*child, Some(ATOM), "link"));
        if !links.any(|link| relation(link) == "alternate") {
            let message = "the entry needs <content>, or else a link of relation alternate";
            findings.error(at, "missing-content", message);
        }
        return;
    };
    let is_elsewhere = content.attribute("src").is_some();
    let is_base64 = content.attribute("type").is_some_and(is_binary);
    if (is_elsewhere || is_base64) && xml::child(entry, Some(ATOM), "summary").is_none() {
        let why = if is_elsewhere { "elsewhere" } else { "in Base64" };
        findings.error(at, "missing-summary", format!("the entry needs a <summary>, since its content is {why}"));
    }
}

fn check_source(source: Node, findings: &mut Findings) {
    xml::check_attributes(source, &[], findings);
    xml::check_once(source, Some(ATOM), &FEED_ONCE, findings);
    check_alternates(source, findings);
    for child in xml::elements(source) {
        match child.tag_name().namespace() {
            Some(ATOM) => check_metadata(child, child.tag_name().name(), findings),
            None => unknown(child, findings),
            Some(_) => {}
        }
    }
}

/// Checks an entry's content (section 4.1.3).
fn check_content(content: Node, findings: &mut Findings) {
    xml::check_attributes(content, &["type", "src"], findings);
    let kind = content.attribute("type");
    if let Some(source) = content.attribute("src") {
        check_content_elsewhere(content, source, kind, findings);
        return;
    }
    match kind.unwrap_or("text") {
        "text" | "html" | "xhtml" => check_text(content, findings),
        media_type if !is_media_type(media_type) || is_composite(media_type) => {
            let at = xml::attribute_at(content, "type");
            let message = format!("the type must be text, html, xhtml or a media type, not `{}`", shown(media_type));
            findings.error(at, "invalid-media-type", message);
        }
        media_type if is_binary(media_type) => {
            xml::check_no_elements(content, findings);
            if !is_base64(&xml::text(content)) {
                let message = format!("content of type {} must be in Base64", shown(media_type));
                findings.error(xml::at(content), "not-base64", message);
            }
        }
        media_type if is_xml(media_type) => {}
        media_type => {
            xml::check_no_elements(content, findings);
            if essence(media_type) == "text/html" {
                atom_parts::check_html(content, &xml::text(content), findings);
            }
        }
    }
}

fn check_content_elsewhere(content: Node, source: &str, kind: Option<&str>, findings: &mut Findings) {
    let address = atom_parts::resolved(content, source.trim());
    let at = xml::attribute_at(content, "src");
    url::check_absolute(at, "the src of <content>", &address, Letters::Iri, findings);
    match kind {
        None => findings.warning(xml::at(content), "missing-type", "<content> with a src should have a type"),
        Some(kind) => {
            check_media_type(xml::attribute_at(content, "type"), "the type of content with a src", kind, findings);
        }
    }
    if xml::elements(content).next().is_some() || !xml::text(content).is_empty() {
        findings.error(xml::at(content), "not-empty", "<content> with a src must be empty");
    }
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_composite(media_type: &str) -> bool {
    matches!(essence(media_type).split('/').next(), Some("multipart" | "message"))
}

fn is_xml(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence.ends_with("+xml") || essence.ends_with("/xml")
}

/// Whether content of this type is written in Base64: neither text, html, xhtml, nor XML, nor text/….
fn is_binary(media_type: &str) -> bool {
    let is_text = is_xml(media_type) || essence(media_type).starts_with("text/");
    media_type.contains('/') && !is_text && !is_composite(media_type)
}

fn is_base64(value: &str) -> bool {
    let bare = value.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let padding = bare.clone().rev().take_while(|&byte| byte == b'=').count();
    let length = bare.clone().count();
    let letters = bare.take(length - padding);
    length % 4 == 0 && padding < 3 && letters.into_iter().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}
