//! Moving a newsroom from one database to another, whatever their kinds.
//!
//! A run reads the old database as it is at one moment, and makes the new one like it, table by table: rows that the old one has not
//! in just this form go, then those that are missing come, in small transactions; at the end all is read back and compared. So
//! a run that goes on after one that was cut short, and one that brings what has changed since, are no different from the first.
//! Claims stay behind: whoever holds one works on the old database.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use thiserror::Error;

use super::StoreError;
use super::db::{Arg, Db, ROWS, Tx, args, shown};
use super::stored::new_nums;
use super::tables::{ARTICLES, Row, TABLES, Table};
use crate::article::words::words_of;

/// Bytes that are under way at once, but for a row that is larger.
const BYTES: usize = 4 << 20;

type Rows<'t> = BoxStream<'t, Result<Row, StoreError>>;

/// Why a newsroom was not moved.
#[derive(Debug, Error)]
pub enum MoveError {
    /// One of the databases.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The old database is empty.
    #[error("{0} holds no newsroom: there is nothing to move")]
    Nothing(String),
    /// The old database is the new one of a move that has not ended.
    #[error("{0} holds half of a newsroom: a move into it has not ended")]
    Half(String),
    /// The target is in use.
    #[error(
        "{to} holds a newsroom already ({holds}), and not one that was only moved there from {from}; nothing was changed. Name \
         another database, or empty that one first"
    )]
    Occupied {
        /// The target.
        to: String,
        /// How many rows are in which table.
        holds: String,
        /// The old database.
        from: String,
    },
    /// Somebody else writes to the target.
    #[error("another `courant move` into {0} has taken over; this one ends")]
    Overtaken(String),
    /// What was written is not what is read back.
    #[error(
        "{table}: {there} rows in the old database, but {here} in the new one, of which {unlike} differ; nothing is lost: run the command again"
    )]
    Differs {
        /// In which table.
        table: &'static str,
        /// How many rows the old database has.
        there: i64,
        /// How many rows the target has.
        here: i64,
        /// How many of those the old one has not, or not in this form.
        unlike: i64,
    },
}

/// How far a move has come.
#[derive(Debug, Clone, Copy)]
pub struct Moving {
    /// What it is doing now.
    pub doing: &'static str,
    /// With which table.
    pub table: &'static str,
    /// Rows that are done.
    pub done: i64,
    /// Rows that there are to do.
    pub expected: i64,
}

/// What was moved of a table.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// Its name.
    pub table: &'static str,
    /// How many rows it has, there and here.
    pub rows: i64,
    /// How many of them were written by this run.
    pub written: i64,
    /// How many rows of an earlier run were taken away, because they are gone in the old database or have changed.
    pub removed: i64,
}

/// Moves the newsroom in the database `from`, which is only read, to the database `to`.
pub async fn move_newsroom(
    from: &str,
    to: &str,
    now: DateTime<Utc>,
    watch: &dyn Fn(Moving),
) -> Result<Vec<Moved>, MoveError> {
    let old = Db::open(from).await?;
    let mut there = old.read().await?;
    let first = first_article(&mut there, from).await?;
    let target = Target { db: Db::open(to).await?, name: shown(to), by: new_nums(now).to_string() };
    let held = target.claim(first, from).await?;
    let mut progress = Progress { watch, done: 0, expected: held };
    for table in &TABLES {
        // Each row is written, and read back.
        progress.expected += 2 * table.count(&mut there).await?;
    }
    let mut moved = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        let (_, removed) = target.compare(table, &mut there, true, &mut progress).await?;
        let written = target.fill(table, &mut there, &mut progress).await?;
        moved.push(Moved { table: table.name, rows: 0, written, removed });
    }
    for (table, moved) in TABLES.iter().zip(&mut moved) {
        moved.rows = target.verify(table, &mut there, &mut progress).await?;
    }
    target.complete().await?;
    drop(there);
    old.close().await;
    target.db.close().await;
    Ok(moved)
}

