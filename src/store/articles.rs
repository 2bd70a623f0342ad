//! Saving a batch: articles, revisions, the source's cursor, and "wanted + 1" on every topic that the changes touch.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::db::{Arg, Tx, args};
use super::desk::Desk;
use super::{Claim, Store, StoreError, instant, millis};
use crate::article::{Article, ArticleId, Draft, Image, LONGEST_NAME, SourceKey};

/// Which feeds a change concerns, by name: the article as readers saw it before, and as they see it after. The store does not
/// know feeds, so it asks.
pub type Touches<'a> = dyn Fn(Option<&Article>, Option<&Article>) -> Vec<String> + Send + Sync + 'a;

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

/// What became of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Never seen before.
    New,
    /// Readers see something else than before; an article that came back, too.
    Corrected,
    /// Readers see it no longer.
    Withdrawn,
    /// Nothing to see.
    Unchanged,
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

/// Raises `wanted` of the topics of these feeds. In sorted order, so that two workers never wait for each other in a circle.
pub(super) async fn want(tx: &mut Tx, feeds: &BTreeSet<String>) -> Result<(), StoreError> {
    for feed in feeds {
        tx.run("UPDATE topics SET wanted = wanted + 1 WHERE feed = $1", args![feed.as_str()]).await?;
    }
    Ok(())
}

/// A source may tell of an article twice in one batch: its last word counts.
fn last_of_each(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Draft> = drafts.into_iter().rev().filter(|draft| seen.insert(draft.key.clone())).collect();
    kept.reverse();
    kept
}

/// The first of a run of numbers that nobody has: the time above, chance below.
pub(super) fn new_nums(now: DateTime<Utc>) -> i64 {
    let mut chance = [0u8; 4];
    // Without chance, two processes in one millisecond would clash, and one of them would always have to try again.
    let _ = getrandom::fill(&mut chance);
    (millis(now) << 20) | i64::from(u32::from_le_bytes(chance) & 0xf_ffff)
}

/// What two addresses have in common when they lead to one article: no scheme, `www.`, query of a campaign, fragment, final slash.
pub(super) fn link_key(link: &str) -> Option<String> {
    let url = url::Url::parse(link).ok()?;
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query: Vec<String> = url
        .query_pairs()
        .filter(|(name, _)| !name.starts_with("utm_") && name != "fbclid")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let key = format!("{}{port}{}{query}", host.trim_start_matches("www."), url.path().trim_end_matches('/'));
    // What is longer is no address that two sources would agree on.
    Some(key).filter(|key| key.len() <= LONGEST_NAME)
}

/// The lists of an article, in one column.
#[derive(Serialize, Deserialize)]
struct Lists {
    authors: Vec<String>,
    sections: Vec<String>,
    tags: Vec<String>,
    sources: Vec<String>,
    image: Option<Image>,
}

/// The columns of an article, for [`Columns`].
pub(super) const COLUMNS: &str = "num, id, released_at, withdrawn_at, published, updated, first_seen, source, precedence, link, language, title, summary, lists, html";

#[derive(sqlx::FromRow)]
pub(super) struct Columns {
    pub(super) num: i64,
    id: String,
    released_at: Option<i64>,
    withdrawn_at: Option<i64>,
    published: i64,
    updated: i64,
    first_seen: i64,
    source: String,
    precedence: i64,
    link: Option<String>,
    language: String,
    title: String,
    summary: String,
    lists: String,
    html: String,
}

/// An article with what only the store knows of it.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) num: i64,
    pub(super) released_at: Option<i64>,
    pub(super) withdrawn_at: Option<i64>,
    pub(super) first_seen: i64,
    pub(super) source: String,
    pub(super) precedence: i64,
    pub(super) article: Article,
}

impl TryFrom<Columns> for Stored {
    type Error = StoreError;

    fn try_from(row: Columns) -> Result<Self, StoreError> {
        let Lists { authors, sections, tags, sources, image } = serde_json::from_str(&row.lists)?;
        Ok(Stored {
            num: row.num,
            released_at: row.released_at,
            withdrawn_at: row.withdrawn_at,
            first_seen: row.first_seen,
            source: row.source,
            precedence: row.precedence,
            article: Article {
                id: ArticleId(row.id),
                link: row.link,
                title: row.title,
                summary: row.summary,
                html: row.html,
                authors,
                sections,
                tags,
                image,
                language: row.language,
                sources,
                published: instant(row.published),
                updated: instant(row.updated),
            },
        })
    }
}

impl Stored {
    /// The article as readers see it, if they see it.
    pub(super) fn shown(&self) -> Option<&Article> {
        (self.released_at.is_some() && self.withdrawn_at.is_none()).then_some(&self.article)
    }

    pub(super) fn row(&self) -> Result<Vec<Arg>, StoreError> {
        let article = &self.article;
        let lists = serde_json::to_string(&Lists {
            authors: article.authors.clone(),
            sections: article.sections.clone(),
            tags: article.tags.clone(),
            sources: article.sources.clone(),
            image: article.image.clone(),
        })?;
        Ok(args![
            self.num,
            article.id.0.as_str(),
            self.released_at,
            self.withdrawn_at,
            millis(article.published),
            millis(article.updated),
            self.first_seen,
            self.source.as_str(),
            self.precedence,
            article.link.as_deref().and_then(link_key),
            article.link.clone(),
            article.language.as_str(),
            article.title.as_str(),
            article.summary.as_str(),
            lists,
            article.html.as_str(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::link_key;

    #[test]
    fn one_article_has_one_link_key() {
        let key = link_key("https://rahbarkisan.com/wp/putin/");
        assert_eq!(key.as_deref(), Some("rahbarkisan.com/wp/putin"));
        for same in ["http://www.rahbarkisan.com/wp/putin", "https://rahbarkisan.com/wp/putin/?utm_source=x#more"] {
            assert_eq!(link_key(same), key, "{same}");
        }
        assert_ne!(link_key("https://rahbarkisan.com/wp/?p=7"), link_key("https://rahbarkisan.com/wp/?p=8"));
    }
}
