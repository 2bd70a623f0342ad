//! PostgreSQL, which several nodes share.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool};
use sqlx::{Connection, Executor, PgConnection, Postgres, Transaction};
use tokio::time::timeout;

use crate::store::{PATIENCE, silence};

/// Connections of a process, one of which listens.
const CONNECTIONS: u32 = 16;

/// No statement takes longer, nor does any wait for a lock. What has no answer by then gets none: the network swallows it.
const LONGEST: Duration = Duration::from_secs(60);

/// The channel on which nodes tell each other that they have written.
const CHANNEL: &str = "courant";

/// A notification that was lost costs this much.
const LOOK: Duration = Duration::from_secs(5);

/// The transactions. Those that write hold one advisory lock, alone or shared, whose number is "courant" in ASCII. No
/// transaction waits for anything but the database: one whose node has died in the middle must not hold up the others.
macro_rules! writing {
    ($lock:literal) => {
        concat!(
            "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'; SELECT ",
            $lock,
            "(x'636f7572616e74'::BIGINT)"
        )
    };
}
pub(super) const ALONE: &str = writing!("pg_advisory_xact_lock");
pub(super) const BESIDE: &str = writing!("pg_advisory_xact_lock_shared");
pub(super) const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Full-text search. No dictionary has a say: the words come already split and in lower case.
const WORDS: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS words (article BIGINT NOT NULL PRIMARY KEY, text TSVECTOR NOT NULL)",
    "CREATE INDEX IF NOT EXISTS words_by_text ON words USING gin (text)",
];

/// Bytes of a word, and of all different words of an article, that can be searched for: PostgreSQL indexes no more.
const LONGEST_WORD: usize = 2000;
const ALL_WORDS: usize = 1_000_000;

/// Opens the database at `url` and migrates it where needed. Nodes that start together wait for each other.
pub(super) async fn open(url: &str) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    // Not of the pool, which would say nothing but that it has waited.
    let mut first = timeout(PATIENCE, PgConnection::connect_with(&options)).await.unwrap_or_else(|_| Err(silence()))?;
    super::migrations().run_direct(None, &mut first, false).await?;
    let mut tx = first.begin_with(ALONE).await?;
    for sql in WORDS {
        sqlx::query(sql).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    first.close().await?;
    Ok(super::pool::<Postgres>(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        // One whose other end is silent must not keep its place in the pool.
        .after_release(|connection, _| {
            Box::pin(async { Ok(timeout(PATIENCE, connection.ping()).await.is_ok_and(|answer| answer.is_ok())) })
        })
        .connect_lazy_with(options))
}

/// Waits for the database, but not for ever.
pub(super) async fn bounded<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(LONGEST, answer).await.unwrap_or_else(|_| Err(silence()))
}

/// Tells the other nodes, if and when the transaction is committed.
pub(super) async fn notify(tx: &mut Transaction<'static, Postgres>, node: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(node).execute(&mut **tx).await?;
    Ok(())
}

/// What other nodes write.
pub(in crate::store) struct Changes {
    listener: PgListener,
    node: String,
}

impl Changes {
    pub(super) async fn of(pool: &PgPool, node: &str) -> Result<Self, sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self { listener, node: node.to_owned() })
    }

    pub(super) async fn next(&mut self) -> Result<(), sqlx::Error> {
        let heard = async {
            // A connection that was lost is made anew, and what was said meanwhile was not heard: that counts as a change.
            while let Some(notification) = self.listener.try_recv().await? {
                if notification.payload() != self.node {
                    break;
                }
            }
            Ok::<(), sqlx::Error>(())
        };
        if let Ok(heard) = timeout(LOOK, heard).await {
            heard?;
        } else {
            // A connection whose other end has gone without a word would be listened to for ever.
            timeout(PATIENCE, self.listener.execute("SELECT 1")).await.unwrap_or_else(|_| Err(silence()))?;
        }
        // Many changes at once are looked at once.
        while self.listener.next_buffered().is_some() {}
        Ok(())
    }
}

/// The words of an article that can be indexed, each once.
pub(super) fn indexed(words: &str) -> String {
    let (mut seen, mut kept) = (BTreeSet::new(), String::with_capacity(words.len().min(ALL_WORDS)));
    for word in words.split(' ').filter(|word| word.len() <= LONGEST_WORD && seen.insert(*word)) {
        if kept.len() + word.len() >= ALL_WORDS {
            break;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(word);
    }
    kept
}

/// A search as a `tsquery`. What can't be indexed is looked for as a word that no text has.
pub(super) fn search(words: &str) -> String {
    let is_indexed = |word: &str| !word.is_empty() && word.len() <= LONGEST_WORD;
    let quoted = words.split(' ').map(|word| if is_indexed(word) { format!("'{word}'") } else { "' '".to_owned() });
    quoted.collect::<Vec<_>>().join(" & ")
}
