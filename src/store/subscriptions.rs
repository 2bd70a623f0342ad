//! WebSub: who wants which topic, what each has been given, and requests that are still to be verified.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::articles::new_nums;
use super::db::{Arg, Tx, args};
use super::{Store, StoreError, Topic, instant, millis};

/// Rows of the log of deliveries.
const LOG: i64 = 1000;

/// Deliveries that arrived of which one batch writes into the log.
const LOGGED_AT_ONCE: usize = 32;

/// Requests that may wait for verification: more is an attack.
const MAX_INTENTS: i64 = 100_000;

/// Subscriptions to which a document is owed. `CROSS JOIN` holds SQLite to this order: a look into the index for each document,
/// where it would otherwise read all subscriptions.
const BEHIND: &str =
    "documents d CROSS JOIN subscriptions s WHERE s.feed = d.feed AND s.format = d.format AND s.given < d.version";

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
}

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
        type Columns = (i64, String, String, String, String, String, Option<String>, i64, i64, i64);
        let mut tx = self.db.write_beside().await?;
        let sql = format!(
            "WITH due AS MATERIALIZED \
             (SELECT num FROM intents WHERE due_at <= $3 AND claimed_until <= $3 ORDER BY due_at LIMIT $4 {}) \
             UPDATE intents SET claimed_until = $1, claimed_by = $2 WHERE num IN (SELECT num FROM due) \
             RETURNING num, feed, format, callback, topic, mode, secret, lease, given, failures",
            tx.claiming("intents")
        );
        let rows: Vec<Columns> = tx.all(sql, args![millis(until), by, millis(now), limit]).await?;
        tx.commit_quietly().await?;
        let intent = |(num, feed, format, callback, address, mode, secret, lease, given, failures): Columns| Intent {
            num,
            topic: Topic { feed, format },
            address,
            callback,
            mode: Mode::of(&mode),
            secret,
            lease: TimeDelta::milliseconds(lease),
            given,
            failures,
        };
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
            receiver: if kind == "hub" { Receiver::Hub } else { Receiver::Subscriber },
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
    pub async fn release_owed(&self, by: &str) -> Result<(), StoreError> {
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
                    receiver: if kind == Receiver::Hub.word() { Receiver::Hub } else { Receiver::Subscriber },
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
