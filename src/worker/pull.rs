//! The duty to pull: due sources, one pull of a source at a time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Duty, DutyError, Next, jitter};
use crate::app::{App, Newsroom, claim_name, now};
use crate::article::{Draft, SourceKey};
use crate::config::SourceConfig;
use crate::feed::touched;
use crate::normalize;
use crate::source::{Cursor, Held, PullError, Pulled};
use crate::store::{Batch, Claim, Outcome, Store, StoreError};

/// How long a claim holds without being renewed: a pull whose process died is taken over after this.
const CLAIM: TimeDelta = TimeDelta::seconds(10);

/// How often a claim is renewed while a server is slow to answer.
const RENEW: Duration = Duration::from_secs(3);

/// Back-off after failures, doubled each time.
const BACK_OFF: TimeDelta = TimeDelta::seconds(60);
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::hours(6);

/// No server may send us away for longer.
const LONGEST_RETRY_AFTER: u64 = 86_400;

/// Lines about rejected articles in the log, for each pull.
const TOLD: usize = 20;

/// What a pull came to.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// What became of each article: a pull may meet one twice.
    outcomes: HashMap<SourceKey, Outcome>,
    /// Why some could not become articles, by what the source calls them.
    pub rejected: BTreeMap<String, String>,
    /// What the operator should know about how the source was read.
    pub note: Option<String>,
}

impl Tally {
    fn take(&mut self, key: SourceKey, outcome: Outcome) {
        let known = self.outcomes.entry(key).or_insert(outcome);
        if *known == Outcome::Unchanged {
            *known = outcome;
        }
    }

    /// How many articles had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.values().filter(|known| **known == outcome).count()
    }

    /// Whether readers may see a difference.
    pub fn changed(&self) -> bool {
        self.outcomes.values().any(|outcome| *outcome != Outcome::Unchanged)
    }
}

/// How far a pull has come, for who watches it.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Articles that were looked at.
    pub done: u64,
    /// Articles in all, if known.
    pub expected: Option<u64>,
}

/// Why a pull ended before its end. What was stored until then stays.
#[derive(Debug, Error)]
pub enum Failure {
    /// The source.
    #[error(transparent)]
    Source(#[from] PullError),
    /// The database, or a claim that was lost.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread died.
    #[error("normalising failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The process is asked to stop.
    #[error("stopped")]
    Stopped,
}

pub(super) struct Pull;

#[async_trait]
impl Duty for Pull {
    fn name(&self) -> &'static str {
        "pull"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.pull
    }

    async fn step(&self, app: &Arc<App>, stop: &CancellationToken) -> Result<Next, DutyError> {
        let newsroom = app.newsroom();
        let names = newsroom.config.source_names();
        let Some(claim) = app.store.claim_due(&names, now(), now() + CLAIM, &claim_name()).await? else {
            return Ok(Next::At(app.store.next_due(&names).await?));
        };
        let Some(source) = newsroom.config.source(&claim.source) else {
            return Ok(Next::Now);
        };
        let mut tally = Tally::default();
        let result = pull_claimed(app, &newsroom, source, &claim, stop, &mut tally, &|_| {}).await;
        finish(app, &newsroom, source, &claim, &tally, &result).await?;
        Ok(Next::Now)
    }
}

