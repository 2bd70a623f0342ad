//! The duty to deliver: every subscription of a topic comes up to the topic's version; other hubs are pinged.
//!
//! A subscriber that is slow must not hold up the others. Deliveries start in a fast lane; one that has no answer after a
//! moment moves to a slow lane, which is wide, and leaves its place to the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryFutureExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use url::Url;

use super::{Duty, DutyError, Next, insist, jitter};
use crate::app::{App, Newsroom, claim_name, now};
use crate::document::Document;
use crate::fetch::FetchError;
use crate::format;
use crate::store::{Arrival, Delivered, Owed, Receiver, Topic};
use crate::websub::signature;

/// Deliveries that are expected to end soon.
const FAST: usize = 128;

/// Deliveries that were not.
const SLOW: usize = 1280;

/// Deliveries that are claimed: under way, or waiting for their host.
const WAITING: usize = 2048;

/// What is soon.
const SOON: Duration = Duration::from_millis(100);

/// How long a claim holds: longer than a delivery can take.
const CLAIM: TimeDelta = TimeDelta::seconds(60);

/// A delivery that has waited this long for its turn is not sent under this claim any more.
const STALE: Duration = Duration::from_secs(30);

/// Subscriptions that are claimed at once, and results that are written at once.
const BATCH: usize = 1024;

/// Results wait at most this long to be written.
const WRITE: Duration = Duration::from_millis(40);

/// While some deliveries hang, others fall due.
const LOOK: Duration = Duration::from_secs(1);

/// How long deliveries may take to end when the process is asked to stop.
const GRACE: Duration = Duration::from_secs(3);

/// The first try again, doubled each time.
const BACK_OFF: TimeDelta = TimeDelta::seconds(15);
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::hours(4);

/// After failing for this long, a subscription rests until something new is published, it is renewed, or its lease ends.
const GIVE_UP: TimeDelta = TimeDelta::days(1);

pub(super) struct Deliver {
    lanes: Arc<Lanes>,
}

struct Lanes {
    fast: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

impl Default for Deliver {
    fn default() -> Self {
        let lanes = Lanes { fast: Arc::new(Semaphore::new(FAST)), slow: Arc::new(Semaphore::new(SLOW)) };
        Self { lanes: Arc::new(lanes) }
    }
}

#[async_trait]
impl Duty for Deliver {
    fn name(&self) -> &'static str {
        "deliver"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.deliver
    }

    async fn step(&self, app: &Arc<App>, stop: &CancellationToken) -> Result<Next, DutyError> {
        let by = claim_name();
        let mut crew: JoinSet<Option<Delivered>> = JoinSet::new();
        let mut done = Vec::new();
        let mut written = Instant::now();
        let mut more = true;
        loop {
            let room = WAITING.saturating_sub(crew.len()).min(BATCH);
            // Few at a time only while nothing ends: a claim costs the same for one as for many.
            let worthwhile = room == BATCH || (room > 0 && done.is_empty());
            if more && worthwhile && self.lanes.fast.available_permits() > 0 && !stop.is_cancelled() {
                let limit = i64::try_from(room).unwrap_or(1);
                // While the database is away, deliveries that are under way go on, and what they come to is kept.
                let claim = || {
                    let claimed = Instant::now();
                    app.store.claim_owed(limit, now(), now() + CLAIM, &by).map_ok(move |owed| (claimed, owed))
                };
                if let Some((claimed, owed)) = insist(app, stop, claim).await? {
                    more = owed.len() == room;
                    self.send(app, stop, owed, claimed, &mut crew).await?;
                }
            }
            let full = done.len() >= BATCH || (crew.is_empty() && !done.is_empty());
            if full || (!done.is_empty() && written.elapsed() > WRITE) {
                if insist(app, stop, || app.store.delivered(&by, &done, now())).await?.is_some() {
                    done.clear();
                }
                written = Instant::now();
            }
            if crew.is_empty() && !more && done.is_empty() {
                break;
            }
            tokio::select! {
                ended = crew.join_next(), if !crew.is_empty() => {
                    done.extend(ended.transpose()?.flatten());
                    while let Some(ended) = crew.try_join_next() {
                        done.extend(ended?);
                    }
                }
                () = self.wake(app).notified() => more = true,
                // One that hangs must not keep others from their next try.
                () = tokio::time::sleep(LOOK), if done.is_empty() => more = true,
                () = tokio::time::sleep(WRITE), if !done.is_empty() || more => {}
                () = stop.cancelled() => {
                    // What is under way may end; what was only claimed is given back.
                    let rest = async {
                        while let Some(ended) = crew.join_next().await {
                            done.extend(ended.ok().flatten());
                        }
                    };
                    let _ = tokio::time::timeout(GRACE, rest).await;
                    crew.abort_all();
                    app.store.delivered(&by, &done, now()).await?;
                    app.store.release_claims(&by).await?;
                    return Ok(Next::At(None));
                }
            }
        }
        Ok(Next::At(app.store.next_owed(now()).await?))
    }
}

