//! Sources: who is due, who pulls, how it went.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::db::args;
use super::{Store, StoreError, instant, millis};
use crate::article::SourceKey;

/// A source that this worker pulls, and nobody else until the claim expires.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The source's name.
    pub source: String,
    /// Who holds it: every write-back names this, and fails if somebody else has taken over.
    pub by: String,
    /// How far the source has come.
    pub cursor: Option<String>,
    /// Pulls that failed in a row before this one.
    pub failures: i64,
    /// Whether the pull before was cut short: this one goes on where that was, and then has still to look for what is new.
    pub unfinished: bool,
    /// When it was due, in milliseconds: if that moves while it is pulled, it has been asked for again.
    due_at: i64,
}

/// How a source stands.
#[derive(Debug, Clone)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// When it is pulled next.
    pub due_at: DateTime<Utc>,
    /// Whether a pull is under way.
    pub claimed: bool,
    /// Pulls that failed in a row.
    pub failures: i64,
    /// Why the last pull failed, if it did.
    pub error: Option<String>,
    /// What the operator should know about how it is read.
    pub note: Option<String>,
    /// The last pull that succeeded.
    pub pulled_at: Option<DateTime<Utc>>,
    /// The last pull that brought something.
    pub changed_at: Option<DateTime<Utc>>,
    /// Articles that are stored and not withdrawn.
    pub articles: i64,
}

impl Store {
    /// Makes the sources known, each by its name and a fingerprint of its configuration. A new one, and one that is configured
    /// otherwise than before, is due at once; the others keep their time. With this the newsroom works here: one that is only half
    /// moved here must not, and one that does must not be moved over.
    pub async fn register(&self, sources: &[(&str, &str)], now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        let half: Option<(i64,)> = tx.first("SELECT complete FROM moves WHERE complete = 0", Vec::new()).await?;
        if half.is_some() {
            return Err(StoreError::HalfMoved);
        }
        tx.run("DELETE FROM moves", Vec::new()).await?;
        let rows = sources.iter().map(|(name, made_of)| args![*name, *made_of, millis(now)]).collect();
        let tail = "ON CONFLICT (name) DO UPDATE SET made_of = excluded.made_of, due_at = excluded.due_at, failures = 0 \
                    WHERE sources.made_of <> excluded.made_of";
        tx.insert("INSERT INTO sources (name, made_of, due_at)", rows, tail).await?;
        tx.commit().await
    }

    /// Takes one of `names` that is due and that nobody holds; `by` must be new for each claim.
    pub async fn claim_due(
        &self,
        names: &[String],
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: &str,
    ) -> Result<Option<Claim>, StoreError> {
        let list = names.iter().map(|name| name.as_str().into()).collect();
        let mut tx = self.db.write_beside().await?;
        let sql = format!(
            "SELECT name FROM sources WHERE due_at <= $1 AND claimed_until <= $1 AND name IN ({{}}) ORDER BY due_at LIMIT 1 {}",
            tx.claiming("sources")
        );
        let due: Vec<(String,)> = tx.all_in(&sql, args![millis(now)], list).await?;
        let Some((name,)) = due.into_iter().next() else {
            return Ok(None);
        };
        let claim = take(&mut tx, &name, now, until, by).await?;
        tx.commit_quietly().await?;
        Ok(claim)
    }

    /// Takes this source, due or not, unless somebody holds it.
    pub async fn claim(
        &self,
        name: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        by: &str,
    ) -> Result<Option<Claim>, StoreError> {
        let mut tx = self.db.write_beside().await?;
        let claim = take(&mut tx, name, now, until, by).await?;
        tx.commit_quietly().await?;
        Ok(claim)
    }

    /// Holds on to a claim. An error means that it was lost.
    pub async fn renew(&self, claim: &Claim, until: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        let sql = "UPDATE sources SET claimed_until = $1 WHERE name = $2 AND claimed_by = $3";
        if tx.run(sql, args![millis(until), claim.source.as_str(), claim.by.as_str()]).await? == 0 {
            return Err(StoreError::Fenced(claim.source.clone()));
        }
        tx.commit_quietly().await
    }

    /// Gives a claim back after a pull: when the source is due next, unless it has been asked for meanwhile, and what went
    /// wrong, if something did.
    pub async fn finish(
        &self,
        claim: &Claim,
        now: DateTime<Utc>,
        due: DateTime<Utc>,
        result: Result<(Option<String>, bool), String>,
    ) -> Result<(), StoreError> {
        let (error, note, changed) = match result {
            Ok((note, changed)) => (None, note, changed),
            Err(error) => (Some(error), None, false),
        };
        let fine = error.is_none();
        let mut tx = self.db.write_beside().await?;
        let done = tx
            .run(
                "UPDATE sources SET claimed_until = 0, claimed_by = '', due_at = CASE WHEN due_at = $9 THEN $3 ELSE due_at END, error = $4, note = $5, \
                 failures = CASE WHEN $6 = 1 THEN 0 ELSE failures + 1 END, \
                 unfinished = CASE WHEN $6 = 1 THEN 0 ELSE unfinished END, \
                 pulled_at = CASE WHEN $6 = 1 THEN $7 ELSE pulled_at END, \
                 changed_at = CASE WHEN $8 = 1 THEN $7 ELSE changed_at END \
                 WHERE name = $1 AND claimed_by = $2",
                args![
                    claim.source.as_str(),
                    claim.by.as_str(),
                    millis(due),
                    error,
                    note,
                    i64::from(fine),
                    millis(now),
                    i64::from(changed),
                    claim.due_at,
                ],
            )
            .await?;
        if done == 0 {
            return Err(StoreError::Fenced(claim.source.clone()));
        }
        tx.commit_quietly().await
    }

