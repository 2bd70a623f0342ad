//! What the tasks of a process share: the store, the newsroom as it is configured now, the shelf of documents, the wake-ups.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tracing::{error, info};

use crate::config::{Config, Mistakes};
use crate::document::{Document, Shelf};
use crate::feed::FeedInfo;
use crate::fetch::{FetchError, Fetcher};
use crate::format::{self, opml, page};
use crate::store::{Store, StoreError, Topic};

/// The time. The one place that reads the clock: pure rooms are given it.
pub fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    Utc::now()
}

/// A word that nobody can guess, of 32 characters.
pub fn unguessable() -> Result<String, getrandom::Error> {
    let mut chance = [0u8; 16];
    getrandom::fill(&mut chance)?;
    Ok(chance.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A name for a claim that no other claim has: this machine, this process, and chance.
pub fn claim_name() -> String {
    // Without chance there would still be the process and the time to tell claims apart.
    let chance = unguessable().unwrap_or_default();
    format!("{}/{}/{}-{chance}", machine(), std::process::id(), now().timestamp_micros())
}

/// Whether the process that made a claim is one of this machine, and has died.
fn is_dead(claim: &str) -> bool {
    let mut parts = claim.split('/');
    let (Some(host), Some(process)) = (parts.next(), parts.next()) else { return false };
    host == machine() && Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists()
}

/// The machine, as far as the numbers of its processes mean something: its name, its start, and the container.
fn machine() -> &'static str {
    static MACHINE: LazyLock<String> = LazyLock::new(|| {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let [name, start] = ["/proc/sys/kernel/hostname", "/proc/sys/kernel/random/boot_id"].map(read);
        let container = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        format!("{}-{}-{}", name.trim(), start.trim(), container.display()).replace('/', "")
    });
    &MACHINE
}

fn is_feed(topic: &Topic) -> bool {
    format::by_ending(&topic.format).is_some_and(|format| format.is_feed)
}

/// Why the newsroom can't be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// Its files have mistakes.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The compressor.
    #[error("compressing failed: {0}")]
    Compress(#[from] std::io::Error),
    /// A page that is made of the configuration alone.
    #[error("can't write a page: {0}")]
    Page(String),
}

/// A newsroom, ready to work: what was made once of its configuration.
pub struct Newsroom {
    /// Its files.
    pub config: Config,
    /// Its way out.
    pub fetcher: Fetcher,
    /// The page at `/`.
    pub home: Arc<Document>,
    /// The document at `/feeds.opml`.
    pub opml: Arc<Document>,
}

impl Newsroom {
    /// Makes what the configuration determines.
    pub fn new(config: Config) -> Result<Self, SetupError> {
        let feeds: Vec<FeedInfo> = config.feeds.iter().map(|feed| feed.info.clone()).collect();
        let home = page::home(&config.site, &feeds).map_err(|error| SetupError::Page(error.to_string()))?;
        let opml = opml::document(&config.site, &feeds);
        Ok(Self {
            fetcher: Fetcher::new(&config.allow_private)?,
            home: Arc::new(Document::lasting(home.into_bytes())?),
            opml: Arc::new(Document::lasting(opml.into_bytes())?),
            config,
        })
    }
}

/// Where the newsroom's files and its database are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The directory of `newsroom.toml`.
    pub feeds: PathBuf,
    /// The database's address.
    pub database: String,
    /// What overrides the file's `public_url`.
    pub public_url: Option<String>,
}

/// What wakes each duty. A wake-up that comes while a duty is at work is kept for it.
#[derive(Default)]
pub struct Wakes {
    /// A source may be due.
    pub pull: Notify,
    /// A topic may be behind.
    pub publish: Notify,
    /// A document may lack encodings.
    pub compress: Notify,
    /// An article's hour may have changed.
    pub release: Notify,
    /// A request may wait for verification.
    pub verify: Notify,
    /// A subscription may be behind.
    pub deliver: Notify,
    /// A source's feed may have announced a hub.
    pub subscribe: Notify,
}

impl Wakes {
    /// Wakes everybody: the configuration has changed, or another process has written.
    pub fn all(&self) {
        let Self { pull, publish, compress, release, verify, deliver, subscribe } = self;
        for wake in [pull, publish, compress, release, verify, deliver, subscribe] {
            wake.notify_one();
        }
    }
}

/// What the tasks of a process share.
pub struct App {
    /// Where everything is.
    pub place: Place,
    /// What lasts.
    pub store: Store,
    /// Documents in memory.
    pub shelf: Shelf,
    /// What wakes whom.
    pub wakes: Wakes,
    newsroom: watch::Sender<Arc<Newsroom>>,
    loaded: AtomicBool,
    away: AtomicBool,
    /// What the last pull of each source left out, and why.
    left_out: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    /// What the last pull of each source noted.
    noted: Mutex<BTreeMap<String, Option<String>>>,
}

impl App {
    /// Reads the newsroom, opens the database, and makes sources and topics known to it.
    pub async fn open(place: Place) -> Result<Arc<Self>, SetupError> {
        let app = Self::look(place).await?;
        app.store.free_dead_claims(&is_dead).await?;
        app.register().await?;
        Ok(app)
    }

    /// The same for one who only pulls: what is published, and how, is the affair of whoever serves.
    pub async fn open_to_pull(place: Place) -> Result<Arc<Self>, SetupError> {
        let app = Self::look(place).await?;
        app.store.free_dead_claims(&is_dead).await?;
        app.register_sources(&app.newsroom().config).await?;
        Ok(app)
    }

