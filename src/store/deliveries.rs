//! WebSub's deliveries: what is owed to whom, and what became of it. The subscription row is the queue.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::db::{Arg, args};
use super::stored::new_nums;
use super::{Receiver, Store, StoreError, Topic, instant, millis};

/// Rows of the log of deliveries.
const LOG: i64 = 1000;

/// Deliveries that arrived of which one batch writes into the log.
const LOGGED_AT_ONCE: usize = 32;

/// Subscriptions to which a document is owed. `CROSS JOIN` holds SQLite to this order: a look into the index for each document,
/// where it would otherwise read all subscriptions.
const BEHIND: &str =
    "documents d CROSS JOIN subscriptions s WHERE s.feed = d.feed AND s.format = d.format AND s.given < d.version";

/// A subscription to which something is owed, claimed.
#[derive(Debug, Clone)]
pub struct Owed {
    /// Its row.
    pub num: i64,
    /// What it wants.
    pub topic: Topic,
    /// Where to.
    pub callback: String,
    /// What it gets.
    pub receiver: Receiver,
    /// For the signature.
    pub secret: Option<String>,
    /// Failures in a row before this.
    pub failures: i64,
    /// Since when it fails.
    pub failing_since: Option<DateTime<Utc>>,
    /// When its lease ends.
    pub lease_until: DateTime<Utc>,
}

/// How a delivery went.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// To whom.
    pub owed: Owed,
    /// The version that was sent.
    pub version: i64,
    /// How long it took.
    pub latency: TimeDelta,
    /// What became of it.
    pub result: Arrival,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// It arrived.
    Arrived,
    /// The subscriber is gone for good (410).
    Gone,
    /// It is tried again at this time.
    Failed(String, DateTime<Utc>),
}

/// A line of the log of deliveries.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What was sent.
    pub topic: Topic,
    /// Where to.
    pub callback: String,
    /// How long it took, in milliseconds.
    pub latency: i64,
    /// Why it did not arrive, if it did not.
    pub error: Option<String>,
}

impl Store {
    /// Takes up to `limit` subscriptions that are behind their topic and due.
    pub async fn claim_owed(
        &self,
        limit: i64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: &str,
    ) -> Result<Vec<Owed>, StoreError> {
        type Columns = (i64, String, String, String, String, Option<String>, i64, Option<i64>, i64);
        let mut tx = self.db.write_beside().await?;
        let sql = format!(
            "WITH due AS MATERIALIZED \
             (SELECT s.num FROM {BEHIND} AND s.due_at <= $3 AND s.claimed_until <= $3 AND s.lease_until > $3 LIMIT $4 {}) \
             UPDATE subscriptions SET claimed_until = $1, claimed_by = $2 WHERE num IN (SELECT num FROM due) \
             RETURNING num, feed, format, callback, kind, secret, failures, failing_since, lease_until",
            tx.claiming("s")
        );
        let rows: Vec<Columns> = tx.all(sql, args![millis(until), by, millis(now), limit]).await?;
        tx.commit_quietly().await?;
        let owed = |(num, feed, format, callback, kind, secret, failures, since, lease): Columns| Owed {
            num,
            topic: Topic { feed, format },
            callback,
            receiver: Receiver::of(&kind),
            secret,
            failures,
            failing_since: since.map(instant),
            lease_until: instant(lease),
        };
        Ok(rows.into_iter().map(owed).collect())
    }