impl Deliver {
    /// Starts deliveries, each of the document as it is now.
    async fn send(
        &self,
        app: &Arc<App>,
        stop: &CancellationToken,
        owed: Vec<Owed>,
        claimed: Instant,
        crew: &mut JoinSet<Option<Delivered>>,
    ) -> Result<(), DutyError> {
        let newsroom = app.newsroom();
        let mut documents: HashMap<Topic, Option<Arc<Document>>> = HashMap::new();
        for owed in owed {
            let document = match documents.get(&owed.topic) {
                Some(document) => document.clone(),
                None => {
                    let document = insist(app, stop, || app.newest_document(&owed.topic)).await?.flatten();
                    documents.entry(owed.topic.clone()).or_insert(document).clone()
                }
            };
            let Some(document) = document else { continue };
            crew.spawn(deliver(Arc::clone(&newsroom), Arc::clone(&self.lanes), owed, claimed, document));
        }
        Ok(())
    }
}

/// One delivery.
async fn deliver(
    newsroom: Arc<Newsroom>,
    lanes: Arc<Lanes>,
    owed: Owed,
    claimed: Instant,
    document: Arc<Document>,
) -> Option<Delivered> {
    let failed = |owed: Owed, why: String, again| {
        Some(Delivered {
            version: document.version,
            owed,
            latency: TimeDelta::zero(),
            result: Arrival::Failed(why, again),
        })
    };
    let url = match Url::parse(&owed.callback) {
        Ok(url) => url,
        Err(error) => {
            let again = again(&owed);
            return failed(owed, format!("the callback is no address: {error}"), again);
        }
    };
    // The host first: who waits for a host that hangs must not keep a place that others could use.
    let _turn = newsroom.fetcher.callback_turn(&url).await;
    let place = Arc::clone(&lanes.fast).acquire_owned().await.ok()?;
    if claimed.elapsed() > STALE {
        return failed(owed, "it was not its turn in time".to_owned(), now() + BACK_OFF);
    }
    let started = Instant::now();
    let answer = unhurried(post(&newsroom, &url, &owed, &document), place, &lanes).await;
    let result = match answer {
        Ok(200..=299) => Arrival::Arrived,
        Ok(410) if owed.receiver == Receiver::Subscriber => Arrival::Gone,
        Ok(status) => Arrival::Failed(format!("answered {status}"), again(&owed)),
        Err(error) => Arrival::Failed(error.to_string(), again(&owed)),
    };
    match &result {
        Arrival::Failed(why, _) if owed.receiver == Receiver::Hub => {
            warn!(hub = owed.callback, why, "a hub was not pinged")
        }
        result => debug!(callback = owed.callback, ?result, "delivered"),
    }
    let latency = TimeDelta::from_std(started.elapsed()).unwrap_or(TimeDelta::MAX);
    Some(Delivered { version: document.version, owed, latency, result })
}

/// Waits for an answer; when it does not come soon, in the slow lane, as long as there is room.
async fn unhurried<T>(answer: impl Future<Output = T>, place: OwnedSemaphorePermit, lanes: &Lanes) -> T {
    let mut answer = std::pin::pin!(answer);
    if let Ok(answer) = tokio::time::timeout(SOON, &mut answer).await {
        return answer;
    }
    let _place = match Arc::clone(&lanes.slow).try_acquire_owned() {
        Ok(slow) => {
            drop(place);
            slow
        }
        Err(_) => place,
    };
    answer.await
}

async fn post(newsroom: &Newsroom, url: &Url, owed: &Owed, document: &Document) -> Result<u16, FetchError> {
    let site = &newsroom.config.site;
    let topic = site.topic(&owed.topic.feed, &owed.topic.format);
    if owed.receiver == Receiver::Hub {
        // Hubs differ on the parameter's name: both serve all of them.
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("hub.mode", "publish"), ("hub.url", &topic), ("hub.topic", &topic)])
            .finish();
        let fields = [("content-type", "application/x-www-form-urlencoded")];
        return newsroom.fetcher.post(url, &fields, Bytes::from(form)).await;
    }
    let media_type =
        format::by_ending(&owed.topic.format).map_or("application/octet-stream", |format| format.media_type);
    let link = site.link(&topic);
    let signed = owed.secret.as_ref().map(|secret| signature(newsroom.config.hub.algorithm, secret, &document.plain));
    let mut fields = vec![("content-type", media_type), ("link", link.as_str())];
    fields.extend(signed.as_deref().map(|signature| ("x-hub-signature", signature)));
    newsroom.fetcher.post(url, &fields, document.plain.clone()).await
}

/// When a delivery that failed is tried again.
fn again(owed: &Owed) -> DateTime<Utc> {
    let now = now();
    // A hub has no lease that could end, so it does not rest.
    if owed.receiver == Receiver::Subscriber && owed.failing_since.is_some_and(|since| now - since > GIVE_UP) {
        return owed.lease_until;
    }
    let wait = (BACK_OFF * (1 << owed.failures.clamp(0, 12))).min(LONGEST_BACK_OFF);
    now + wait + jitter(wait * 4)
}
