//! SQLite, inside the process: the default.

use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};

use super::ROWS;

/// Another process may have written: looked at well within the second that people are promised.
const LOOK: Duration = Duration::from_millis(250);

/// Another process that writes is waited for this long.
const BUSY: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(20);

/// Full-text search. The words come already split and in lower case, so the tokenizer has nothing to decide.
const WORDS: &str = "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, content = '', contentless_delete = 1, \
                     detail = none, tokenize = \"unicode61 remove_diacritics 0 categories 'L* M* N* Co'\")";

/// The file of an SQLite database. One in memory is none: each connection would have its own.
pub(in crate::store) fn file(url: &str) -> Option<&Path> {
    let file = url.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?;
    (!file.is_empty() && file != ":memory:").then_some(Path::new(file))
}

/// Why there can be no database at a place: SQLite itself says for everything that it is unable.
pub(super) fn misplaced(file: &Path) -> Option<String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    match folder {
        Some(folder) => Some(format!("there is no folder {}", folder.display())),
        None => file.is_dir().then(|| "it is a folder".to_owned()),
    }
}

/// Opens the database at `url`, making and migrating it where needed: one connection to write, a few to read.
pub(super) async fn open(url: &str) -> Result<(SqlitePool, SqlitePool), sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Acknowledged means on disk, also when the power goes.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY);
    let writer = || {
        // `data_version` counts for one connection, so it is well that it lasts.
        super::pool::<Sqlite>(1)
            // Rows come from another thread: those of a claim in one go, not by changing threads for a few at a time.
            .connect_with(options.clone().pragma("cache_size", "-16000").row_buffer_size(ROWS))
    };
    // Processes that start together wait for each other. Whoever makes a new file a WAL one does not wait by itself.
    let started = Instant::now();
    let write = loop {
        match writer().await {
            Err(error) if is_locked(&error) && started.elapsed() < BUSY => tokio::time::sleep(AGAIN).await,
            done => break done?,
        }
    };
    let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
    super::migrations().run_direct(None, &mut *tx, false).await?;
    sqlx::query(WORDS).execute(&mut *tx).await?;
    tx.commit().await?;
    let read = super::pool(4).connect_lazy_with(options.read_only(true));
    Ok((write, read))
}

fn is_locked(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY
    error.as_database_error().is_some_and(|told| told.code().as_deref() == Some("5"))
}

/// What other processes write.
pub(in crate::store) struct Changes {
    write: SqlitePool,
    seen: i64,
}

impl Changes {
    pub(super) async fn of(write: SqlitePool) -> Result<Self, sqlx::Error> {
        let seen = version(&write).await?;
        Ok(Self { write, seen })
    }

    pub(super) async fn next(&mut self) -> Result<(), sqlx::Error> {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = version(&self.write).await?;
            if std::mem::replace(&mut self.seen, now) != now {
                return Ok(());
            }
        }
    }
}

/// A number that moves when another process has written: on the connection that writes, it moves for others alone.
async fn version(write: &SqlitePool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(write).await
}
