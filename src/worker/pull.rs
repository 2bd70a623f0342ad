//! The duty to pull: due sources, one pull of a source at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::tally::Tally;
use super::{Duty, DutyError, Next, jitter};
use crate::app::{App, Newsroom, claim_name, now, unguessable};
use crate::article::{Draft, Item, SourceKey};
use crate::config::SourceConfig;
use crate::feed::touched;
use crate::normalize::{self, HouseStyle};
use crate::source::{Cursor, Held, PullError, Pulled};
use crate::store::{Batch, Claim, Outcome, Store, StoreError};

/// How long a claim holds without being renewed: a pull whose process died is taken over after this.
const CLAIM: TimeDelta = TimeDelta::seconds(10);

/// How often a claim is renewed while a server is slow to answer.
const RENEW: Duration = Duration::from_secs(3);

/// How long that may take: by then the claim has ended, and another node may be pulling.
const RENEWED: Duration = Duration::from_secs(6);

/// Back-off after failures, doubled each time.
const BACK_OFF: TimeDelta = TimeDelta::seconds(60);
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::hours(6);

/// No server may send us away for longer.
const LONGEST_RETRY_AFTER: u64 = 86_400;

/// How long a hub that pushes is kept waiting for a pull to end.
const PUSH: Duration = Duration::from_secs(5);

/// A source whose hub pushes is polled only as a backstop.
const BACKSTOP: TimeDelta = TimeDelta::hours(1);

/// Lines about rejected articles in the log, for each pull.
const TOLD: usize = 20;

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
    /// Somebody else is at it.
    #[error("another pull of this source takes too long")]
    Busy,
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
        // Another of us may find more that is due.
        app.wakes.pull.notify_one();
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
        let claim = claimed(app, &source.name, stop).await?;
        let result = pull_claimed(app, &newsroom, source, &claim, stop, &mut tally, watch).await;
        let finished = finish(app, &newsroom, source, &claim, &tally, &result).await;
        result.and(finished.map_err(Failure::Store))
    };
    let result = result.await;
    (tally, result)
}

/// Takes in what a hub pushed for a source: the same way as a pull. When this returns, it is stored.
pub async fn push(app: &Arc<App>, name: &str, body: Bytes) -> Result<(), Failure> {
    let newsroom = app.newsroom();
    let Some(source) = newsroom.config.source(name) else { return Ok(()) };
    let reader = Arc::clone(&source.source);
    let pulled = tokio::task::spawn_blocking(move || reader.pushed(&body)).await??;
    let stop = CancellationToken::new();
    let claim = tokio::time::timeout(PUSH, claimed(app, name, &stop)).await.map_err(|_| Failure::Busy)??;
    let mut tally = Tally::default();
    // Whom we are subscribed to is found out by pulling alone.
    let pulled = Pulled { next: Cursor(claim.cursor.clone()), hub: None, ..pulled };
    let result = held(app, &claim, take(app, &newsroom, source, &claim, pulled, &mut tally)).await;
    if tally.changed() {
        info!(source = name, new = tally.count(Outcome::New), corrected = tally.count(Outcome::Corrected), "pushed");
    }
    // The poll keeps its time: a push is no pull.
    app.store.release_claim(&claim).await?;
    result
}

