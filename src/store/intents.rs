//! WebSub's requests: who wants a subscription or wants it no more, on the way to being verified with its callback.

use chrono::{DateTime, TimeDelta, Utc};

use super::db::args;
use super::stored::new_nums;
use super::{Store, StoreError, Topic, instant, millis};

/// Requests that may wait for verification: more is an attack.
const MAX_INTENTS: i64 = 100_000;

/// What a callback is asked or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It wants the topic.
    Subscribe,
    /// It wants it no more.
    Unsubscribe,
    /// It can't have it.
    Denied,
}

impl Mode {
    /// The value of `hub.mode`.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Subscribe => "subscribe",
            Mode::Unsubscribe => "unsubscribe",
            Mode::Denied => "denied",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "subscribe" => Mode::Subscribe,
            "unsubscribe" => Mode::Unsubscribe,
            _ => Mode::Denied,
        }
    }
}

/// A request that is to be verified with its callback.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Its row.
    pub num: i64,
    /// What is wanted.
    pub topic: Topic,
    /// The topic's address as the subscriber wrote it.
    pub address: String,
    /// Who wants it.
    pub callback: String,
    /// Whether it is wanted.
    pub mode: Mode,
    /// For signatures.
    pub secret: Option<String>,
    /// For how long.
    pub lease: TimeDelta,
    /// The version that the subscriber is taken to have.
    pub given: i64,
    /// Tries that failed.
    pub failures: i64,
}

/// As in [`COLUMNS`].
type Columns = (i64, String, String, String, String, String, Option<String>, i64, i64, i64);

const COLUMNS: &str = "num, feed, format, callback, topic, mode, secret, lease, given, failures";

fn intent((num, feed, format, callback, address, mode, secret, lease, given, failures): Columns) -> Intent {
    Intent {
        num,
        topic: Topic { feed, format },
        address,
        callback,
        mode: Mode::of(&mode),
        secret,
        lease: TimeDelta::milliseconds(lease),
        given,
        failures,
    }
}

impl Store {
    /// Takes a request in, in place of an older one of the same callback. `false`: there are too many.
    pub async fn intend(&self, intent: &Intent, now: DateTime<Utc>) -> Result<bool, StoreError> {
        match self.intend_as(new_nums(now), intent, now).await {
            // Another node took the number in the same millisecond.
            Err(error) if error.is_clash() => self.intend_as(new_nums(now), intent, now).await,
            done => done,
        }
    }

