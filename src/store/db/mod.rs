//! The leaf: where a query meets a database. All differences between databases stand in this folder.
//!
//! A query is an ordinary function with one text; it calls [`Tx::run`] or [`Tx::all`] with arguments, and does not know which
//! database answers.

mod arg;
mod postgres;
mod sqlite;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Database, FromRow, Postgres, Sqlite, Transaction};

pub(super) use arg::{Arg, Kind};
use arg::{bound, values};
pub(super) use sqlite::file;

use super::{StoreError, is_away, plainly};

/// Rows in one statement, at most: keeps the number of parameters in bounds, and statements few.
pub(super) const ROWS: usize = 500;

/// Arguments of a query, in the order of `$1`, `$2`, …
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Arg::from($value)),*] };
}
pub(super) use args;

/// A row that can come from any of the databases.
pub(super) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

/// The database. Cheap to clone.
#[derive(Clone)]
pub(super) enum Db {
    /// One connection writes, a few read.
    Sqlite { write: SqlitePool, read: SqlitePool },
    /// `node` is this process's name in what it tells the others.
    Postgres { pool: PgPool, node: String },
}

/// A transaction.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    /// `changed`: it has something to tell the other nodes.
    Postgres {
        tx: Transaction<'static, Postgres>,
        node: String,
        changed: bool,
    },
}

/// What other processes write.
pub(super) enum Changes {
    Sqlite(sqlite::Changes),
    Postgres(postgres::Changes),
}

/// A pool whose connections grow as old as they like. Where one has to end in time, sqlx 0.9 starts a task that can fall into a
/// loop without end, which takes a core and never lets the process stop (its issue 3645).
fn pool<D: Database>(connections: u32) -> PoolOptions<D> {
    PoolOptions::new().max_connections(connections).max_lifetime(None).idle_timeout(None)
}

impl Db {
    /// Opens the database at `url`, making and migrating it where needed.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let bad = |why: String| StoreError::Open { url: shown(url), why, away: false };
        let failed =
            |error: sqlx::Error| StoreError::Open { url: shown(url), why: plainly(&error), away: is_away(&error) };
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => {
                let file = file(url).ok_or_else(|| StoreError::Address(shown(url)))?;
                if let Some(why) = sqlite::misplaced(file) {
                    return Err(bad(why));
                }
                let (write, read) = sqlite::open(url).await.map_err(failed)?;
                Ok(Db::Sqlite { write, read })
            }
            Some("postgres" | "postgresql") => {
                let node = getrandom::u64().map_err(|error| bad(error.to_string()))?.to_string();
                let pool = postgres::open(url).await.map_err(failed)?;
                Ok(Db::Postgres { pool, node })
            }
            _ => Err(StoreError::Address(shown(url))),
        }
    }

    /// Starts a transaction that will write. Writers are let in one at a time, whatever process they are of: what such a
    /// transaction reads stays true until it ends. Another writer is waited for now, not in the middle.
    pub(super) async fn write(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { write, .. } => Ok(Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)),
            Db::Postgres { pool, node } => {
                Ok(Tx::postgres(postgres::bounded(pool.begin_with(postgres::ALONE)).await?, node))
            }
        }
    }

    /// Starts a transaction that will write beside others of its kind: for small steps that are many, such as claims. It must
    /// be right whatever those others do between its statements, and never wait for them in a circle.
    pub(super) async fn write_beside(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { .. } => self.write().await,
            Db::Postgres { pool, node } => {
                Ok(Tx::postgres(postgres::bounded(pool.begin_with(postgres::BESIDE)).await?, node))
            }
        }
    }

    /// Starts a transaction that only reads: all it sees is of one moment.
    pub(super) async fn read(&self) -> Result<Tx, StoreError> {
        match self {
            Db::Sqlite { read, .. } => Ok(Tx::Sqlite(read.begin().await?)),
            Db::Postgres { pool, node } => {
                Ok(Tx::postgres(postgres::bounded(pool.begin_with(postgres::READ)).await?, node))
            }
        }
    }

    /// Starts to watch what other processes write.
    pub(super) async fn changes(&self) -> Result<Changes, StoreError> {
        match self {
            Db::Sqlite { write, .. } => Ok(Changes::Sqlite(sqlite::Changes::of(write.clone()).await?)),
            Db::Postgres { pool, node } => Ok(Changes::Postgres(postgres::Changes::of(pool, node).await?)),
        }
    }

    /// Ends all connections, in order.
    pub(super) async fn close(&self) {
        match self {
            Db::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Db::Postgres { pool, .. } => pool.close().await,
        }
    }
}

