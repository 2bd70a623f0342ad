//! A batch in the making: which stored article each draft tells of, whose text wins, and what becomes of both.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::db::{Arg, Tx, args};
use super::documents::want;
use super::stored::{COLUMNS, Columns, Stored, link_key, new_nums};
use super::{StoreError, instant, millis};
use crate::article::{Article, ArticleId, Draft, SourceKey};

/// Which feeds a change concerns, by name: the article as readers saw it before, and as they see it after. The store does not
/// know feeds, so it asks.
pub type Touches<'a> = dyn Fn(Option<&Article>, Option<&Article>) -> Vec<String> + Send + Sync + 'a;

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

/// Under which name of the source an article comes.
#[derive(Clone)]
struct Origin {
    article: i64,
    gone: bool,
}

/// A batch in the making: what is stored of it, and what becomes of that. Read at once and written at once, so that a batch
/// costs a handful of statements.
pub(super) struct Desk {
    source: String,
    pub(super) precedence: i64,
    pub(super) sources: HashSet<String>,
    now: DateTime<Utc>,
    next_num: i64,
    origins: HashMap<SourceKey, Origin>,
    /// Articles by number, as they are after the batch.
    articles: HashMap<i64, Stored>,
    /// Articles by [`link_key`]: any of them may be the one that a new key tells of.
    by_link: HashMap<String, Vec<i64>>,
    /// Which keys of this source lead to an article.
    own_keys: HashMap<i64, Vec<SourceKey>>,
    ids: HashSet<String>,
    /// Times of change that articles have already, of the seconds that matter here.
    moments: HashSet<i64>,
    /// The articles as they were, for those that change.
    before: HashMap<i64, Option<Stored>>,
    written_origins: Vec<(SourceKey, i64, Option<String>, Option<i64>)>,
    revisions: Vec<(i64, Article)>,
}

impl Desk {
    pub(super) async fn read(
        tx: &mut Tx,
        source: &str,
        now: DateTime<Utc>,
        drafts: &[Draft],
        gone: &[SourceKey],
    ) -> Result<Self, StoreError> {
        let keys = drafts.iter().map(|draft| &draft.key).chain(gone).map(|key| key.0.as_str().into()).collect();
        let sql = "SELECT key, article, gone_at FROM origins WHERE source = $1 AND key IN ({})";
        let origins: Vec<(String, i64, Option<i64>)> = tx.all_in(sql, args![source], keys).await?;

        let links: BTreeSet<String> =
            drafts.iter().filter_map(|draft| link_key(draft.article.link.as_deref()?)).collect();
        let links = links.into_iter().map(Arg::from).collect();
        let linked: Vec<(i64, String)> =
            tx.all_in("SELECT num, link_key FROM articles WHERE link_key IN ({})", Vec::new(), links).await?;

        let nums: BTreeSet<i64> = origins.iter().map(|row| row.1).chain(linked.iter().map(|row| row.0)).collect();
        let nums: Vec<Arg> = nums.into_iter().map(Arg::from).collect();
        let sql = format!("SELECT {COLUMNS} FROM articles WHERE num IN ({{}})");
        let articles: Vec<Columns> = tx.all_in(&sql, Vec::new(), nums.clone()).await?;
        let sql = "SELECT article, key FROM origins WHERE source = $1 AND article IN ({})";
        let own: Vec<(i64, String)> = tx.all_in(sql, args![source], nums).await?;
        let ids = drafts.iter().map(|draft| draft.article.id.0.as_str().into()).collect();
        let ids: Vec<(String,)> = tx.all_in("SELECT id FROM articles WHERE id IN ({})", Vec::new(), ids).await?;
        let seconds = drafts.iter().map(|draft| draft.article.updated.timestamp());
        let seconds: BTreeSet<i64> = seconds.chain([now.timestamp()]).collect();
        let seconds = seconds.into_iter().map(Arg::from).collect();
        let sql = "SELECT updated FROM articles WHERE updated / 1000 IN ({})";
        let moments: Vec<(i64,)> = tx.all_in(sql, Vec::new(), seconds).await?;

        // The clocks of nodes differ, and numbers ascend all the same.
        let last: Option<(Option<i64>,)> = tx.first("SELECT max(num) FROM articles", Vec::new()).await?;
        let next_num = last.and_then(|(last,)| last).map_or(0, |last| last + 1).max(new_nums(now));

        let mut desk = Desk {
            source: source.to_owned(),
            precedence: 0,
            sources: HashSet::new(),
            now,
            next_num,
            origins: HashMap::new(),
            articles: HashMap::new(),
            by_link: HashMap::new(),
            own_keys: HashMap::new(),
            ids: ids.into_iter().map(|(id,)| id).collect(),
            moments: moments.into_iter().map(|(at,)| at).collect(),
            before: HashMap::new(),
            written_origins: Vec::new(),
            revisions: Vec::new(),
        };
        for (key, article, gone_at) in origins {
            desk.origins.insert(SourceKey(key), Origin { article, gone: gone_at.is_some() });
        }
        for row in articles {
            desk.articles.insert(row.num, row.try_into()?);
        }
        for (num, link) in linked {
            desk.by_link.entry(link).or_default().push(num);
        }
        for (num, key) in own {
            desk.own_keys.entry(num).or_default().push(SourceKey(key));
        }
        Ok(desk)
    }