    /// Notes how deliveries went, if the claim still stands.
    pub async fn delivered(&self, by: &str, deliveries: &[Delivered], now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        let mut arrived: BTreeMap<i64, Vec<Arg>> = BTreeMap::new();
        let slowest = deliveries.iter().map(|delivery| delivery.latency).max().unwrap_or_default();
        let (mut log, mut log_num) = (Vec::with_capacity(deliveries.len()), new_nums(now));
        for delivery in deliveries {
            let Delivered { owed, version, latency, result } = delivery;
            let latency = latency.num_milliseconds();
            let error = match result {
                Arrival::Arrived => {
                    arrived.entry(*version).or_default().push(owed.num.into());
                    None
                }
                Arrival::Gone => {
                    tx.run("DELETE FROM subscriptions WHERE num = $1 AND claimed_by = $2", args![owed.num, by]).await?;
                    Some("gone (410)".to_owned())
                }
                Arrival::Failed(error, again) => {
                    let sql = "UPDATE subscriptions SET claimed_until = 0, claimed_by = '', failures = failures + 1, due_at = $3, error = $4, \
                               failing_since = coalesce(failing_since, $5) WHERE num = $1 AND claimed_by = $2";
                    tx.run(sql, args![owed.num, by, millis(*again), error.as_str(), millis(now)]).await?;
                    Some(error.clone())
                }
            };
            // A fan-out is told by its failures and a few of those that arrived: the log is for people.
            let room = log.len() < LOGGED_AT_ONCE;
            if error.is_none() && !room {
                continue;
            }
            log.push(args![
                log_num,
                millis(now),
                owed.topic.feed.as_str(),
                owed.topic.format.as_str(),
                owed.callback.as_str(),
                *version,
                latency,
                error
            ]);
            log_num += 1;
        }
        for (version, nums) in arrived {
            let sql = "UPDATE subscriptions SET given = CASE WHEN given < $1 THEN $1 ELSE given END, claimed_until = 0, \
                       claimed_by = '', failures = 0, failing_since = NULL, error = NULL, delivered = delivered + 1, \
                       delivered_at = $2, latency = $3 WHERE claimed_by = $4 AND num IN ({})";
            tx.run_in(sql, args![version, millis(now), slowest.num_milliseconds(), by], nums).await?;
        }
        tx.insert(
            "INSERT INTO deliveries (num, at, feed, format, callback, version, latency, error)",
            log,
            "ON CONFLICT (num) DO NOTHING",
        )
        .await?;
        let sql = format!(
            "WITH old AS MATERIALIZED (SELECT num FROM deliveries WHERE num <= \
             (SELECT num FROM deliveries ORDER BY num DESC LIMIT 1 OFFSET $1) {}) \
             DELETE FROM deliveries WHERE num IN (SELECT num FROM old)",
            tx.claiming("deliveries")
        );
        tx.run(sql, args![LOG]).await?;
        tx.commit_quietly().await
    }

    /// Gives claims back as if nothing had been.
    pub async fn release_claims(&self, by: &str) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        tx.run("UPDATE subscriptions SET claimed_until = 0, claimed_by = '' WHERE claimed_by = $1", args![by]).await?;
        tx.run("UPDATE intents SET claimed_until = 0, claimed_by = '' WHERE claimed_by = $1", args![by]).await?;
        tx.commit().await
    }

    /// When the next delivery is due. Subscriptions whose lease has ended are owed nothing.
    pub async fn next_owed(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let sql = format!(
            "SELECT min(CASE WHEN s.due_at > s.claimed_until THEN s.due_at ELSE s.claimed_until END) FROM {BEHIND} AND s.lease_until > $1"
        );
        let row: Option<(Option<i64>,)> = self.db.read().await?.first(sql, args![millis(now)]).await?;
        Ok(row.and_then(|(at,)| at).map(instant))
    }

    /// The last deliveries, newest first: to one callback, or to all.
    pub async fn deliveries(&self, callback: Option<&str>, limit: i64) -> Result<Vec<Delivery>, StoreError> {
        type Columns = (i64, String, String, String, i64, Option<String>);
        let (condition, args) = match callback {
            Some(callback) => ("WHERE callback = $2", args![limit, callback]),
            None => ("", args![limit]),
        };
        let sql = format!(
            "SELECT at, feed, format, callback, latency, error FROM deliveries {condition} ORDER BY num DESC LIMIT $1"
        );
        let rows: Vec<Columns> = self.db.read().await?.all(sql, args).await?;
        let delivery = |(at, feed, format, callback, latency, error): Columns| Delivery {
            at: instant(at),
            topic: Topic { feed, format },
            callback,
            latency,
            error,
        };
        Ok(rows.into_iter().map(delivery).collect())
    }
}
