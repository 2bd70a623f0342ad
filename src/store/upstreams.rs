//! WebSub the other way round: our subscriptions to upstream feeds.

use chrono::{DateTime, TimeDelta, Utc};

use super::db::args;
use super::{Store, StoreError, instant, millis};

/// A hub that is not asked again until it had time to answer.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// Tries to unsubscribe, after which we just forget.
const TRIES: i64 = 5;

/// Our subscription to the feed of a source.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The source's name.
    pub source: String,
    /// Whom to ask.
    pub hub: String,
    /// What for.
    pub topic: String,
    /// The last part of our callback.
    pub key: String,
    /// What the hub signs with.
    pub secret: String,
    /// Whether it is wanted; if not, it is to end.
    pub wanted: bool,
    /// Until when pushes come; in the past if they don't.
    pub lease_until: DateTime<Utc>,
    /// Times that the hub was asked in vain.
    pub failures: i64,
}

type Columns = (String, String, String, String, String, i64, i64, i64);
const COLUMNS: &str = "source, hub, topic, key, secret, wanted, lease_until, failures";

/// What holds for one that is about to be renewed for the first time since it was confirmed.
const RENEWS: &str = "wanted = 1 AND lease_until > 0 AND failures = 0";

fn upstream((source, hub, topic, key, secret, wanted, lease, failures): Columns) -> Upstream {
    Upstream { source, hub, topic, key, secret, wanted: wanted == 1, lease_until: instant(lease), failures }
}

impl Store {
    /// Notes the hub that a source's feed announces. `key` and `secret` are used if it is a new one. Tells whether it is.
    pub async fn announce(
        &self,
        source: &str,
        hub: &str,
        topic: &str,
        key: &str,
        secret: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.write_beside().await?;
        let done = tx
            .run(
                "INSERT INTO upstreams (source, hub, topic, key, secret, wanted, due_at) VALUES ($1, $2, $3, $4, $5, 1, $6) \
                 ON CONFLICT (source) DO UPDATE SET hub = excluded.hub, topic = excluded.topic, key = excluded.key, \
                 secret = excluded.secret, wanted = 1, lease_until = 0, due_at = excluded.due_at, failures = 0, error = NULL \
                 WHERE upstreams.hub <> excluded.hub OR upstreams.topic <> excluded.topic OR upstreams.wanted = 0",
                args![source, hub, topic, key, secret, millis(now)],
            )
            .await?;
        tx.commit().await?;
        Ok(done > 0)
    }

    /// Our subscription for a source.
    pub async fn upstream(&self, source: &str) -> Result<Option<Upstream>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM upstreams WHERE source = $1");
        Ok(self.db.read().await?.first(sql, args![source]).await?.map(upstream))
    }

    /// Our subscription with this callback.
    pub async fn upstream_at(&self, key: &str) -> Result<Option<Upstream>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM upstreams WHERE key = $1 OR old_key = $1");
        Ok(self.db.read().await?.first(sql, args![key]).await?.map(upstream))
    }

    /// Those whose source is not in `names` any more are to end.
    pub async fn end_upstreams(&self, names: &[&str], now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        let known: Vec<(String,)> = tx.all("SELECT source FROM upstreams WHERE wanted = 1", Vec::new()).await?;
        for (source,) in known.iter().filter(|(source,)| !names.contains(&source.as_str())) {
            let sql = "UPDATE upstreams SET wanted = 0, due_at = $2, failures = 0 WHERE source = $1";
            tx.run(sql, args![source.as_str(), millis(now)]).await?;
        }
        tx.commit().await
    }

    /// Takes one whose hub is to be asked, which counts as in vain until the hub has verified. Nobody asks it again before it had
    /// time for that, and ever less often. A renewal gets `key` for its callback; the one before still counts.
    pub async fn claim_upstream(&self, key: &str, now: DateTime<Utc>) -> Result<Option<Upstream>, StoreError> {
        let mut tx = self.db.write_beside().await?;
        let sql = "DELETE FROM upstreams WHERE wanted = 0 AND failures >= $1 AND due_at <= $2";
        tx.run(sql, args![TRIES, millis(now)]).await?;
        let sql = format!(
            "WITH due AS MATERIALIZED (SELECT source FROM upstreams WHERE due_at <= $1 ORDER BY due_at LIMIT 1 {}) \
             UPDATE upstreams SET due_at = $1 + $2 * (failures + 1), failures = failures + 1, \
             old_key = CASE WHEN {RENEWS} THEN key ELSE old_key END, key = CASE WHEN {RENEWS} THEN $3 ELSE key END \
             WHERE source IN (SELECT source FROM due) RETURNING {COLUMNS}",
            tx.claiming("upstreams")
        );
        let taken = tx.first(sql, args![millis(now), PATIENCE.num_milliseconds(), key]).await?.map(upstream);
        tx.commit_quietly().await?;
        Ok(taken)
    }

    /// The hub did not take the request, or has denied it: then no pushes come any more.
    pub async fn upstream_failed(
        &self,
        upstream: &Upstream,
        error: &str,
        again: DateTime<Utc>,
        denied: bool,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        let sql = "UPDATE upstreams SET error = $2, due_at = $3, \
                   lease_until = CASE WHEN $4 = 1 THEN 0 ELSE lease_until END WHERE source = $1";
        tx.run(sql, args![upstream.source.as_str(), error, millis(again), i64::from(denied)]).await?;
        tx.commit().await
    }

    /// The hub has verified: pushes come until the lease ends, and it is renewed before.
    pub async fn upstream_confirmed(
        &self,
        upstream: &Upstream,
        lease: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        let sql = "UPDATE upstreams SET lease_until = $2, due_at = $3, failures = 0, error = NULL WHERE source = $1";
        tx.run(sql, args![upstream.source.as_str(), millis(now + lease), millis(now + lease * 4 / 5)]).await?;
        tx.commit().await
    }

    /// The subscription has ended, and is forgotten.
    pub async fn upstream_ended(&self, upstream: &Upstream) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        tx.run("DELETE FROM upstreams WHERE source = $1 AND wanted = 0", args![upstream.source.as_str()]).await?;
        tx.commit().await
    }

    /// When the next hub is to be asked.
    pub async fn next_upstream(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let row: Option<(Option<i64>,)> =
            self.db.read().await?.first("SELECT min(due_at) FROM upstreams", Vec::new()).await?;
        Ok(row.and_then(|(at,)| at).map(instant))
    }
}
