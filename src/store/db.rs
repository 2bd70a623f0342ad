//! The leaf: where a query meets a database. All differences between databases stand in this file.
//!
//! A query is an ordinary function with one text; it calls [`Tx::run`] or [`Tx::all`] with arguments, and does not know which
//! database answers.

use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, FromRow, Sqlite, Transaction};

use super::StoreError;

/// Rows in one statement, at most: keeps the number of parameters in bounds, and statements few.
const ROWS: usize = 500;

/// A value that is bound to a query.
#[derive(Debug, Clone)]
pub(super) enum Arg {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(String),
    MaybeText(Option<String>),
    Bytes(Vec<u8>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Arg::Int(value)
    }
}
impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Arg::MaybeInt(value)
    }
}
impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Arg::Text(value.to_owned())
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Arg::Text(value)
    }
}
impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Arg::MaybeText(value)
    }
}
impl From<&[u8]> for Arg {
    fn from(value: &[u8]) -> Self {
        Arg::Bytes(value.to_vec())
    }
}

/// Arguments of a query, in the order of `$1`, `$2`, …
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Arg::from($value)),*] };
}
pub(super) use args;

/// A row that can come from any of the databases.
pub(super) trait Row: for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin> Row for T {}

/// The database. Cheap to clone.
#[derive(Clone)]
pub(super) enum Db {
    /// One connection writes, a few read.
    Sqlite { write: SqlitePool, read: SqlitePool },
}

/// A transaction.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
}