    pub(super) async fn intend_as(&self, num: i64, intent: &Intent, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tx = self.db.write_beside().await?;
        let (waiting,): (i64,) = tx.first("SELECT count(*) FROM intents", Vec::new()).await?.unwrap_or_default();
        if waiting >= MAX_INTENTS {
            return Ok(false);
        }
        tx.run(
            "INSERT INTO intents (num, feed, format, callback, topic, mode, secret, lease, given, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (feed, format, callback) DO UPDATE SET num = excluded.num, topic = excluded.topic, mode = excluded.mode, \
             secret = excluded.secret, lease = excluded.lease, given = excluded.given, due_at = excluded.due_at, \
             claimed_until = 0, claimed_by = '', failures = 0",
            args![
                num,
                intent.topic.feed.as_str(),
                intent.topic.format.as_str(),
                intent.callback.as_str(),
                intent.address.as_str(),
                intent.mode.word(),
                intent.secret.clone(),
                intent.lease.num_milliseconds(),
                intent.given,
                millis(now),
            ],
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes up to `limit` requests that are due.
    pub async fn claim_intents(
        &self,
        limit: i64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: &str,
    ) -> Result<Vec<Intent>, StoreError> {
        let mut tx = self.db.write_beside().await?;
        let sql = format!(
            "WITH due AS MATERIALIZED \
             (SELECT num FROM intents WHERE due_at <= $3 AND claimed_until <= $3 ORDER BY due_at LIMIT $4 {}) \
             UPDATE intents SET claimed_until = $1, claimed_by = $2 WHERE num IN (SELECT num FROM due) \
             RETURNING {COLUMNS}",
            tx.claiming("intents")
        );
        let rows: Vec<Columns> = tx.all(sql, args![millis(until), by, millis(now), limit]).await?;
        tx.commit_quietly().await?;
        Ok(rows.into_iter().map(intent).collect())
    }

    /// Up to `limit` requests that wait, those that were tried most often first.
    pub async fn waiting_intents(&self, limit: i64) -> Result<Vec<Intent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM intents ORDER BY failures DESC, num LIMIT $1");
        let rows: Vec<Columns> = self.db.read().await?.all(sql, args![limit]).await?;
        Ok(rows.into_iter().map(intent).collect())
    }

    /// The callback has confirmed: the subscription stands, renewed if it stood before, or is gone.
    pub async fn confirmed(&self, intent: &Intent, now: DateTime<Utc>) -> Result<(), StoreError> {
        match self.confirmed_as(new_nums(now), intent, now).await {
            Err(error) if error.is_clash() => self.confirmed_as(new_nums(now), intent, now).await,
            done => done,
        }
    }

    async fn confirmed_as(&self, num: i64, intent: &Intent, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        let key = args![intent.topic.feed.as_str(), intent.topic.format.as_str(), intent.callback.as_str()];
        let sql = "SELECT count(*) FROM topics WHERE feed = $1 AND format = $2";
        let (topics,): (i64,) = tx.first(sql, key[..2].to_vec()).await?.unwrap_or_default();
        if intent.mode == Mode::Subscribe && topics == 0 {
            // It has gone while the callback was asked, which is told so.
            let sql = "UPDATE intents SET mode = 'denied', due_at = $2, claimed_until = 0, claimed_by = '', failures = 0 WHERE num = $1";
            tx.run(sql, args![intent.num, millis(now)]).await?;
            return tx.commit_quietly().await;
        }
        // A newer request of the same callback has another number: then this confirmation is yesterday's.
        if tx.run("DELETE FROM intents WHERE num = $1", args![intent.num]).await? == 0 {
            return Ok(());
        }
        if intent.mode == Mode::Subscribe {
            let mut values = args![num];
            values.extend(key);
            values.extend(args![intent.secret.clone(), millis(now + intent.lease), intent.given, millis(now)]);
            tx.run(
                "INSERT INTO subscriptions (num, feed, format, callback, kind, secret, lease_until, given, due_at) \
                 VALUES ($1, $2, $3, $4, 'subscriber', $5, $6, $7, $8) \
                 ON CONFLICT (feed, format, callback) DO UPDATE SET kind = 'subscriber', secret = excluded.secret, \
                 lease_until = excluded.lease_until, due_at = excluded.due_at, failures = 0, failing_since = NULL, error = NULL",
                values,
            )
            .await?;
        } else {
            tx.run("DELETE FROM subscriptions WHERE feed = $1 AND format = $2 AND callback = $3", key).await?;
        }
        tx.commit_quietly().await
    }

    /// The callback has not confirmed to who holds the claim, `by`: it is asked again at `again`, or never. What stood before, stands.
    pub async fn unconfirmed(&self, intent: &Intent, by: &str, again: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        match again {
            Some(at) => {
                let sql = "UPDATE intents SET due_at = $3, failures = failures + 1, claimed_until = 0, claimed_by = '' \
                           WHERE num = $1 AND claimed_by = $2";
                tx.run(sql, args![intent.num, by, millis(at)]).await?
            }
            None => tx.run("DELETE FROM intents WHERE num = $1 AND claimed_by = $2", args![intent.num, by]).await?,
        };
        tx.commit_quietly().await
    }

    /// When the next request is due.
    pub async fn next_intent(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let sql = "SELECT min(CASE WHEN due_at > claimed_until THEN due_at ELSE claimed_until END) FROM intents";
        let row: Option<(Option<i64>,)> = self.db.read().await?.first(sql, Vec::new()).await?;
        Ok(row.and_then(|(at,)| at).map(instant))
    }
}
