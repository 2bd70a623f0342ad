//! The database: everything that lasts.
//!
//! What is owed is three columns: a source is due (`due_at`), a topic is behind (`rendered < wanted`), an article's hour has
//! come (`released_at IS NULL`). There is no queue. A batch of articles, the source's cursor and the topics it touches are
//! written in one transaction.

mod articles;
mod db;
mod documents;
mod select;
mod sources;
mod subscriptions;
#[cfg(test)]
mod tests;
mod upstreams;

use std::path::Path;

use chrono::{DateTime, Utc};
use thiserror::Error;

use self::db::Db;

pub use articles::{Batch, Outcome, Saved, Touches};
pub use documents::{Behind, Fresh, Rendered, Stored, Topic, TopicState};
pub use select::{Order, Query, Traits};
pub use sources::{Claim, SourceState};
pub use subscriptions::{Arrival, Delivered, Delivery, Intent, Mode, Owed, Receiver, SubscriptionState};
pub use upstreams::Upstream;

/// What can go wrong with the database.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It can't be opened.
    #[error("can't open the database {url}: {why}")]
    Open {
        /// Its address.
        url: String,
        /// The reason.
        why: String,
    },
    /// A statement failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// Somebody else has taken over what this worker had claimed; nothing was written.
    #[error("the claim on source {0} has expired and was taken over")]
    Fenced(String),
    /// A stored list can't be read.
    #[error("a stored article can't be read: {0}")]
    Stored(#[from] serde_json::Error),
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens the database at `url` (`sqlite:courant.db`), making and migrating it where needed.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self { db: Db::open(url).await? })
    }

    /// Whether there is a database at `url` already: opening one that is a file would make it.
    pub fn is_there(url: &str) -> bool {
        let file = url.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"));
        file.and_then(|file| file.split('?').next()).is_none_or(|file| Path::new(file).is_file())
    }

    /// A number that moves when another process has written.
    pub async fn moved(&self) -> Result<i64, StoreError> {
        self.db.moved().await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let _: Option<(i64,)> = self.db.read().await?.first("SELECT 1", Vec::new()).await?;
        Ok(())
    }

    /// Ends all connections, in order.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// An instant as it is stored: milliseconds since 1970.
fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(if millis > 0 {
        DateTime::<Utc>::MAX_UTC
    } else {
        DateTime::<Utc>::MIN_UTC
    })
}
