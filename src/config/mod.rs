//! The files in `feeds/`, read into types. Every mistake is told with file, line and column, all of them at once.

mod feed_file;
mod file;
mod keys;
mod mistakes;
mod reading;
mod schedule;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use sha2::{Digest, Sha256};
use url::Url;

use crate::feed::{Feed, Site};
use crate::format::FORMATS;
use crate::normalize::HouseStyle;
use crate::source::{Kind, Source};
use crate::store::Topic;
use crate::websub::Algorithm;

pub use mistakes::{Mistake, Mistakes};
pub use reading::is_name;
pub use schedule::Schedule;

/// A newsroom as its files describe it.
pub struct Config {
    /// The publication.
    pub site: Site,
    /// Where articles come from, by name.
    pub sources: Vec<SourceConfig>,
    /// What readers can subscribe to, by name.
    pub feeds: Vec<Feed>,
    /// Former names of feeds, and what they are called now.
    pub renamed: BTreeMap<String, String>,
    /// The WebSub hub.
    pub hub: Hub,
    /// Networks that sources and callbacks may use although they are private.
    pub allow_private: Vec<IpNet>,
    /// What is no mistake in the files, but can't be meant as things are: a folder that is not there.
    pub doubts: Mistakes,
}

/// A source as it is configured.
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static Kind,
    /// What pulls it.
    pub source: Arc<dyn Source>,
    /// A fingerprint of all that is configured of it.
    pub made_of: String,
    /// When it is pulled.
    pub schedule: Schedule,
    /// What the newsroom's webhook must know.
    pub webhook_key: Option<String>,
    /// How its articles are normalised.
    pub house: HouseStyle,
}

/// `[hub]`: the WebSub hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// Whether we serve one.
    pub built_in: bool,
    /// Hubs of others that are told of changes.
    pub also: Vec<String>,
    /// The hash in `X-Hub-Signature`.
    pub algorithm: Algorithm,
    /// How long a subscription lasts if the subscriber does not say.
    pub lease_default: Duration,
    /// The shortest lease that is given.
    pub lease_min: Duration,
    /// The longest.
    pub lease_max: Duration,
}

impl Config {
    /// Reads the newsroom in `dir`. `public_url` overrides the file's.
    pub fn read(dir: &Path, public_url: Option<&str>) -> Result<Self, Mistakes> {
        reading::newsroom(dir, public_url)
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&SourceConfig> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The feed of this name.
    pub fn feed(&self, name: &str) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.info.name == name)
    }

    /// The topic at an address, if it is one of ours, to the letter. A feed's former address leads to it as well: subscribers
    /// renew what they once asked for.
    pub fn topic_at(&self, address: &str) -> Option<Topic> {
        let file = address.strip_prefix(self.site.public_url.as_str())?.strip_prefix("/feeds/")?;
        let (name, ending) = file.rsplit_once('.')?;
        let format = FORMATS.iter().find(|format| format.is_feed && format.ending == ending)?;
        let feed = self.feed(self.renamed.get(name).map_or(name, String::as_str))?;
        Some(Topic { feed: feed.info.name.clone(), format: format.ending.to_owned() })
    }

    /// The names of all sources.
    pub fn source_names(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.name.clone()).collect()
    }

    /// Every topic, with a fingerprint of all that its document is made of besides articles.
    pub fn topics(&self) -> Vec<(Topic, String)> {
        let mut topics = Vec::new();
        for feed in &self.feeds {
            let made_of = fingerprint(&format!("{} {:?} {:?}", env!("CARGO_PKG_VERSION"), self.site, feed));
            for format in FORMATS {
                topics
                    .push((Topic { feed: feed.info.name.clone(), format: format.ending.to_owned() }, made_of.clone()));
            }
        }
        topics
    }
}

fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The files that make up the newsroom in `dir`: `newsroom.toml` first, then the feeds by name.
fn feed_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|ending| ending == "toml")
            && path.file_stem().is_some_and(|stem| stem != "newsroom")
            && !hidden
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn house(name: &str, home: &Url, language: &str, keep_ids: bool) -> HouseStyle {
    HouseStyle { source: name.to_owned(), home: home.clone(), language: language.to_owned(), keep_ids }
}

#[cfg(test)]
mod tests;