    /// Gives a claim back as if nothing had been: the source stays due.
    pub async fn release_claim(&self, claim: &Claim) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        let sql = "UPDATE sources SET claimed_until = 0, claimed_by = '' WHERE name = $1 AND claimed_by = $2";
        tx.run(sql, args![claim.source.as_str(), claim.by.as_str()]).await?;
        tx.commit().await
    }

    /// Makes a source due now.
    pub async fn make_due(&self, name: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        tx.run("UPDATE sources SET due_at = $1 WHERE name = $2", args![millis(now), name]).await?;
        tx.commit().await
    }

    /// When one of `names` is due next, or a claim on it expires.
    pub async fn next_due(&self, names: &[String]) -> Result<Option<DateTime<Utc>>, StoreError> {
        let list = names.iter().map(|name| name.as_str().into()).collect();
        let rows: Vec<(i64, i64)> = self
            .db
            .read()
            .await?
            .all_in("SELECT due_at, claimed_until FROM sources WHERE name IN ({})", Vec::new(), list)
            .await?;
        Ok(rows.into_iter().map(|(due, claimed)| due.max(claimed)).min().map(instant))
    }

    /// How many of a source's articles are stored and not withdrawn.
    pub async fn held_count(&self, source: &str) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM origins WHERE source = $1 AND gone_at IS NULL";
        let row: Option<(i64,)> = self.db.read().await?.first(sql, args![source]).await?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// Their keys.
    pub async fn held_keys(&self, source: &str) -> Result<HashSet<SourceKey>, StoreError> {
        let sql = "SELECT key FROM origins WHERE source = $1 AND gone_at IS NULL";
        let rows: Vec<(String,)> = self.db.read().await?.all(sql, args![source]).await?;
        Ok(rows.into_iter().map(|(key,)| SourceKey(key)).collect())
    }

    /// Which of these articles are stored at just this revision: nothing about them can be new.
    pub async fn known_at(
        &self,
        source: &str,
        revisions: &[(SourceKey, String)],
    ) -> Result<HashSet<SourceKey>, StoreError> {
        let list = revisions.iter().map(|(key, _)| key.0.as_str().into()).collect();
        let sql = "SELECT key, revision FROM origins WHERE source = $1 AND gone_at IS NULL AND revision IS NOT NULL AND key IN ({})";
        let stored: Vec<(String, String)> = self.db.read().await?.all_in(sql, args![source], list).await?;
        let stored: HashSet<(String, String)> = stored.into_iter().collect();
        Ok(revisions
            .iter()
            .filter(|(key, revision)| stored.contains(&(key.0.clone(), revision.clone())))
            .map(|(key, _)| key.clone())
            .collect())
    }

    /// How every known source stands, by name.
    pub async fn source_states(&self, now: DateTime<Utc>) -> Result<Vec<SourceState>, StoreError> {
        type Columns = (String, i64, i64, i64, Option<String>, Option<String>, Option<i64>, Option<i64>, i64);
        let sql = "SELECT name, due_at, claimed_until, failures, error, note, pulled_at, changed_at, \
                   (SELECT count(*) FROM origins WHERE source = name AND gone_at IS NULL) FROM sources";
        let mut rows: Vec<Columns> = self.db.read().await?.all(sql, Vec::new()).await?;
        rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let state = |(name, due, claimed, failures, error, note, pulled, changed, articles): Columns| SourceState {
            name,
            due_at: instant(due),
            claimed: claimed > millis(now),
            failures,
            error,
            note,
            pulled_at: pulled.map(instant),
            changed_at: changed.map(instant),
            articles,
        };
        Ok(rows.into_iter().map(state).collect())
    }
}

async fn take(
    tx: &mut super::db::Tx,
    name: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    by: &str,
) -> Result<Option<Claim>, StoreError> {
    let sql = "UPDATE sources SET claimed_until = $1, claimed_by = $2 WHERE name = $3 AND claimed_until <= $4 RETURNING cursor, failures, due_at, unfinished";
    let row: Option<(Option<String>, i64, i64, i64)> =
        tx.first(sql, args![millis(until), by, name, millis(now)]).await?;
    Ok(row.map(|(cursor, failures, due_at, unfinished)| Claim {
        source: name.to_owned(),
        by: by.to_owned(),
        cursor,
        failures,
        unfinished: unfinished == 1,
        due_at,
    }))
}