impl Changes {
    /// Waits until another process has written, or may have.
    pub(super) async fn next(&mut self) -> Result<(), StoreError> {
        match self {
            Changes::Sqlite(changes) => Ok(changes.next().await?),
            Changes::Postgres(changes) => Ok(changes.next().await?),
        }
    }
}

impl Tx {
    fn postgres(tx: Transaction<'static, Postgres>, node: &str) -> Self {
        Tx::Postgres { tx, node: node.to_owned(), changed: false }
    }

    /// Runs a statement; tells how many rows it changed.
    pub(super) async fn run(&mut self, sql: impl Into<String>, args: Vec<Arg>) -> Result<u64, StoreError> {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Tx::Sqlite(tx) => {
                Ok(sqlx::query_with(sql, bound::<Sqlite>(args)?).execute(&mut **tx).await?.rows_affected())
            }
            Tx::Postgres { tx, changed, .. } => {
                let query = sqlx::query_with(sql, bound::<Postgres>(args)?);
                let done = postgres::bounded(query.execute(&mut **tx)).await?.rows_affected();
                *changed |= done > 0;
                Ok(done)
            }
        }
    }

    /// All rows of a query.
    pub(super) async fn all<T: Row>(&mut self, sql: impl Into<String>, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Tx::Sqlite(tx) => Ok(sqlx::query_as_with(sql, bound::<Sqlite>(args)?).fetch_all(&mut **tx).await?),
            Tx::Postgres { tx, .. } => {
                let query = sqlx::query_as_with(sql, bound::<Postgres>(args)?);
                Ok(postgres::bounded(query.fetch_all(&mut **tx)).await?)
            }
        }
    }

    /// The first row of a query, if there is one.
    pub(super) async fn first<T: Row>(
        &mut self,
        sql: impl Into<String>,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Tx::Sqlite(tx) => Ok(sqlx::query_as_with(sql, bound::<Sqlite>(args)?).fetch_optional(&mut **tx).await?),
            Tx::Postgres { tx, .. } => {
                let query = sqlx::query_as_with(sql, bound::<Postgres>(args)?);
                Ok(postgres::bounded(query.fetch_optional(&mut **tx)).await?)
            }
        }
    }

    /// The rows of a query, one by one as they come, each as values that can be bound again. `kinds`: what its columns hold.
    pub(super) fn rows<'t>(
        &'t mut self,
        sql: String,
        args: Vec<Arg>,
        kinds: &'t [Kind],
    ) -> Result<BoxStream<'t, Result<Vec<Arg>, StoreError>>, StoreError> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Tx::Sqlite(tx) => {
                let rows = sqlx::query_with(sql, bound::<Sqlite>(args)?).fetch(&mut **tx);
                rows.map(|row| values(&row?, kinds)).boxed()
            }
            Tx::Postgres { tx, .. } => {
                let rows = sqlx::query_with(sql, bound::<Postgres>(args)?).fetch(&mut **tx);
                rows.map(|row| values(&row?, kinds)).boxed()
            }
        })
    }

    /// Inserts many rows with few statements. `head`: `INSERT INTO t (a, b)`; `tail`: what follows the values.
    pub(super) async fn insert(&mut self, head: &str, rows: Vec<Vec<Arg>>, tail: &str) -> Result<(), StoreError> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let (sql, args) = self.listed(head, rows.by_ref().take(ROWS), tail);
            self.run(sql, args).await?;
        }
        Ok(())
    }

    /// A statement with many rows, at most [`ROWS`], between its head and its tail; and their values.
    pub(super) fn listed(
        &self,
        head: &str,
        rows: impl IntoIterator<Item = Vec<Arg>>,
        tail: &str,
    ) -> (String, Vec<Arg>) {
        let (mut sql, mut args) = (format!("{head} VALUES "), Vec::new());
        for (at, row) in rows.into_iter().enumerate() {
            if at > 0 {
                sql.push(',');
            }
            sql.push_str(&format!("({})", self.values(args.len(), row.len())));
            args.extend(row);
        }
        sql.push(' ');
        sql.push_str(tail);
        (sql, args)
    }

    /// The placeholders of a row after `before` values. SQLite looks numbered ones up one by one, which is slow where there
    /// are hundreds.
    fn values(&self, before: usize, count: usize) -> String {
        match self {
            Tx::Sqlite(_) => vec!["?"; count].join(","),
            Tx::Postgres { .. } => placeholders(before, count),
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

    /// Makes it so. Only now is anything accepted; other nodes learn of it.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Postgres { mut tx, node, changed: true } => {
                postgres::bounded(postgres::notify(&mut tx, &node)).await?;
                Ok(postgres::bounded(tx.commit()).await?)
            }
            tx => tx.commit_quietly().await,
        }
    }

    /// The same for what no other node waits for, such as claims and what becomes of them: nobody is woken.
    pub(super) async fn commit_quietly(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => Ok(tx.commit().await?),
            Tx::Postgres { tx, .. } => Ok(postgres::bounded(tx.commit()).await?),
        }
    }

    /// The end of a `SELECT` whose rows of `table` are to be claimed: those that others are just claiming are passed over.
    pub(super) fn claiming(&self, table: &str) -> String {
        match self {
            Tx::Sqlite(_) => String::new(),
            Tx::Postgres { .. } => format!("FOR UPDATE OF {table} SKIP LOCKED"),
        }
    }

    /// Replaces the words by which articles are searched; `replaced` are those that have some already.
    pub(super) async fn index_words(
        &mut self,
        replaced: &[i64],
        articles: Vec<(i64, String)>,
    ) -> Result<(), StoreError> {
        self.forget_words(replaced.iter().copied().map(Arg::Int).collect()).await?;
        match self {
            Tx::Sqlite(_) => {
                let rows = articles.into_iter().map(|(num, words)| args![num, words]).collect();
                self.insert("INSERT INTO words (rowid, text)", rows, "").await
            }
            Tx::Postgres { .. } => {
                let rows = articles.into_iter().map(|(num, words)| args![num, postgres::indexed(&words)]).collect();
                let head = "INSERT INTO words (article, text) SELECT num, array_to_tsvector(string_to_array(list, ' ')) FROM (";
                self.insert(head, rows, ") AS indexed (num, list)").await
            }
        }
    }

    /// Removes the words of these articles.
    pub(super) async fn forget_words(&mut self, articles: Vec<Arg>) -> Result<(), StoreError> {
        let article = match self {
            Tx::Sqlite(_) => "rowid",
            Tx::Postgres { .. } => "article",
        };
        self.run_in(&format!("DELETE FROM words WHERE {article} IN ({{}})"), Vec::new(), articles).await
    }

    /// Articles that have all words of a search, as a table of `article`.
    pub(super) fn found(&self, placeholder: usize) -> String {
        match self {
            Tx::Sqlite(_) => format!("(SELECT rowid AS article FROM words WHERE words MATCH ${placeholder})"),
            Tx::Postgres { .. } => {
                format!("(SELECT article FROM words WHERE text @@ CAST(${placeholder} AS TSQUERY))")
            }
        }
    }

    /// Whether the article `column` has all words of a search.
    pub(super) fn has_words(&self, column: &str, placeholder: usize) -> String {
        match self {
            Tx::Sqlite(_) => {
                format!("EXISTS (SELECT 1 FROM words WHERE words MATCH ${placeholder} AND rowid = {column})")
            }
            Tx::Postgres { .. } => format!(
                "EXISTS (SELECT 1 FROM words WHERE article = {column} AND text @@ CAST(${placeholder} AS TSQUERY))"
            ),
        }
    }

    /// A search as the database takes it: every word must be there.
    pub(super) fn search(&self, words: &str) -> String {
        match self {
            Tx::Sqlite(_) => words.split(' ').map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" "),
            Tx::Postgres { .. } => postgres::search(words),
        }
    }
}

/// The steps to the tables that this version knows. A later version may have taken more of them: it runs beside this one, and
/// only adds.
fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.set_ignore_missing(true);
    migrations
}

/// `$2,$3,$4` for three values after one.
fn placeholders(before: usize, count: usize) -> String {
    (before + 1..=before + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(",")
}

/// A database's address as it may be shown: without its password, which may be part of the query as well.
pub(super) fn shown(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut address) if address.has_host() => {
            address.set_query(None);
            if address.password().is_some() && address.set_password(None).is_err() {
                return format!("{}:…", address.scheme());
            }
            address.into()
        }
        _ if url.starts_with("sqlite:") => url.to_owned(),
        // What can't be read may hold a password anywhere.
        _ => url.split_once(':').map_or("…".to_owned(), |(scheme, _)| format!("{scheme}:…")),
    }
}