/// Pulls one source now, due or not. Waits while another process pulls it.
pub async fn pull(
    app: &Arc<App>,
    source: &SourceConfig,
    stop: &CancellationToken,
    watch: &(dyn Fn(Progress) + Send + Sync),
) -> (Tally, Result<(), Failure>) {
    let newsroom = app.newsroom();
    let mut tally = Tally::default();
    let result = async {
        let claim = loop {
            if let Some(claim) = app.store.claim(&source.name, now(), now() + CLAIM, &claim_name()).await? {
                break claim;
            }
            tokio::select! {
                () = stop.cancelled() => return Err(Failure::Stopped),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        };
        let result = pull_claimed(app, &newsroom, source, &claim, stop, &mut tally, watch).await;
        let finished = finish(app, &newsroom, source, &claim, &tally, &result).await;
        result.and(finished.map_err(Failure::Store))
    };
    let result = result.await;
    (tally, result)
}

/// Batch after batch, each stored with its cursor before the next is asked for.
async fn pull_claimed(
    app: &Arc<App>,
    newsroom: &Arc<Newsroom>,
    source: &SourceConfig,
    claim: &Claim,
    stop: &CancellationToken,
    tally: &mut Tally,
    watch: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), Failure> {
    let held = Stock { store: app.store.clone(), source: source.name.clone() };
    let mut cursor = Cursor(claim.cursor.clone());
    let mut progress = Progress { done: 0, expected: None };
    loop {
        let pull = source.source.pull(&newsroom.fetcher, cursor, &held);
        let pulled = tokio::select! {
            pulled = pull => pulled?,
            lost = hold(&app.store, claim) => return Err(lost.into()),
            () = stop.cancelled() => return Err(Failure::Stopped),
        };
        progress.done += pulled.items.len() as u64;
        progress.expected = pulled.expected.or(progress.expected);
        cursor = pulled.next.clone();
        let more = pulled.more;
        tally.note = pulled.note.clone().or(tally.note.take());
        take(app, newsroom, source, claim, pulled, tally).await?;
        watch(progress);
        if !more {
            return Ok(());
        }
    }
}

/// Normalises and stores one batch.
async fn take(
    app: &App,
    newsroom: &Arc<Newsroom>,
    source: &SourceConfig,
    claim: &Claim,
    pulled: Pulled,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let Pulled { mut items, rejected, gone, next, .. } = pulled;
    tally.rejected.extend(rejected.into_iter().map(|rejection| (rejection.key, rejection.why)));
    let revisions: Vec<(SourceKey, String)> =
        items.iter().filter_map(|item| Some((item.key.clone(), item.revision.clone()?))).collect();
    let known = app.store.known_at(&source.name, &revisions).await?;
    items.retain(|item| !known.contains(&item.key));

    let (house, seen) = (source.house.clone(), now());
    let normalised = tokio::task::spawn_blocking(move || {
        let mut drafts: Vec<Draft> = Vec::with_capacity(items.len());
        let mut rejected = Vec::new();
        for item in items {
            let key = item.key.to_string();
            match normalize::draft(item, &house, seen) {
                Ok(draft) => drafts.push(draft),
                Err(why) => rejected.push((key, why.to_string())),
            }
        }
        (drafts, rejected)
    });
    let (drafts, rejected) = normalised.await?;
    tally.rejected.extend(rejected);

    let batch = Batch { drafts, gone, cursor: next.0, precedence: source.kind.precedence };
    let feeds = &newsroom.config.feeds;
    let saved =
        app.store.save(claim, batch, now(), now() + CLAIM, &|before, after| touched(feeds, before, after)).await?;
    if saved.touched > 0 {
        app.wakes.publish.notify_one();
    }
    if !saved.outcomes.is_empty() {
        app.wakes.release.notify_one();
    }
    for (key, outcome) in saved.outcomes {
        tally.take(key, outcome);
    }
    Ok(())
}

/// Renews a claim until it is lost. Runs beside a pull, and is dropped when that is done.
async fn hold(store: &Store, claim: &Claim) -> StoreError {
    loop {
        tokio::time::sleep(RENEW).await;
        if let Err(lost) = store.renew(claim, now() + CLAIM).await {
            return lost;
        }
    }
}

/// Gives the claim back, and tells the operator what happened.
async fn finish(
    app: &App,
    newsroom: &Newsroom,
    source: &SourceConfig,
    claim: &Claim,
    tally: &Tally,
    result: &Result<(), Failure>,
) -> Result<(), StoreError> {
    for (key, why) in tally.rejected.iter().take(TOLD) {
        warn!(source = source.name, article = key, why, "an article was left out");
    }
    if tally.rejected.len() > TOLD {
        warn!(source = source.name, more = tally.rejected.len() - TOLD, "more articles were left out");
    }
    let due = due(newsroom, source, claim.failures, result.as_ref().err());
    match result {
        Ok(()) => {
            if let Some(note) = &tally.note {
                warn!(source = source.name, note, "pulled in another way");
            }
            if tally.changed() {
                let [new, corrected, withdrawn] =
                    [Outcome::New, Outcome::Corrected, Outcome::Withdrawn].map(|outcome| tally.count(outcome));
                info!(source = source.name, new, corrected, withdrawn, "pulled");
            }
            app.store.finish(claim, now(), due, Ok((tally.note.clone(), tally.changed()))).await
        }
        Err(Failure::Stopped) => app.store.release_claim(claim).await,
        Err(failure) => {
            warn!(source = source.name, error = %failure, next = %due.format("%Y-%m-%dT%H:%M:%SZ"), "a pull failed");
            app.store.finish(claim, now(), due, Err(failure.to_string())).await
        }
    }
}

/// When a source is pulled next: by its schedule, later if it failed, never before the server allows.
fn due(newsroom: &Newsroom, source: &SourceConfig, failures: i64, failure: Option<&Failure>) -> DateTime<Utc> {
    let now = now();
    let zone = newsroom.config.site.timezone;
    let scheduled = source.schedule.next(now, zone).unwrap_or(now + TimeDelta::days(3650));
    let Some(failure) = failure else {
        return scheduled + jitter(scheduled - now);
    };
    let factor = 1 << failures.clamp(0, 10);
    let mut due = scheduled.max(now + (BACK_OFF * factor).min(LONGEST_BACK_OFF));
    if let Failure::Source(error) = failure
        && let Some(seconds) = error.retry_after()
    {
        due = due.max(now + TimeDelta::seconds(i64::try_from(seconds.min(LONGEST_RETRY_AFTER)).unwrap_or(0)));
    }
    due + jitter(due - now)
}

/// What is stored of a source.
struct Stock {
    store: Store,
    source: String,
}

#[async_trait]
impl Held for Stock {
    async fn count(&self) -> Result<i64, PullError> {
        self.store.held_count(&self.source).await.map_err(|error| PullError::Held(error.to_string()))
    }

    async fn keys(&self) -> Result<HashSet<SourceKey>, PullError> {
        self.store.held_keys(&self.source).await.map_err(|error| PullError::Held(error.to_string()))
    }
}