/// What tells this newsroom from every other.
async fn first_article(old: &mut Tx, from: &str) -> Result<i64, MoveError> {
    let half: Option<(i64,)> = old.first("SELECT complete FROM moves WHERE complete = 0", Vec::new()).await?;
    if half.is_some() {
        return Err(MoveError::Half(shown(from)));
    }
    if holds(old).await?.is_empty() {
        return Err(MoveError::Nothing(shown(from)));
    }
    // Articles are never deleted, so the first one stays the first.
    let first: Option<(i64,)> = old.first("SELECT num FROM articles ORDER BY num LIMIT 1", Vec::new()).await?;
    Ok(first.map_or(0, |(num,)| num))
}

/// The tables that are not empty, and how many rows they have.
async fn holds(tx: &mut Tx) -> Result<Vec<(&'static str, i64)>, StoreError> {
    let mut holds = Vec::new();
    for table in &TABLES {
        let count = table.count(tx).await?;
        if count > 0 {
            holds.push((table.name, count));
        }
    }
    Ok(holds)
}

/// Takes the next rows of many, as many as are handled at once.
async fn batch(rows: &mut Rows<'_>) -> Result<Vec<Row>, StoreError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < ROWS && bytes < BYTES {
        let Some(row) = rows.try_next().await? else { break };
        bytes += row.iter().map(Arg::size).sum::<usize>();
        batch.push(row);
    }
    Ok(batch)
}

/// The keys of those rows of a batch that the old database does not have in just this form.
async fn unlike(table: &Table, batch: Vec<Row>, old: &mut Tx) -> Result<Vec<Row>, StoreError> {
    let kinds = table.kinds();
    let keys: Vec<Row> = batch.iter().map(|row| table.key_of(row)).collect();
    let (sql, args) = table.with_keys(old, &table.names(), keys);
    let mut left: HashSet<Row> = batch.into_iter().collect();
    let mut rows = old.rows(sql, args, &kinds)?;
    while let Some(row) = rows.try_next().await? {
        left.remove(&row);
    }
    Ok(left.iter().map(|row| table.key_of(row)).collect())
}

/// Tells how far a move has come.
struct Progress<'a> {
    watch: &'a dyn Fn(Moving),
    done: i64,
    expected: i64,
}

impl Progress<'_> {
    fn tell(&mut self, doing: &'static str, table: &Table, rows: i64) {
        self.done += rows;
        (self.watch)(Moving { doing, table: table.name, done: self.done, expected: self.expected });
    }
}

/// The database that a newsroom moves to.
struct Target {
    db: Db,
    /// As it may be shown.
    name: String,
    /// This run: each of its transactions asks whether the database is still its own.
    by: String,
}

impl Target {
    /// Makes the database this run's own, if it is empty, or holds what an earlier run has brought of the same newsroom. Tells
    /// how many rows that is.
    async fn claim(&self, first: i64, from: &str) -> Result<i64, MoveError> {
        let mut tx = self.db.write().await?;
        let earlier: Option<(i64,)> = tx.first("SELECT first_article FROM moves", Vec::new()).await?;
        let holds = holds(&mut tx).await?;
        // A newsroom without articles is not known by its first one.
        let is_ours = earlier.is_some_and(|(earlier,)| earlier == first || earlier == 0);
        if !is_ours && !holds.is_empty() {
            let holds: Vec<String> = holds.into_iter().map(|(table, count)| format!("{table}: {count}")).collect();
            return Err(MoveError::Occupied { to: self.name.clone(), holds: holds.join(", "), from: shown(from) });
        }
        tx.run("DELETE FROM moves", Vec::new()).await?;
        let sql = "INSERT INTO moves (first_article, claimed_by, complete) VALUES ($1, $2, 0)";
        tx.run(sql, args![first, self.by.as_str()]).await?;
        tx.commit_quietly().await?;
        Ok(holds.into_iter().map(|(_, count)| count).sum())
    }

    /// Starts a transaction that writes, if the database is still this run's own.
    async fn write(&self) -> Result<Tx, MoveError> {
        let mut tx = self.db.write().await?;
        let sql = "SELECT complete FROM moves WHERE claimed_by = $1";
        let own: Option<(i64,)> = tx.first(sql, args![self.by.as_str()]).await?;
        own.map(|_| tx).ok_or_else(|| MoveError::Overtaken(self.name.clone()))
    }