    /// The stored article that a draft tells of.
    fn known(&self, draft: &Draft) -> Option<i64> {
        if let Some(origin) = self.origins.get(&draft.key) {
            return Some(origin.article);
        }
        let candidates = self.by_link.get(&link_key(draft.article.link.as_deref()?)?)?;
        // Another key of the same source is another article, unless one of the two only stands in for the other.
        let may_be = |num: &&i64| {
            let own = self.own_keys.get(num).map_or(&[][..], Vec::as_slice);
            own.is_empty() || (own.len() == 1 && own[0].is_stand_in() != draft.key.is_stand_in())
        };
        let is_live = |num: &i64| self.articles.get(num).is_some_and(|stored| stored.withdrawn_at.is_none());
        candidates.iter().filter(may_be).max_by_key(|num| is_live(num)).copied()
    }

    /// Takes one draft in.
    pub(super) fn take(&mut self, draft: Draft) -> Outcome {
        let Some(num) = self.known(&draft) else {
            return self.add(draft);
        };
        self.origin(&draft.key, num, draft.revision.clone(), None);
        let Some(stored) = self.articles.get(&num).cloned() else {
            return self.add(draft);
        };
        let mut next = stored.clone();
        if !next.article.sources.contains(&self.source) {
            next.article.sources.push(self.source.clone());
        }
        let wins = self.wins(&stored);
        let back = wins && stored.withdrawn_at.is_some();
        if wins {
            let updated = draft.article.updated;
            // What is the store's own stays: the id, the sources, and the times as far as the draft does not state them.
            next.article = Article {
                id: next.article.id,
                sources: next.article.sources,
                published: if draft.dated { draft.article.published } else { next.article.published },
                updated: next.article.updated,
                ..draft.article
            };
            next.source = self.source.clone();
            next.precedence = self.precedence;
            next.withdrawn_at = None;
            if back || !next.article.reads_like(&stored.article) {
                // It moves forward, and to the time that the source states where that is possible.
                let moved = if updated > stored.article.updated { updated } else { seconds(self.now) };
                next.article.updated = self.moment(moved.max(next.article.published).max(stored.article.updated));
            }
        }
        let outcome =
            if back || !next.article.reads_like(&stored.article) { Outcome::Corrected } else { Outcome::Unchanged };
        if outcome == Outcome::Corrected {
            self.revisions.push((num, stored.article.clone()));
        }
        let moved = outcome == Outcome::Corrected
            || next.article.sources != stored.article.sources
            || next.source != stored.source;
        if moved {
            self.change(num, next);
        }
        outcome
    }

    /// Whether this source's text is what readers see. An article that its source has taken back stays away, whatever lesser
    /// sources still tell of it: a newsroom that retracts on its website must not find the text in print again.
    fn wins(&self, stored: &Stored) -> bool {
        let ranks = self.precedence.cmp(&stored.precedence);
        let is_heir = !self.sources.contains(&stored.source);
        let is_away = stored.withdrawn_at.is_some();
        stored.source == self.source || ranks.is_lt() || (is_away && ranks.is_eq()) || (is_heir && !is_away)
    }

    fn add(&mut self, draft: Draft) -> Outcome {
        let num = self.next_num;
        self.next_num += 1;
        let mut article = draft.article;
        if !self.ids.insert(article.id.0.clone()) {
            // Two articles that claim one id: the first keeps it.
            article.id = ArticleId(format!("{}-{num:x}", article.id));
        }
        self.origin(&draft.key, num, draft.revision, None);
        if let Some(link) = article.link.as_deref().and_then(link_key) {
            self.by_link.entry(link).or_default().push(num);
        }
        article.updated = self.moment(article.updated);
        let now = millis(self.now);
        let stored = Stored {
            num,
            released_at: (millis(article.published) <= now).then_some(now),
            withdrawn_at: None,
            first_seen: now,
            source: self.source.clone(),
            precedence: self.precedence,
            article,
        };
        self.before.entry(num).or_insert(None);
        self.articles.insert(num, stored);
        Outcome::New
    }

    /// Takes an article away. `None` if there is none, or it is away already.
    pub(super) fn withdraw(&mut self, key: &SourceKey) -> Option<Outcome> {
        let origin = self.origins.get(key).filter(|origin| !origin.gone)?.clone();
        let now = millis(self.now);
        self.origin(key, origin.article, None, Some(now));
        let mut next = self.articles.get(&origin.article)?.clone();
        let is_ours = next.source == self.source;
        if is_ours {
            next.withdrawn_at = next.withdrawn_at.or(Some(now));
        } else {
            // The text is another source's: it stays.
            next.article.sources.retain(|source| *source != self.source);
        }
        self.change(origin.article, next);
        Some(if is_ours { Outcome::Withdrawn } else { Outcome::Unchanged })
    }