    /// Reads the newsroom and opens the database, and leaves both as they are.
    pub async fn look(place: Place) -> Result<Arc<Self>, SetupError> {
        let config = Config::read(&place.feeds, place.public_url.as_deref())?;
        let store = Store::open(&place.database).await?;
        let newsroom = Arc::new(Newsroom::new(config)?);
        let app = Self {
            place,
            store,
            shelf: Shelf::default(),
            wakes: Wakes::default(),
            newsroom: watch::Sender::new(newsroom),
            loaded: AtomicBool::new(false),
            away: AtomicBool::new(false),
            left_out: Mutex::default(),
            noted: Mutex::default(),
        };
        Ok(Arc::new(app))
    }

    /// The newsroom as it is now. Hold on to one for a whole piece of work.
    pub fn newsroom(&self) -> Arc<Newsroom> {
        Arc::clone(&self.newsroom.borrow())
    }

    /// Reads the files again. With a mistake in them, everything stays as it is.
    pub async fn reload(&self) -> Result<(), SetupError> {
        let config = Config::read(&self.place.feeds, self.place.public_url.as_deref())?;
        let newsroom = Arc::new(Newsroom::new(config)?);
        self.register_as(&newsroom.config).await?;
        self.newsroom.send_replace(newsroom);
        self.refresh_shelf().await?;
        self.wakes.all();
        Ok(())
    }

    /// Makes known how sources and topics are configured here, and ends what belongs to those that are not.
    pub async fn register(&self) -> Result<(), StoreError> {
        self.register_as(&self.newsroom().config).await
    }

    async fn register_sources(&self, config: &Config) -> Result<(), StoreError> {
        let sources: Vec<(&str, &str)> =
            config.sources.iter().map(|source| (source.name.as_str(), source.made_of.as_str())).collect();
        self.store.register(&sources, now()).await
    }

    async fn register_as(&self, config: &Config) -> Result<(), StoreError> {
        self.register_sources(config).await?;
        self.store.configure(&config.topics(), &config.renamed).await?;
        let topics: Vec<Topic> = config.topics().into_iter().map(|(topic, _)| topic).filter(is_feed).collect();
        self.store.configure_hubs(&config.hub.also, &topics, now()).await?;
        let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
        self.store.end_upstreams(&names, now()).await?;
        let address = |topic: &Topic| config.site.topic(&topic.feed, &topic.format);
        self.store.end_orphans(now(), &address).await
    }

    /// A topic's document: from the shelf, else from its row.
    pub async fn document(&self, topic: &Topic) -> Result<Option<Arc<Document>>, StoreError> {
        if let Some(document) = self.shelf.get(topic) {
            return Ok(Some(document));
        }
        let stored = self.store.document(topic).await?;
        Ok(stored.map(|stored| self.shelf.put(topic.clone(), stored.into())))
    }

    /// A topic's document as it is stored now, also if the shelf does not know yet.
    pub async fn newest_document(&self, topic: &Topic) -> Result<Option<Arc<Document>>, StoreError> {
        let stored = self.store.document_head(topic).await?.map_or(0, |(_, version, _)| version);
        match self.document(topic).await? {
            Some(document) if document.version != stored => {
                self.shelf.remove(topic);
                self.document(topic).await
            }
            document => Ok(document),
        }
    }

    /// Brings the shelf up to what is stored, as another process may have written it, and fills it as far as there is room. Whoever
    /// reads next needs no database.
    pub async fn refresh_shelf(&self) -> Result<(), StoreError> {
        let stored = self.store.editions().await?;
        for (topic, version) in self.shelf.outdated(&stored) {
            match self.store.document(&topic).await? {
                Some(newest) if newest.version >= version => {
                    self.shelf.put(topic, newest.into());
                }
                // It is gone, or the database is one of yesterday.
                _ => self.shelf.remove(&topic),
            }
        }
        for topic in self.shelf.missing(stored) {
            self.document(&topic).await?;
        }
        Ok(())
    }

    /// Notes what a pull left out, by the source's word for it, and gives those of which the pull before did not tell the same.
    pub fn newly_left_out<'a>(&self, source: &str, now: &'a BTreeMap<String, String>) -> Vec<(&'a String, &'a String)> {
        let mut all = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(source.to_owned(), now.clone()).unwrap_or_default();
        now.iter().filter(|(key, why)| before.get(*key) != Some(why)).collect()
    }

    /// Notes what a pull has to say, and tells whether the pull before said something else.
    pub fn is_news(&self, source: &str, note: Option<&String>) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.insert(source.to_owned(), note.cloned()).flatten().as_ref() != note
    }

    /// Says that everything that was owed at the start is there.
    pub fn set_loaded(&self) {
        self.loaded.store(true, Ordering::Release);
    }

    /// Whether everything that was owed at the start is there.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// Whether this failed because the database is away, which is logged once: a dozen duties and each request find out.
    pub fn found_away(&self, error: &StoreError) -> bool {
        if error.is_away() && !self.away.swap(true, Ordering::AcqRel) {
            error!(%error, "all duties wait");
        }
        error.is_away()
    }

    /// Notes that the database answers, which is logged if it was away.
    pub fn found_back(&self) {
        if self.away.load(Ordering::Acquire) && self.away.swap(false, Ordering::AcqRel) {
            info!("the database answers again");
        }
    }
}