    /// Compares all rows with the old database's, and removes those that are unlike if it is to. Tells how many are alike, and how many not.
    async fn compare(
        &self,
        table: &Table,
        old: &mut Tx,
        remove: bool,
        progress: &mut Progress<'_>,
    ) -> Result<(i64, i64), MoveError> {
        let doing = if remove { "comparing" } else { "verifying" };
        let (mut alike, mut others) = (0, 0);
        let (mut here, kinds) = (self.db.read().await?, table.kinds());
        let mut rows = here.rows(table.all(), Vec::new(), &kinds)?;
        loop {
            let batch = batch(&mut rows).await?;
            if batch.is_empty() {
                return Ok((alike, others));
            }
            let count = as_count(batch.len());
            let unlike = unlike(table, batch, old).await?;
            alike += count - as_count(unlike.len());
            others += as_count(unlike.len());
            if remove && !unlike.is_empty() {
                self.remove(table, unlike).await?;
            }
            progress.tell(doing, table, count);
        }
    }

    async fn remove(&self, table: &Table, keys: Vec<Row>) -> Result<(), MoveError> {
        let mut tx = self.write().await?;
        if table.name == ARTICLES {
            tx.forget_words(keys.iter().flatten().cloned().collect()).await?;
        }
        table.delete(&mut tx, keys).await?;
        Ok(tx.commit_quietly().await?)
    }

    /// Brings the rows that are missing. Tells how many.
    async fn fill(&self, table: &Table, old: &mut Tx, progress: &mut Progress<'_>) -> Result<i64, MoveError> {
        let mut written = 0;
        let kinds = table.kinds();
        let mut rows = old.rows(table.all(), Vec::new(), &kinds)?;
        loop {
            let batch = batch(&mut rows).await?;
            if batch.is_empty() {
                return Ok(written);
            }
            let count = as_count(batch.len());
            written += self.insert(table, batch).await?;
            progress.tell("moving", table, count);
        }
    }

    /// Inserts those rows of a batch that are missing. Tells how many.
    async fn insert(&self, table: &Table, mut batch: Vec<Row>) -> Result<i64, MoveError> {
        let mut tx = self.write().await?;
        let keys = batch.iter().map(|row| table.key_of(row));
        let (sql, args) = table.with_keys(&tx, &table.key_names(), keys);
        let here: HashSet<Row> = tx.rows(sql, args, &table.kinds()[..table.key])?.try_collect().await?;
        batch.retain(|row| !here.contains(&row[..table.key]));
        let (count, keys) = (as_count(batch.len()), batch.iter().map(|row| table.key_of(row)).collect::<Vec<_>>());
        tx.insert(&format!("INSERT INTO {} ({})", table.name, table.names()), batch, "").await?;
        if table.name == ARTICLES {
            let sql = "SELECT num, title, html FROM articles WHERE withdrawn_at IS NULL AND num IN ({})";
            let nums = keys.into_iter().flatten().collect();
            let articles: Vec<(i64, String, String)> = tx.all_in(sql, Vec::new(), nums).await?;
            let words = articles.into_iter().map(|(num, title, html)| (num, words_of(&title, &html))).collect();
            tx.index_words(&[], words).await?;
        }
        tx.commit_quietly().await?;
        Ok(count)
    }

    /// Reads everything back. Tells how many rows there are, all of them the old database's.
    async fn verify(&self, table: &Table, old: &mut Tx, progress: &mut Progress<'_>) -> Result<i64, MoveError> {
        let (alike, unlike) = self.compare(table, old, false, progress).await?;
        let there = table.count(old).await?;
        if (alike, unlike) != (there, 0) {
            return Err(MoveError::Differs { table: table.name, there, here: alike + unlike, unlike });
        }
        Ok(there)
    }

    /// Says that everything is here.
    async fn complete(&self) -> Result<(), MoveError> {
        let mut tx = self.write().await?;
        let sql = "SELECT (SELECT count(*) FROM articles WHERE withdrawn_at IS NULL), (SELECT count(*) FROM words)";
        let (there, here): (i64, i64) = tx.first(sql, Vec::new()).await?.unwrap_or_default();
        if here != there {
            return Err(MoveError::Differs { table: "words", there, here, unlike: 0 });
        }
        tx.run("UPDATE moves SET complete = 1", Vec::new()).await?;
        Ok(tx.commit_quietly().await?)
    }
}

fn as_count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