impl Db {
    /// Opens the database at `url`, making and migrating it where needed.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let bad = |why: String| StoreError::Open { url: url.to_owned(), why };
        if !url.starts_with("sqlite:") {
            return Err(bad("only sqlite: addresses are supported, such as sqlite:courant.db".to_owned()));
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| bad(error.to_string()))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Acknowledged means on disk, also when the power goes.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(30));
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            // `data_version` counts for one connection, so that one must last.
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(options.clone().pragma("cache_size", "-16000"));
        let write = write.await.map_err(|error| bad(error.to_string()))?;
        sqlx::migrate!().run(&write).await.map_err(|error| bad(error.to_string()))?;
        sqlx::query(WORDS).execute(&write).await?;
        let read = SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options.read_only(true));
        Ok(Db::Sqlite { write, read })
    }

    /// Starts a transaction that will write. Another writer is waited for now, not in the middle.
    pub(super) async fn write(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { write, .. } => Ok(Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)),
        }
    }

    /// Starts a transaction that only reads: all it sees is of one moment.
    pub(super) async fn read(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { read, .. } => Ok(Tx::Sqlite(read.begin().await?)),
        }
    }

    /// A number that moves when another process has written.
    pub(super) async fn moved(&self) -> Result<i64, StoreError> {
        match self {
            // On the connection that writes, `data_version` moves for the writes of others alone.
            Db::Sqlite { write, .. } => Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(write).await?),
        }
    }

    /// Ends all connections, in order.
    pub(super) async fn close(&self) {
        match self {
            Db::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

impl Tx {
    /// Runs a statement; tells how many rows it changed.
    pub(super) async fn run(&mut self, sql: impl Into<String>, args: Vec<Arg>) -> Result<u64, StoreError> {
        match self {
            Tx::Sqlite(tx) => {
                let done = sqlx::query_with(AssertSqlSafe(sql.into()), sqlite(args)?).execute(&mut **tx).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// All rows of a query.
    pub(super) async fn all<T: Row>(&mut self, sql: impl Into<String>, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        match self {
            Tx::Sqlite(tx) => {
                Ok(sqlx::query_as_with(AssertSqlSafe(sql.into()), sqlite(args)?).fetch_all(&mut **tx).await?)
            }
        }
    }

    /// The first row of a query, if there is one.
    pub(super) async fn first<T: Row>(
        &mut self,
        sql: impl Into<String>,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Tx::Sqlite(tx) => {
                Ok(sqlx::query_as_with(AssertSqlSafe(sql.into()), sqlite(args)?).fetch_optional(&mut **tx).await?)
            }
        }
    }

    /// Inserts many rows with few statements. `head`: `INSERT INTO t (a, b)`; `tail`: what follows the values.
    pub(super) async fn insert(&mut self, head: &str, rows: Vec<Vec<Arg>>, tail: &str) -> Result<(), StoreError> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let (mut sql, mut args) = (format!("{head} VALUES "), Vec::new());
            for (at, row) in rows.by_ref().take(ROWS).enumerate() {
                if at > 0 {
                    sql.push(',');
                }
                sql.push_str(&format!("({})", self.values(row.len())));
                args.extend(row);
            }
            sql.push(' ');
            sql.push_str(tail);
            self.run(sql, args).await?;
        }
        Ok(())
    }

    /// The placeholders of a row. SQLite looks numbered ones up one by one, which is slow where there are hundreds.
    fn values(&self, count: usize) -> String {
        match self {
            Tx::Sqlite(_) => vec!["?"; count].join(","),
        }
    }

    /// Rows of a query over a list that may be long: `sql` holds `{}` where the list's placeholders go, after those of `args`.
    pub(super) async fn all_in<T: Row>(
        &mut self,
        sql: &str,
        args: Vec<Arg>,
        list: Vec<Arg>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        for part in list.chunks(ROWS) {
            let mut all = args.clone();
            all.extend_from_slice(part);
            rows.extend(self.all(sql.replace("{}", &placeholders(args.len(), part.len())), all).await?);
        }
        Ok(rows)
    }

    /// The same for a statement.
    pub(super) async fn run_in(&mut self, sql: &str, args: Vec<Arg>, list: Vec<Arg>) -> Result<(), StoreError> {
        for part in list.chunks(ROWS) {
            let mut all = args.clone();
            all.extend_from_slice(part);
            self.run(sql.replace("{}", &placeholders(args.len(), part.len())), all).await?;
        }
        Ok(())
    }

    /// Makes it so. Only now is anything accepted.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => Ok(tx.commit().await?),
        }
    }

    /// Replaces the words by which articles are searched; `replaced` are those that have some already.
    pub(super) async fn index_words(
        &mut self,
        replaced: &[i64],
        articles: Vec<(i64, String)>,
    ) -> Result<(), StoreError> {
        let nums = replaced.iter().copied().map(Arg::Int).collect();
        self.run_in("DELETE FROM words WHERE rowid IN ({})", Vec::new(), nums).await?;
        let rows = articles.into_iter().map(|(num, words)| args![num, words]).collect();
        self.insert("INSERT INTO words (rowid, text)", rows, "").await
    }
}

/// Full-text search on SQLite. The words come already split and in lower case, so the tokenizer has nothing to decide.
const WORDS: &str = "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, content = '', contentless_delete = 1, \
                     detail = none, tokenize = \"unicode61 remove_diacritics 0 categories 'L* M* N* Co'\")";

/// Articles that have all words of a search, as a table of `article`.
pub(super) fn found(placeholder: usize) -> String {
    format!("(SELECT rowid AS article FROM words WHERE words MATCH ${placeholder})")
}

/// Whether the article `column` has all words of a search.
pub(super) fn has_words(column: &str, placeholder: usize) -> String {
    format!("EXISTS (SELECT 1 FROM words WHERE words MATCH ${placeholder} AND rowid = {column})")
}

/// A search as the database takes it: every word must be there.
pub(super) fn search(words: &str) -> String {
    words.split(' ').map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ")
}

/// `$2,$3,$4` for three values after one.
fn placeholders(before: usize, count: usize) -> String {
    (before + 1..=before + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(",")
}

fn sqlite(args: Vec<Arg>) -> Result<SqliteArguments, StoreError> {
    use sqlx::Arguments;
    let mut bound = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Int(value) => bound.add(value),
            Arg::MaybeInt(value) => bound.add(value),
            Arg::Text(value) => bound.add(value),
            Arg::MaybeText(value) => bound.add(value),
            Arg::Bytes(value) => bound.add(value),
        }
        .map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
    }
    Ok(bound)
}
