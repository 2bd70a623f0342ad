//! The database: everything that lasts.
//!
//! What is owed is three columns: a source is due (`due_at`), a topic is behind (`rendered < wanted`), an article's hour has
//! come (`released_at IS NULL`). There is no queue. A batch of articles, the source's cursor and the topics it touches are
//! written in one transaction.

mod articles;
mod db;
mod deliveries;
mod desk;
mod documents;
mod intents;
mod moves;
mod select;
mod sources;
mod stored;
mod subscriptions;
mod tables;
#[cfg(test)]
mod tests;
mod upstreams;

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use self::db::Db;

pub use articles::{Batch, Saved};
pub use deliveries::{Arrival, Delivered, Delivery, Owed};
pub use desk::{Outcome, Touches};
pub use documents::{Behind, Edition, Fresh, Rendered, Stored, Topic, TopicState};
pub use intents::{Intent, Mode};
pub use moves::{MoveError, Moved, Moving, move_newsroom};
pub use select::{Order, Query, Traits};
pub use sources::{Claim, SourceState};
pub use subscriptions::{Receiver, SubscriptionState, SubscriptionTotals};
pub use upstreams::Upstream;

/// A database that does not answer for this long is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// What can go wrong with the database.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Its address is none.
    #[error("{0}: a database's address is like sqlite:courant.db or postgres://user:password@host/database")]
    Address(String),
    /// It can't be opened.
    #[error("can't open the database {url}: {why}")]
    Open {
        /// Its address.
        url: String,
        /// The reason.
        why: String,
        /// Whether it may answer in a moment.
        away: bool,
    },
    /// It is away for a while: it does not answer, or it has ended a connection.
    #[error("the database does not answer ({})", plainly(.0))]
    Away(sqlx::Error),
    /// A statement failed.
    #[error("the database failed: {}", plainly(.0))]
    Database(sqlx::Error),
    /// Somebody else has taken over what this worker had claimed; nothing was written.
    #[error("the claim on source {0} has expired and was taken over")]
    Fenced(String),
    /// It holds half of a newsroom.
    #[error(
        "the move of a newsroom into this database has not ended: run the same `courant move` again, and let it end"
    )]
    HalfMoved,
    /// A stored list can't be read.
    #[error("a stored article can't be read: {0}")]
    Stored(#[from] serde_json::Error),
}

impl StoreError {
    /// Whether the database may answer in a moment, and the same be tried again.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Open { away: true, .. })
    }

    /// It has not answered for too long.
    pub fn silence() -> Self {
        Self::Away(silence())
    }

    /// Whether a number that was to be new is taken.
    fn is_clash(&self) -> bool {
        let Self::Database(sqlx::Error::Database(told)) = self else { return false };
        told.is_unique_violation()
    }
}

fn silence() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

/// What happened, without the layers that it came through.
fn plainly(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(told) => told.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_away(&error) { Self::Away(error) } else { Self::Database(error) }
    }
}

fn is_away(error: &sqlx::Error) -> bool {
    use sqlx::Error;
    // PostgreSQL's classes: a connection that failed, no room for one, a server that stops or starts.
    let is_away = |code: &str| code.starts_with("08") || code.starts_with("57P") || code == "53300";
    match error {
        Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut => true,
        Error::Database(told) => told.code().is_some_and(|code| is_away(&code)),
        _ => false,
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens the database at `url` (`sqlite:courant.db`, `postgres://…`), making and migrating it where needed.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self { db: Db::open(url).await? })
    }

    /// Whether there is a database at `url` already: opening one that is a file would make it.
    pub fn is_there(url: &str) -> bool {
        db::file(url).is_none_or(|file| file.is_file())
    }

    /// Starts to watch what other processes write.
    pub async fn changes(&self) -> Result<Changes, StoreError> {
        Ok(Changes(self.db.changes().await?))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let asked = async { self.db.read().await?.first("SELECT CAST(1 AS BIGINT)", Vec::new()).await };
        // The network may swallow the question.
        let answer = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| StoreError::silence())?;
        answer.map(|_: Option<(i64,)>| ())
    }

    /// Ends all connections, in order.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// What other processes write.
pub struct Changes(db::Changes);

impl Changes {
    /// Waits until another process has written, or may have. What was written since the last look is never missed.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        self.0.next().await
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
