//! The duty to verify: whoever asks for a subscription must confirm it at the callback (WebSub section 5.3).

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use url::Url;

use super::{Duty, DutyError, Next, insist};
use crate::app::{App, Newsroom, claim_name, now, unguessable};
use crate::store::{Intent, Mode, StoreError};
use crate::websub::asked;

/// Callbacks that are asked at the same time.
const AT_ONCE: usize = 128;

const CLAIM: TimeDelta = TimeDelta::seconds(30);

/// While some callbacks hang, others fall due.
const LOOK: Duration = Duration::from_secs(1);

/// A callback that can't be reached is asked again after these, then no more.
const AGAIN: [TimeDelta; 3] = [TimeDelta::seconds(5), TimeDelta::seconds(60), TimeDelta::minutes(10)];

/// How often leases that have ended are looked for. They are owed nothing, so there is no hurry.
const LEASES: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Verify {
    /// When leases were looked at last.
    looked: Mutex<Option<Instant>>,
}

#[async_trait]
impl Duty for Verify {
    fn name(&self) -> &'static str {
        "verify"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.verify
    }

    async fn step(&self, app: &Arc<App>, stop: &CancellationToken) -> Result<Next, DutyError> {
        let newsroom = app.newsroom();
        let by = claim_name();
        let mut crew: JoinSet<(Intent, Outcome)> = JoinSet::new();
        let mut more = true;
        loop {
            if more && crew.len() < AT_ONCE && !stop.is_cancelled() {
                let room = i64::try_from(AT_ONCE - crew.len()).unwrap_or(1);
                let intents = app.store.claim_intents(room, now(), now() + CLAIM, &by).await?;
                more = !intents.is_empty();
                for intent in intents {
                    crew.spawn(verified(Arc::clone(&newsroom), intent));
                }
            }
            let ended = tokio::select! {
                ended = crew.join_next() => ended,
                () = self.wake(app).notified(), if crew.len() < AT_ONCE => { more = true; continue }
                // One that hangs must not keep others from their next try.
                () = tokio::time::sleep(LOOK) => { more = true; continue }
                () = stop.cancelled() => None,
            };
            let Some(ended) = ended else { break };
            let (intent, outcome) = ended?;
            // What a callback has said is kept while the database is away.
            if insist(app, stop, || note(app, &intent, &by, &outcome)).await?.is_none() {
                break;
            }
        }
        if stop.is_cancelled() {
            app.store.release_claims(&by).await?;
        }
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|looked| looked.elapsed() >= LEASES) {
            app.store.end_leases(now()).await?;
            *looked = Some(Instant::now());
        }
        Ok(Next::At(app.store.next_intent().await?))
    }
}

/// What a callback said.
enum Outcome {
    /// The challenge: it wants what was asked.
    Confirmed,
    /// Anything else: it does not.
    Refused(String),
    /// Nothing: it may be asked again.
    Unreachable(String),
}

async fn note(app: &App, intent: &Intent, by: &str, outcome: &Outcome) -> Result<(), StoreError> {
    match outcome {
        Outcome::Confirmed => {
            app.store.confirmed(intent, now()).await?;
            info!(callback = intent.callback, topic = intent.address, mode = intent.mode.word(), "confirmed");
            // It may have missed a change while it was asked.
            app.wakes.deliver.notify_one();
        }
        Outcome::Refused(why) => {
            app.store.unconfirmed(intent, by, None).await?;
            info!(callback = intent.callback, topic = intent.address, mode = intent.mode.word(), why, "not confirmed");
        }
        Outcome::Unreachable(why) => {
            let again: Option<DateTime<Utc>> =
                usize::try_from(intent.failures).ok().and_then(|tries| AGAIN.get(tries)).map(|wait| now() + *wait);
            debug!(callback = intent.callback, why, "a callback can't be reached");
            app.store.unconfirmed(intent, by, again).await?;
        }
    }
    Ok(())
}

async fn verified(newsroom: Arc<Newsroom>, intent: Intent) -> (Intent, Outcome) {
    let outcome = ask(&newsroom, &intent).await;
    (intent, outcome)
}

async fn ask(newsroom: &Newsroom, intent: &Intent) -> Outcome {
    let Ok(challenge) = unguessable() else {
        return Outcome::Unreachable("this machine has no random numbers".to_owned());
    };
    let lease = intent.lease.num_seconds().to_string();
    let mut parameters = vec![("hub.mode", intent.mode.word()), ("hub.topic", intent.address.as_str())];
    match intent.mode {
        Mode::Denied => parameters.push(("hub.reason", "this feed is no longer published here")),
        mode => {
            parameters.push(("hub.challenge", &challenge));
            if mode == Mode::Subscribe {
                parameters.push(("hub.lease_seconds", &lease));
            }
        }
    }
    let Ok(url) = Url::parse(&asked(&intent.callback, &parameters)) else {
        return Outcome::Refused("the callback is no address".to_owned());
    };
    match newsroom.fetcher.ask(&url).await {
        // A denial asks for nothing.
        _ if intent.mode == Mode::Denied => Outcome::Refused("denied".to_owned()),
        Ok((200..=299, body)) if body == challenge.as_bytes() => Outcome::Confirmed,
        Ok((200..=299, _)) => Outcome::Refused("the answer is not the challenge".to_owned()),
        Ok((status @ (500..=599 | 429), _)) => Outcome::Unreachable(format!("answered {status}")),
        Ok((status, _)) => Outcome::Refused(format!("answered {status}")),
        Err(error) => Outcome::Unreachable(error.to_string()),
    }
}
