//! The words everybody shares: [`Item`], what a source brings, and [`Article`], what readers get.
//!
//! Plain, owned, and immutable once made. This room imports no other.

pub mod date;
pub mod language;
pub mod markup;
pub mod spelling;
pub mod words;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

/// What a source calls one of its articles: a WordPress post's number, a feed entry's guid, a file's name.
/// It is unique within its source and stays when title, address or host change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceKey(pub String);

impl SourceKey {
    /// A key made from an article's address, for sources that have nothing better at the time.
    /// The store lets a real key of the same source take such an article over.
    pub fn stand_in(address: &str) -> Self {
        Self(format!("{STAND_IN}{address}"))
    }

    /// Whether this key was made by [`SourceKey::stand_in`].
    pub fn is_stand_in(&self) -> bool {
        self.0.starts_with(STAND_IN)
    }
}

const STAND_IN: &str = "link:";

/// Bytes of what articles are found by (keys, ids, terms, addresses): no index of a database takes much more.
pub const LONGEST_NAME: usize = 1000;

/// How much of a key that is longer stays readable.
const READABLE: usize = 200;

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text as a source wrote it, before any cleaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Characters that mean themselves.
    Plain(String),
    /// Markup, with entities.
    Html(String),
}

impl Text {
    /// How many bytes the text has, markup included.
    pub fn size(&self) -> usize {
        match self {
            Text::Plain(text) | Text::Html(text) => text.len(),
        }
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        match self {
            Text::Plain(text) | Text::Html(text) => text.trim().is_empty(),
        }
    }
}

/// One article as its source tells it: raw, and not to be trusted.
#[derive(Debug, Clone)]
pub struct Item {
    /// The article's name within its source.
    pub key: SourceKey,
    /// A mark for which the source vouches: while it stays the same, so does the article.
    pub revision: Option<String>,
    /// The permanent id that the source itself publishes, for newsrooms that move here with their subscribers.
    pub guid: Option<String>,
    /// Where people read the article.
    pub link: Option<String>,
    /// What relative addresses in the article are relative to; the link, where there is one, comes first.
    pub base: Option<Url>,
    /// The headline.
    pub title: Text,
    /// The teaser, if the source has one of its own.
    pub summary: Option<Text>,
    /// The body.
    pub content: Option<Text>,
    /// The names of the authors.
    pub authors: Vec<String>,
    /// The newspaper's sections (WordPress: categories).
    pub sections: Vec<String>,
    /// Free keywords.
    pub tags: Vec<String>,
    /// The picture that stands for the article.
    pub image: Option<Image>,
    /// The language as a BCP 47 tag, if the source states it.
    pub language: Option<String>,
    /// When it was published, if the source says so.
    pub published: Option<DateTime<Utc>>,
    /// When the source says it was last changed.
    pub updated: Option<DateTime<Utc>>,
}

impl Item {
    /// An item that has nothing yet but its key and its title. A key that can't be stored is brought into a form that can.
    pub fn new(mut key: SourceKey, title: Text) -> Self {
        key.0.retain(|c| c != '\0');
        if key.0.len() > LONGEST_NAME {
            let hash: String = Sha256::digest(key.0.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            key.0.truncate(key.0.floor_char_boundary(READABLE));
            key.0.push_str(&hash);
        }
        Self {
            key,
            title,
            revision: None,
            guid: None,
            link: None,
            base: None,
            summary: None,
            content: None,
            authors: Vec::new(),
            sections: Vec::new(),
            tags: Vec::new(),
            image: None,
            language: None,
            published: None,
            updated: None,
        }
    }
}

/// A picture, by its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Absolute, ASCII.
    pub url: String,
    /// What it shows, for those who can't see it.
    pub alt: String,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// MIME type, such as `image/jpeg`.
    pub mime: Option<String>,
    /// Size of the file.
    pub bytes: Option<u64>,
}

/// An article's permanent name for readers: a `tag:` URI (RFC 4151), or what the source itself used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArticleId(pub String);