    /// The time of a change, told apart by milliseconds from other changes of that second: a bulk edit gives many articles one
    /// time, and readers of Atom take entries with one `updated` for one.
    fn moment(&mut self, at: DateTime<Utc>) -> DateTime<Utc> {
        let first = millis(at);
        let last = first - first.rem_euclid(1000) + 999;
        let free = (first..=last).find(|moment| !self.moments.contains(moment)).unwrap_or(last);
        self.moments.insert(free);
        instant(free)
    }

    fn origin(&mut self, key: &SourceKey, article: i64, revision: Option<String>, gone_at: Option<i64>) {
        if gone_at.is_none() && self.origins.get(key).is_none_or(|known| known.article != article) {
            self.own_keys.entry(article).or_default().push(key.clone());
        }
        self.origins.insert(key.clone(), Origin { article, gone: gone_at.is_some() });
        self.written_origins.push((key.clone(), article, revision, gone_at));
    }

    fn change(&mut self, num: i64, mut next: Stored) {
        let now = millis(self.now);
        // A new date may bring an article's hour, but what readers have seen is not hidden again by one.
        if next.released_at.is_none() && millis(next.article.published) <= now {
            next.released_at = Some(now);
        }
        let was = self.articles.insert(num, next);
        self.before.entry(num).or_insert(was);
    }

    /// Writes what the batch has come to; tells how many feeds it touches.
    pub(super) async fn write(self, tx: &mut Tx, touches: &Touches<'_>) -> Result<usize, StoreError> {
        let now = millis(self.now);
        let changed: Vec<(&Stored, Option<&Stored>)> =
            self.before.iter().filter_map(|(num, was)| Some((self.articles.get(num)?, was.as_ref()))).collect();

        let rows = changed.iter().map(|(stored, _)| stored.row()).collect::<Result<Vec<_>, _>>()?;
        tx.insert(INSERT, rows, UPSERT).await?;

        // What is new has nothing to replace.
        let replaced: Vec<i64> = changed.iter().filter_map(|(_, was)| was.map(|was| was.num)).collect();
        let nums = replaced.iter().copied().map(Arg::from).collect();
        tx.run_in("DELETE FROM terms WHERE article IN ({})", Vec::new(), nums).await?;
        let mut terms = Vec::new();
        let mut words = Vec::new();
        for (stored, _) in changed.iter().filter(|(stored, _)| stored.withdrawn_at.is_none()) {
            let (published, updated) = (millis(stored.article.published), millis(stored.article.updated));
            terms.extend(stored.article.terms().into_iter().map(|term| args![term, published, stored.num, updated]));
            words.push((stored.num, stored.article.words()));
        }
        tx.insert("INSERT INTO terms (term, published, article, updated)", terms, "").await?;
        tx.index_words(&replaced, words).await?;

        let origins = self.written_origins.into_iter();
        let origins =
            origins.map(|(key, article, revision, gone)| args![self.source.as_str(), key.0, article, revision, gone]);
        let head = "INSERT INTO origins (source, key, article, revision, gone_at)";
        let tail = "ON CONFLICT (source, key) DO UPDATE SET article = excluded.article, revision = excluded.revision, gone_at = excluded.gone_at";
        tx.insert(head, last_rows(origins.collect()), tail).await?;

        let mut revisions = Vec::new();
        for (num, was) in &self.revisions {
            revisions.push(args![*num, now, serde_json::to_string(was)?]);
        }
        tx.insert(
            "INSERT INTO revisions (article, replaced_at, was)",
            revisions,
            "ON CONFLICT (article, replaced_at) DO NOTHING",
        )
        .await?;

        let mut touched = BTreeSet::new();
        for (stored, was) in changed {
            touched.extend(touches(was.and_then(Stored::shown), stored.shown()));
        }
        want(tx, &touched).await?;
        Ok(touched.len())
    }
}

/// One statement may not touch a row twice: of rows with the same source and key, the last stays.
fn last_rows(rows: Vec<Vec<Arg>>) -> Vec<Vec<Arg>> {
    let key = |row: &[Arg]| format!("{:?}", row.get(1));
    let mut seen = HashSet::new();
    let mut kept: Vec<Vec<Arg>> = rows.into_iter().rev().filter(|row| seen.insert(key(row))).collect();
    kept.reverse();
    kept
}

fn seconds(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}

const INSERT: &str = "INSERT INTO articles (num, id, released_at, withdrawn_at, published, updated, first_seen, source, precedence, \
                      link_key, link, language, title, summary, lists, html)";
const UPSERT: &str = "ON CONFLICT (num) DO UPDATE SET released_at = excluded.released_at, withdrawn_at = excluded.withdrawn_at, \
                      published = excluded.published, updated = excluded.updated, source = excluded.source, \
                      precedence = excluded.precedence, link_key = excluded.link_key, link = excluded.link, \
                      language = excluded.language, title = excluded.title, summary = excluded.summary, \
                      lists = excluded.lists, html = excluded.html";
