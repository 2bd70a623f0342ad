//! WebSub: who is subscribed to which topic, what each has been given, and how that goes.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::db::{Arg, Tx, args};
use super::stored::new_nums;
use super::{Store, StoreError, Topic, instant, millis};

/// What a subscription's callback is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// A subscriber gets the document.
    Subscriber,
    /// Another hub gets a ping.
    Hub,
}

impl Receiver {
    fn word(self) -> &'static str {
        match self {
            Receiver::Subscriber => "subscriber",
            Receiver::Hub => "hub",
        }
    }

    pub(super) fn of(word: &str) -> Self {
        if word == Receiver::Hub.word() { Receiver::Hub } else { Receiver::Subscriber }
    }
}

/// How a subscription stands, for the operator.
#[derive(Debug, Clone)]
pub struct SubscriptionState {
    /// What it wants.
    pub topic: Topic,
    /// Where to.
    pub callback: String,
    /// What it gets.
    pub receiver: Receiver,
    /// When its lease ends.
    pub lease_until: DateTime<Utc>,
    /// 1 if it has not got the newest version.
    pub behind: i64,
    /// Failures in a row.
    pub failures: i64,
    /// The last of them.
    pub error: Option<String>,
    /// How many deliveries arrived.
    pub delivered: i64,
    /// When the last one arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// How long the slowest of its batch took, in milliseconds.
    pub latency: Option<i64>,
}

/// How all subscriptions stand.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct SubscriptionTotals {
    /// How many there are.
    pub all: i64,
    /// How many have not got the newest version yet, and have not failed.
    pub behind: i64,
    /// How many failed at their last delivery.
    pub failing: i64,
    /// How many deliveries arrived, of those that there are.
    pub delivered: i64,
    /// The longest that a last delivery took, in milliseconds.
    pub slowest_ms: i64,
}

impl Store {
    /// Ends the subscriptions whose lease has ended: nothing is owed to them any more.
    pub async fn end_leases(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        let sql = format!(
            "WITH ended AS MATERIALIZED (SELECT num FROM subscriptions WHERE lease_until <= $1 {}) \
             DELETE FROM subscriptions WHERE num IN (SELECT num FROM ended)",
            tx.claiming("subscriptions")
        );
        tx.run(sql, args![millis(now)]).await?;
        tx.commit_quietly().await
    }

    /// Ends the subscriptions to topics that are no longer published. Their callbacks are told.
    pub async fn end_orphans(
        &self,
        now: DateTime<Utc>,
        address: &(dyn Fn(&Topic) -> String + Send + Sync),
    ) -> Result<(), StoreError> {
        type Columns = (String, String, String);
        let mut tx = self.db.write().await?;
        let sql = "SELECT s.feed, s.format, s.callback FROM subscriptions s LEFT JOIN topics t ON t.feed = s.feed AND t.format = s.format \
                   WHERE t.feed IS NULL AND s.kind = 'subscriber' AND s.lease_until > $1";
        let orphans: Vec<Columns> = tx.all(sql, args![millis(now)]).await?;
        let first = next_nums(&mut tx, "intents", now).await?;
        let rows = orphans.iter().zip(first..).map(|((feed, format, callback), num)| {
            let topic = Topic { feed: feed.clone(), format: format.clone() };
            args![num, feed.as_str(), format.as_str(), callback.as_str(), address(&topic), "denied", 0, 0, millis(now)]
        });
        let head = "INSERT INTO intents (num, feed, format, callback, topic, mode, lease, given, due_at)";
        let tail = "ON CONFLICT (feed, format, callback) DO UPDATE SET mode = 'denied', due_at = excluded.due_at";
        tx.insert(head, rows.collect(), tail).await?;
        let sql = "DELETE FROM subscriptions WHERE NOT EXISTS \
                   (SELECT 1 FROM topics t WHERE t.feed = subscriptions.feed AND t.format = subscriptions.format)";
        tx.run(sql, Vec::new()).await?;
        tx.commit().await
    }

    /// Makes the other hubs known that are to be told of changes. Those that are no longer configured go.
    pub async fn configure_hubs(
        &self,
        hubs: &[String],
        topics: &[Topic],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        let known: Vec<(String,)> =
            tx.all("SELECT DISTINCT callback FROM subscriptions WHERE kind = 'hub'", Vec::new()).await?;
        for (hub,) in known.iter().filter(|(hub,)| !hubs.contains(hub)) {
            tx.run("DELETE FROM subscriptions WHERE kind = 'hub' AND callback = $1", args![hub.as_str()]).await?;
        }
        let first = next_nums(&mut tx, "subscriptions", now).await?;
        let pairs = hubs.iter().flat_map(|hub| topics.iter().map(move |topic| (hub, topic)));
        let rows: Vec<Vec<Arg>> = pairs
            .zip(first..)
            .map(|((hub, topic), num)| {
                args![num, topic.feed.as_str(), topic.format.as_str(), hub.as_str(), "hub", i64::MAX, 0, millis(now)]
            })
            .collect();
        let head = "INSERT INTO subscriptions (num, feed, format, callback, kind, lease_until, given, due_at)";
        tx.insert(head, rows, "ON CONFLICT (feed, format, callback) DO NOTHING").await?;
        tx.commit().await
    }