/// Takes a source, as soon as nobody else holds it.
async fn claimed(app: &App, name: &str, stop: &CancellationToken) -> Result<Claim, Failure> {
    loop {
        if let Some(claim) = app.store.claim(name, now(), now() + CLAIM, &claim_name()).await? {
            return Ok(claim);
        }
        tokio::select! {
            () = stop.cancelled() => return Err(Failure::Stopped),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
}

/// Batch after batch. While one is stored, with its cursor, the next is asked for already.
async fn pull_claimed(
    app: &Arc<App>,
    newsroom: &Arc<Newsroom>,
    source: &SourceConfig,
    claim: &Claim,
    stop: &CancellationToken,
    tally: &mut Tally,
    watch: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), Failure> {
    let stock = Stock { store: app.store.clone(), source: source.name.clone(), storing: Arc::default() };
    let ask = async |cursor: Cursor| {
        tokio::select! {
            pulled = source.source.pull(&newsroom.fetcher, cursor, &stock) => Ok(pulled?),
            lost = hold(&app.store, claim) => Err(Failure::from(lost)),
            () = stop.cancelled() => Err(Failure::Stopped),
        }
    };
    let mut progress = Progress { done: 0, expected: None };
    // The end of a pull that was cut short says nothing of what happened since: then the source is asked once more.
    let mut unfinished = claim.unfinished;
    let mut pulled = ask(Cursor(claim.cursor.clone())).await?;
    loop {
        progress.done += pulled.items.len() as u64;
        progress.expected = pulled.expected.or(progress.expected);
        if !pulled.more {
            let next = pulled.next.clone();
            held(app, claim, take(app, newsroom, source, claim, pulled, tally)).await?;
            watch(progress);
            if !std::mem::take(&mut unfinished) {
                return Ok(());
            }
            pulled = ask(next).await?;
            continue;
        }
        // Whoever asks what is held waits until this batch is stored.
        let storing = Arc::clone(&stock.storing).lock_owned().await;
        let next = pulled.next.clone();
        let store = async {
            let taken = held(app, claim, take(app, newsroom, source, claim, pulled, tally)).await;
            drop(storing);
            taken
        };
        let (taken, following) = tokio::join!(store, ask(next));
        taken?;
        watch(progress);
        pulled = following?;
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
    let Pulled { mut items, rejected, gone, next, hub, note, .. } = pulled;
    tally.note = note.or(tally.note.take());
    if let Some((hub, topic)) = hub
        && let (Ok(key), Ok(secret)) = (unguessable(), unguessable())
        && app.store.announce(&source.name, &hub, &topic, &key, &secret, now()).await?
    {
        app.wakes.subscribe.notify_one();
    }
    tally.rejected.extend(rejected.into_iter().map(|rejection| (rejection.key, rejection.why)));
    let revisions: Vec<(SourceKey, String)> =
        items.iter().filter_map(|item| Some((item.key.clone(), item.revision.clone()?))).collect();
    let known = app.store.known_at(&source.name, &revisions).await?;
    items.retain(|item| !known.contains(&item.key));
    let (drafts, rejected) = normalised(items, &source.house).await?;
    tally.rejected.extend(rejected);

    let ahead = drafts.iter().filter(|draft| draft.article.published > now());
    tally.waiting.extend(ahead.map(|draft| draft.key.clone()));
    let sources = newsroom.config.sources.iter().map(|source| source.name.clone()).collect();
    let batch = Batch { drafts, gone, cursor: next.0, precedence: source.kind.precedence, sources };
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

/// The articles of a batch, and what could not become one, by key. Shared out between the cores.
async fn normalised(items: Vec<Item>, house: &HouseStyle) -> Result<(Vec<Draft>, Vec<(String, String)>), Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let seen = now();
    let mut rest = items;
    let each = rest.len().div_ceil(cores).max(1);
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let part = rest.split_off(rest.len().saturating_sub(each));
        let house = house.clone();
        parts.push(tokio::task::spawn_blocking(move || {
            let draft = |item: Item| {
                let key = item.key.to_string();
                normalize::draft(item, &house, seen).map_err(|why| (key, why.to_string()))
            };
            part.into_iter().map(draft).collect::<Vec<_>>()
        }));
    }
    let (mut drafts, mut rejected) = (Vec::new(), Vec::new());
    // They were cut off from the end.
    for part in parts.into_iter().rev() {
        for result in part.await? {
            match result {
                Ok(draft) => drafts.push(draft),
                Err(why) => rejected.push(why),
            }
        }
    }
    Ok((drafts, rejected))
}

/// Does some work while the claim is held on to.
async fn held<T>(app: &App, claim: &Claim, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        lost = hold(&app.store, claim) => Err(lost.into()),
    }
}

/// Renews a claim until it is lost. Runs beside a pull, and is dropped when that is done.
async fn hold(store: &Store, claim: &Claim) -> StoreError {
    loop {
        tokio::time::sleep(RENEW).await;
        let renewed = tokio::time::timeout(RENEWED, store.renew(claim, now() + CLAIM)).await;
        if let Err(lost) = renewed.unwrap_or_else(|_| Err(StoreError::silence())) {
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
    // A file that can't be read is read at every pull, and told once.
    let left_out = app.newly_left_out(&source.name, &tally.rejected);
    for (key, why) in left_out.iter().take(TOLD) {
        warn!(source = source.name, article = key, why, "an article was left out");
    }
    if left_out.len() > TOLD {
        warn!(source = source.name, more = left_out.len() - TOLD, "more articles were left out");
    }
    let mut due = due(newsroom, source, claim.failures, result.as_ref().err());
    if app.store.upstream(&source.name).await?.is_some_and(|upstream| upstream.lease_until > now()) {
        due = due.max(now() + BACKSTOP);
    }
    match result {
        Ok(()) => {
            let is_news = app.is_news(&source.name, tally.note.as_ref());
            if let Some(note) = tally.note.as_ref().filter(|_| is_news) {
                warn!(source = source.name, note, "pulled, with a note");
            }
            if tally.changed() {
                let [new, corrected, withdrawn] =
                    [Outcome::New, Outcome::Corrected, Outcome::Withdrawn].map(|outcome| tally.count(outcome));
                info!(source = source.name, new, corrected, withdrawn, "pulled");
            }
            app.store.finish(claim, now(), due, Ok((tally.remark(), tally.changed()))).await
        }
        Err(Failure::Stopped) => app.store.release_claim(claim).await,
        // That is no fault of the source's.
        Err(Failure::Store(error)) if error.is_away() => app.store.release_claim(claim).await,
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
    /// Held while a batch is being stored: what is held is known only after it.
    storing: Arc<Mutex<()>>,
}

#[async_trait]
impl Held for Stock {
    async fn count(&self) -> Result<i64, PullError> {
        let _stored = self.storing.lock().await;
        self.store.held_count(&self.source).await.map_err(|error| PullError::Held(error.to_string()))
    }

    async fn keys(&self) -> Result<HashSet<SourceKey>, PullError> {
        let _stored = self.storing.lock().await;
        self.store.held_keys(&self.source).await.map_err(|error| PullError::Held(error.to_string()))
    }
}
