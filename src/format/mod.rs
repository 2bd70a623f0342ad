//! What articles are written in: one file for each format, and a line in [`FORMATS`].
//!
//! Pure functions: no clock, no network, no database. The same feed and site give the same bytes, always and everywhere.

mod atom;
mod json;
pub mod opml;
pub mod page;
mod references;
mod rss;

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::feed::{Content, Site, Snapshot};

/// Minutes for which a document is fresh. RSS says it as `ttl`, HTTP as `max-age`: readers take the larger, so they are equal.
pub const FRESH_MINUTES: u32 = 5;

/// What Courant calls itself in documents.
const GENERATOR: &str = "Courant";

/// The formats that every feed is published in.
pub const FORMATS: &[Format] = &[rss::FORMAT, atom::FORMAT, json::FORMAT, page::FORMAT];

/// A format of feed documents.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// The ending of its addresses, and its name in the store.
    pub ending: &'static str,
    /// Its media type, as documents are served with.
    pub media_type: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Whether readers subscribe to it; the page for people is not a topic of WebSub.
    pub is_feed: bool,
    /// Writes a document.
    pub render: fn(&Snapshot, &Site) -> Result<Vec<u8>, Unrenderable>,
    /// Reads a document back as a stranger would, with a parser other than the one that wrote it.
    pub read_back: fn(&[u8]) -> Result<Vec<Seen>, String>,
}

/// An article as a reader of a document sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// When it was published.
    pub published: DateTime<Utc>,
}

/// Why a document could not be written.
#[derive(Debug, Error)]
#[error("can't write {format}: {why}")]
pub struct Unrenderable {
    /// In what.
    pub format: &'static str,
    /// The writer's reason.
    pub why: String,
}

impl Unrenderable {
    fn new(format: &'static str, why: impl ToString) -> Self {
        Self { format, why: why.to_string() }
    }
}

/// The format with this ending.
pub fn by_ending(ending: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.ending == ending)
}

/// What a feed shows of an article besides its title: the body and the summary.
fn shown(content: Content, article: &crate::article::Article) -> (Option<&str>, Option<&str>) {
    let some = |text: &'_ str| !text.is_empty();
    let html = Some(article.html.as_str()).filter(|text| some(text) && content == Content::Full);
    let summary = Some(article.summary.as_str()).filter(|text| some(text) && content != Content::Headline);
    (html, summary)
}

/// About how many bytes a document will have: growing it step by step would copy it several times.
fn expected_size(feed: &Snapshot) -> usize {
    let of_article = |article: &crate::article::Article| article.html.len() * 9 / 8 + article.summary.len() + 1500;
    2000 + feed.articles.iter().map(of_article).sum::<usize>()
}

/// Plain text as XML character data or HTML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    push_escaped(&mut out, text);
    out
}

/// The same, behind what is there.
fn push_escaped(out: &mut String, text: &str) {
    let special = |text: &[u8]| memchr::memchr3(b'&', b'<', b'>', text);
    push_replacing(out, text, special, |byte| match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        _ => "&gt;",
    });
}

/// Puts a text behind what is there, with a replacement for each special (ASCII) byte.
fn push_replacing(
    out: &mut String,
    text: &str,
    special: impl Fn(&[u8]) -> Option<usize>,
    replacement: impl Fn(u8) -> &'static str,
) {
    out.reserve(text.len() + 64);
    let mut rest = text;
    while let Some(at) = special(rest.as_bytes()) {
        out.push_str(&rest[..at]);
        out.push_str(replacement(rest.as_bytes()[at]));
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// A document, strictly read. Knows XML 1.0 with namespaces, refuses DTDs.
fn strict_xml(bytes: &[u8]) -> Result<roxmltree::Document<'_>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    roxmltree::Document::parse(text).map_err(|error| error.to_string())
}

/// The text of a child element.
fn child_text(node: roxmltree::Node<'_, '_>, namespace: Option<&str>, name: &str) -> Option<String> {
    let child =
        node.children().find(|child| child.tag_name().name() == name && child.tag_name().namespace() == namespace)?;
    Some(child.children().filter_map(|part| part.text()).collect())
}

#[cfg(test)]
mod tests;