    /// Every subscription whose lease runs, by topic and callback.
    pub async fn subscription_states(&self, now: DateTime<Utc>) -> Result<Vec<SubscriptionState>, StoreError> {
        type Columns = (String, String, String, String, i64, i64, i64, Option<String>, i64, Option<i64>, Option<i64>);
        let sql = "SELECT s.feed, s.format, s.callback, s.kind, s.lease_until, CAST(CASE WHEN d.version > s.given THEN 1 ELSE 0 END AS BIGINT), s.failures, s.error, \
                   s.delivered, s.delivered_at, s.latency FROM subscriptions s \
                   LEFT JOIN documents d ON d.feed = s.feed AND d.format = s.format WHERE s.lease_until > $1";
        let rows: Vec<Columns> = self.db.read().await?.all(sql, args![millis(now)]).await?;
        let state =
            |(feed, format, callback, kind, lease, behind, failures, error, delivered, at, latency): Columns| {
                SubscriptionState {
                    topic: Topic { feed, format },
                    callback,
                    receiver: Receiver::of(&kind),
                    lease_until: instant(lease),
                    behind,
                    failures,
                    error,
                    delivered,
                    delivered_at: at.map(instant),
                    latency,
                }
            };
        let mut states: Vec<SubscriptionState> = rows.into_iter().map(state).collect();
        states.sort_unstable_by(|one, other| (&one.topic, &one.callback).cmp(&(&other.topic, &other.callback)));
        Ok(states)
    }

    /// How all subscriptions whose lease runs stand.
    pub async fn subscription_totals(&self, now: DateTime<Utc>) -> Result<SubscriptionTotals, StoreError> {
        let sql = "SELECT count(*), CAST(coalesce(sum(CASE WHEN d.version > s.given AND s.failures = 0 THEN 1 ELSE 0 END), 0) AS BIGINT), \
                   CAST(coalesce(sum(CASE WHEN s.failures > 0 THEN 1 ELSE 0 END), 0) AS BIGINT), \
                   CAST(coalesce(sum(s.delivered), 0) AS BIGINT), coalesce(max(s.latency), CAST(0 AS BIGINT)) FROM subscriptions s \
                   LEFT JOIN documents d ON d.feed = s.feed AND d.format = s.format WHERE s.lease_until > $1";
        let row: Option<(i64, i64, i64, i64, i64)> = self.db.read().await?.first(sql, args![millis(now)]).await?;
        let (all, behind, failing, delivered, slowest_ms) = row.unwrap_or_default();
        Ok(SubscriptionTotals { all, behind, failing, delivered, slowest_ms })
    }

    /// Ends every subscription of a callback. Tells how many there were.
    pub async fn end_callback(&self, callback: &str) -> Result<u64, StoreError> {
        let mut tx = self.db.write().await?;
        let ended = tx.run("DELETE FROM subscriptions WHERE callback = $1", args![callback]).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Frees what processes of this machine had claimed when they died: `is_dead` tells by the claim's name.
    pub async fn free_dead_claims(&self, is_dead: &(dyn Fn(&str) -> bool + Send + Sync)) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        for table in ["sources", "subscriptions", "intents"] {
            let claims: Vec<(String,)> =
                tx.all(format!("SELECT DISTINCT claimed_by FROM {table} WHERE claimed_by <> ''"), Vec::new()).await?;
            for (by,) in claims.iter().filter(|(by,)| is_dead(by)) {
                tx.run(
                    format!("UPDATE {table} SET claimed_until = 0, claimed_by = '' WHERE claimed_by = $1"),
                    args![by.as_str()],
                )
                .await?;
            }
        }
        tx.commit().await
    }
}

/// A feed has another name now: its subscribers come along, and get the document that tells of its new address. What is on its
/// way to them is of the old name: its claim is void, and requests get other numbers.
pub(super) async fn rename(tx: &mut Tx, was: &str, is: &str) -> Result<(), StoreError> {
    for (table, num) in [("subscriptions", "num"), ("intents", "-num")] {
        let sql = format!(
            "UPDATE {table} SET feed = $2, given = 0, num = {num}, claimed_until = 0, claimed_by = '' WHERE feed = $1 AND NOT EXISTS \
             (SELECT 1 FROM {table} known WHERE known.feed = $2 AND known.format = {table}.format AND known.callback = {table}.callback)"
        );
        tx.run(sql, args![was, is]).await?;
        tx.run(format!("DELETE FROM {table} WHERE feed = $1"), args![was]).await?;
    }
    Ok(())
}

/// The first of a run of numbers that nobody has, for a transaction that is alone.
async fn next_nums(tx: &mut Tx, table: &str, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let last: Option<(Option<i64>,)> = tx.first(format!("SELECT max(num) FROM {table}"), Vec::new()).await?;
    Ok(last.and_then(|(last,)| last).map_or(0, |last| last + 1).max(new_nums(now)))
}
