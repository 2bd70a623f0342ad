//! Saving a batch: articles, revisions, the source's cursor, and "wanted + 1" on every topic that the changes touch.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};

use super::db::args;
use super::desk::{Desk, Outcome, Touches};
use super::documents::want;
use super::stored::{COLUMNS, Columns, Stored};
use super::{Claim, Store, StoreError, instant, millis};
use crate::article::{Draft, SourceKey};

/// A batch of one source.
pub struct Batch {
    /// New and changed articles, and maybe some that have not changed.
    pub drafts: Vec<Draft>,
    /// Articles that are no longer public.
    pub gone: Vec<SourceKey>,
    /// How far the source has come with this batch.
    pub cursor: Option<String>,
    /// Whose text wins when several sources bring one article: the smaller number's.
    pub precedence: i64,
    /// The newsroom's sources. The articles of one that is no more (it was renamed, say) go to whoever tells of them.
    pub sources: HashSet<String>,
}

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Saved {
    /// What became of each article of the batch, by its key.
    pub outcomes: Vec<(SourceKey, Outcome)>,
    /// How many feeds are behind because of it.
    pub touched: usize,
}

impl Store {
    /// Saves a batch in one transaction, if the claim still stands; `until` extends it. When this returns, it is on disk.
    pub async fn save(
        &self,
        claim: &Claim,
        batch: Batch,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        touches: &Touches<'_>,
    ) -> Result<Saved, StoreError> {
        let mut tx = self.db.write().await?;
        let sql =
            "UPDATE sources SET cursor = $1, claimed_until = $2, unfinished = 1 WHERE name = $3 AND claimed_by = $4";
        let fenced = args![batch.cursor, millis(until), claim.source.as_str(), claim.by.as_str()];
        if tx.run(sql, fenced).await? == 0 {
            return Err(StoreError::Fenced(claim.source.clone()));
        }
        let drafts = last_of_each(batch.drafts);
        let mut desk = Desk::read(&mut tx, &claim.source, now, &drafts, &batch.gone).await?;
        desk.precedence = batch.precedence;
        desk.sources = batch.sources;
        let mut outcomes = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let key = draft.key.clone();
            outcomes.push((key, desk.take(draft)));
        }
        for key in batch.gone {
            if let Some(outcome) = desk.withdraw(&key) {
                outcomes.push((key, outcome));
            }
        }
        let touched = desk.write(&mut tx, touches).await?;
        tx.commit().await?;
        Ok(Saved { outcomes, touched })
    }

    /// Releases the articles whose hour has come. Tells how many.
    pub async fn release(&self, now: DateTime<Utc>, touches: &Touches<'_>) -> Result<usize, StoreError> {
        let mut tx = self.db.write().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM articles WHERE released_at IS NULL AND withdrawn_at IS NULL AND published <= $1 LIMIT 500"
        );
        let rows: Vec<Columns> = tx.all(sql, args![millis(now)]).await?;
        let due = rows.into_iter().map(Stored::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut touched = BTreeSet::new();
        for stored in &due {
            tx.run("UPDATE articles SET released_at = $1 WHERE num = $2", args![millis(now), stored.num]).await?;
            touched.extend(touches(None, Some(&stored.article)));
        }
        want(&mut tx, &touched).await?;
        tx.commit().await?;
        Ok(due.len())
    }

    /// When the next article's hour comes.
    pub async fn next_release(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let sql = "SELECT min(published) FROM articles WHERE released_at IS NULL AND withdrawn_at IS NULL";
        let row: Option<(Option<i64>,)> = self.db.read().await?.first(sql, Vec::new()).await?;
        Ok(row.and_then(|(at,)| at).map(instant))
    }

    /// How many articles readers may see, and how many were withdrawn.
    pub async fn article_counts(&self) -> Result<(i64, i64), StoreError> {
        let sql = "SELECT (SELECT count(*) FROM shown), (SELECT count(*) FROM articles WHERE withdrawn_at IS NOT NULL)";
        Ok(self.db.read().await?.first(sql, Vec::new()).await?.unwrap_or_default())
    }
}

/// A source may tell of an article twice in one batch: its last word counts.
fn last_of_each(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Draft> = drafts.into_iter().rev().filter(|draft| seen.insert(draft.key.clone())).collect();
    kept.reverse();
    kept
}