impl fmt::Display for ArticleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One article as readers get it: clean, the same for every format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// Minted at first sight; never changes.
    pub id: ArticleId,
    /// Where people read it: absolute, ASCII.
    pub link: Option<String>,
    /// Plain text on one line.
    pub title: String,
    /// Plain text.
    pub summary: String,
    /// Sanitised HTML whose addresses are absolute.
    pub html: String,
    /// Names.
    pub authors: Vec<String>,
    /// Sections, the most important first.
    pub sections: Vec<String>,
    /// Keywords.
    pub tags: Vec<String>,
    /// The picture that stands for it.
    pub image: Option<Image>,
    /// BCP 47.
    pub language: String,
    /// The names of the sources that bring it.
    pub sources: Vec<String>,
    /// When it was first published; whole seconds.
    pub published: DateTime<Utc>,
    /// When what a reader sees last changed, never before `published`. Milliseconds tell articles of one second apart.
    pub updated: DateTime<Utc>,
}

impl Article {
    /// What readers see as categories: sections first, then tags, each once.
    pub fn categories(&self) -> Vec<&str> {
        let mut seen = Vec::with_capacity(self.sections.len() + self.tags.len());
        for word in self.sections.iter().chain(&self.tags) {
            if !seen.contains(&word.as_str()) {
                seen.push(word.as_str());
            }
        }
        seen
    }

    /// Whether a reader would see no difference: everything but the id, its sources and the time of the change.
    pub fn reads_like(&self, other: &Article) -> bool {
        let Article { link, title, summary, html, authors, sections, tags, image, language, published, .. } = self;
        (title, link, published, language) == (&other.title, &other.link, &other.published, &other.language)
            && (authors, sections, tags, image) == (&other.authors, &other.sections, &other.tags, &other.image)
            && (summary, html) == (&other.summary, &other.html)
    }

    /// What feeds select it by, each once: `source:…`, `section:…`, `tag:…`, `author:…`, `language:…`, in lower case.
    pub fn terms(&self) -> Vec<String> {
        let mut terms = vec![term::ALL.to_owned()];
        terms.extend(self.sources.iter().map(|source| term::source(source)));
        terms.extend(self.sections.iter().map(|section| term::section(section)));
        terms.extend(self.tags.iter().map(|tag| term::tag(tag)));
        terms.extend(self.authors.iter().map(|author| term::author(author)));
        // Who asks for "en" gets "en-PK" too.
        terms.push(term::language(&self.language));
        terms.extend(self.language.split('-').next().map(term::language));
        terms.retain(|term| term.len() <= LONGEST_NAME);
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

/// The terms of [`Article::terms`], one function for each kind.
pub mod term {
    /// Every article has this one.
    pub const ALL: &str = "all";

    /// By the name of a source.
    pub fn source(name: &str) -> String {
        format!("source:{name}")
    }

    /// By section, in any case.
    pub fn section(name: &str) -> String {
        format!("section:{}", name.to_lowercase())
    }

    /// By tag, in any case.
    pub fn tag(name: &str) -> String {
        format!("tag:{}", name.to_lowercase())
    }

    /// By author, in any case.
    pub fn author(name: &str) -> String {
        format!("author:{}", name.to_lowercase())
    }

    /// By language.
    pub fn language(tag: &str) -> String {
        format!("language:{}", tag.to_lowercase())
    }
}

/// A normalised article on its way to the store, which alone knows whether it has been seen before.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its name within its source.
    pub key: SourceKey,
    /// See [`Item::revision`].
    pub revision: Option<String>,
    /// Whether the source stated when it was published. If not, `article.published` is when it was first seen.
    pub dated: bool,
    /// The article, with the id that it gets unless it has one already.
    pub article: Article,
}

/// Whether a language is written from right to left, by its BCP 47 tag.
pub fn is_rtl(language: &str) -> bool {
    let mut parts = language.split('-');
    let first = parts.next().unwrap_or_default().to_ascii_lowercase();
    let script = parts.next().filter(|part| part.len() == 4).map(str::to_ascii_lowercase);
    match script.as_deref() {
        Some("arab" | "hebr" | "thaa" | "syrc" | "nkoo") => true,
        Some(_) => false,
        None => matches!(
            first.as_str(),
            "ar" | "ckb" | "dv" | "fa" | "he" | "iw" | "ps" | "sd" | "syr" | "ug" | "ur" | "yi"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::is_rtl;

    #[test]
    fn urdu_reads_from_right_to_left_and_its_roman_spelling_does_not() {
        assert!(is_rtl("ur") && is_rtl("ur-PK") && is_rtl("ar") && is_rtl("ks-Arab"));
        assert!(!is_rtl("en") && !is_rtl("ur-Latn") && !is_rtl("hi-IN"));
    }
}
