//! Where articles come from: one file for each kind of source, behind [`Source`].
//!
//! A new kind is a new file here and a line in [`KINDS`]. A source only brings what its origin says, raw: cleaning is
//! `normalize`'s, remembering is `store`'s.

mod edition;
mod feed;
mod files;
mod folder;
mod links;
mod wordpress;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use serde::Deserialize;
use thiserror::Error;
use toml::de::{Error as TomlError, ValueDeserializer};
use url::Url;

use crate::article::{Item, SourceKey};
use crate::fetch::{FetchError, Fetcher};

pub use links::{Link, links};
pub use wordpress::rest_root;

/// The kinds of source that there are.
pub const KINDS: &[Kind] = &[wordpress::KIND, feed::KIND, folder::KIND, edition::KIND];

/// One kind of source: its name in `newsroom.toml`, and how to read the rest of its table.
pub struct Kind {
    /// The value of `kind`.
    pub name: &'static str,
    /// Whose text wins when several sources bring one article: the smaller number's.
    pub precedence: i64,
    /// Reads the kind's own settings.
    pub read: Read,
}

/// Makes a source of the settings of its kind.
pub type Read = fn(ValueDeserializer<'_>, &Place) -> Result<Arc<dyn Source>, TomlError>;

/// Where a source stands: what it needs to know of its newsroom.
pub struct Place {
    /// The directory of `newsroom.toml`, for relative paths.
    pub feeds: PathBuf,
    /// The newsroom's time zone, for dates without an offset.
    pub zone: Tz,
}

/// An address on the web, in settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct WebAddress(pub Url);

impl TryFrom<String> for WebAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Self(url)),
            _ => Err(format!("`{text}` is not an address like https://paper.example/")),
        }
    }
}

/// The address with the final slash that people leave out: what is relative to it is below it.
pub fn with_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

/// Something that articles can be pulled from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Brings the next batch since `since`. Asked again at once while [`Pulled::more`]; each batch is stored together with its
    /// cursor, so that a pull that is cut short goes on where it was. `held` answers when the batch before is stored.
    async fn pull(&self, net: &Fetcher, since: Cursor, held: &dyn Held) -> Result<Pulled, PullError>;

    /// Reads what a hub pushed, for kinds that hubs push to.
    fn pushed(&self, _body: &[u8]) -> Result<Pulled, PullError> {
        Err(PullError::Unreadable("nothing can be pushed to this kind of source".to_owned()))
    }

    /// The folder that is read, for kinds that read files.
    fn folder(&self) -> Option<&Path> {
        None
    }
}

/// How far a source has come, in its own words. Empty: never pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(pub Option<String>);

/// What is already stored of a source, for kinds that find out what is gone by comparing.
#[async_trait]
pub trait Held: Send + Sync {
    /// How many of the source's articles are stored and not withdrawn.
    async fn count(&self) -> Result<i64, PullError>;
    /// Their keys.
    async fn keys(&self) -> Result<HashSet<SourceKey>, PullError>;
}

/// One batch.
#[derive(Debug, Default)]
pub struct Pulled {
    /// New and changed articles, and maybe some that have not changed.
    pub items: Vec<Item>,
    /// What could not be read as an article.
    pub rejected: Vec<Rejection>,
    /// Articles that are no longer public.
    pub gone: Vec<SourceKey>,
    /// How far this brings us.
    pub next: Cursor,
    /// Whether there is more to ask for now.
    pub more: bool,
    /// What the operator should know about how the source was read.
    pub note: Option<String>,
    /// How many articles a long pull will bring in all, if known: for progress.
    pub expected: Option<u64>,
    /// The WebSub hub that the origin announces, and the topic's own address.
    pub hub: Option<(String, String)>,
}

/// One thing that could not become an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What the source calls it.
    pub key: String,
    /// Why not.
    pub why: String,
}

/// Why a pull failed as a whole. What readers see does not change.
#[derive(Debug, Error)]
pub enum PullError {
    /// The way there.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// An answer that is not what this kind of source gives.
    #[error("{0}")]
    Unreadable(String),
    /// What is held could not be asked for.
    #[error("the database did not answer: {0}")]
    Held(String),
}

impl PullError {
    /// How long the server asks to be left alone, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            PullError::Fetch(FetchError::Status { retry_after, .. }) => *retry_after,
            _ => None,
        }
    }
}

/// The body that WordPress shows in place of a post with a password. It comes in feeds, and is no article.
fn is_password_form(html: &str) -> bool {
    html.contains("post-password-form")
}

/// A cursor's own words, as JSON. What can't be read counts as "never pulled": that costs a pull, and loses nothing.
fn mark<T: serde::de::DeserializeOwned + Default>(cursor: &Cursor) -> T {
    cursor.0.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn cursor<T: serde::Serialize>(mark: &T) -> Result<Cursor, PullError> {
    let text = serde_json::to_string(mark).map_err(|error| PullError::Unreadable(error.to_string()))?;
    Ok(Cursor(Some(text)))
}
