//! The duties of a process, and the one small loop that knows sleeping, waking, backing off and stopping for all of them.

mod compress;
mod deliver;
mod files;
mod publish;
mod pull;
mod release;
mod subscribe;
mod tally;
mod verify;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::app::{App, SetupError, now};
use crate::document::Unpublishable;
use crate::store::StoreError;

pub use compress::compress_all;
pub use publish::publish_all;
pub use pull::{Failure, Progress, pull, push};
pub use tally::Tally;

/// Pulls at the same time.
const PULLS: usize = 4;

/// How long a step waits before it asks a database again that was away.
const AGAIN: Duration = Duration::from_secs(1);

/// The longest sleep: a wake-up that was lost costs this much.
const LONGEST: Duration = Duration::from_secs(60);

/// What can go wrong with a duty as such. What goes wrong with one source or one feed is its own affair.
#[derive(Debug, Error)]
pub enum DutyError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A document.
    #[error(transparent)]
    Document(#[from] Unpublishable),
    /// The newsroom's files.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A thread died.
    #[error("a task failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The compressor.
    #[error("compressing failed: {0}")]
    Compress(#[from] std::io::Error),
    /// The watcher of files.
    #[error("can't watch the files: {0}")]
    Watch(#[from] notify::Error),
}

/// When a duty wants its next turn.
enum Next {
    /// There is more to do now.
    Now,
    /// When it is woken, and then at the latest.
    At(Option<DateTime<Utc>>),
}

/// Something that a process does as long as it runs.
#[async_trait]
trait Duty: Send + Sync {
    /// Its name in the log.
    fn name(&self) -> &'static str;
    /// What wakes it.
    fn wake<'a>(&self, app: &'a App) -> &'a Notify;
    /// Does what is owed now, a bounded piece of it.
    async fn step(&self, app: &Arc<App>, stop: &CancellationToken) -> Result<Next, DutyError>;
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    All,
    /// Serves readers.
    Web,
    /// Pulls and publishes.
    Worker,
}

impl Role {
    /// Whether the process pulls and publishes.
    pub fn works(self) -> bool {
        self != Role::Web
    }

    /// Whether the process answers readers.
    pub fn serves(self) -> bool {
        self != Role::Worker
    }
}

/// Starts the duties of a role. They end, each after the piece that it is at, when `stop` is cancelled.
pub fn start(app: &Arc<App>, role: Role, stop: &CancellationToken) -> JoinSet<()> {
    let mut duties: Vec<Box<dyn Duty>> = vec![Box::new(watch::Watch::default())];
    if role.works() {
        duties.extend((0..PULLS).map(|_| Box::new(pull::Pull) as Box<dyn Duty>));
        duties.push(Box::new(release::Release));
        duties.push(Box::new(publish::Publish::default()));
        duties.push(Box::new(compress::Compress));
        duties.push(Box::new(verify::Verify::default()));
        duties.push(Box::new(deliver::Deliver::default()));
        duties.push(Box::new(subscribe::Subscribe));
    }
    let mut tasks = JoinSet::new();
    for duty in duties {
        tasks.spawn(run(duty, Arc::clone(app), stop.clone()));
    }
    tasks.spawn(files::follow(Arc::clone(app), stop.clone()));
    tasks
}

async fn run(duty: Box<dyn Duty>, app: Arc<App>, stop: CancellationToken) {
    let mut failures = 0u32;
    while !stop.is_cancelled() {
        // A wake-up that comes during the step is kept by the `Notify`, so none is missed.
        let next = duty.step(&app, &stop).await;
        if next.is_ok() {
            failures = 0;
            app.found_back();
        }
        let sleep = match next {
            Ok(Next::Now) => continue,
            Ok(Next::At(at)) => at.map_or(LONGEST, |at| (at - now()).to_std().unwrap_or_default()).min(LONGEST),
            Err(error) => {
                failures += 1;
                let is_away = matches!(&error, DutyError::Store(error) if app.found_away(error));
                // Asking a database that is away costs nothing, and when it is back, much is waiting.
                let doublings = failures.min(if is_away { 2 } else { 7 });
                let sleep = Duration::from_millis(500) * 2u32.pow(doublings);
                if !is_away {
                    error!(duty = duty.name(), %error, again_in = ?sleep, "a duty failed");
                }
                // No wake-up shortens a back-off.
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(sleep) => continue,
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = duty.wake(&app).notified() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Does what a step must not leave undone: with a database that is away, again and again, because what the step knows would be lost
/// with it. `None`: the process is asked to stop.
async fn insist<T, W: Future<Output = Result<T, StoreError>>>(
    app: &App,
    stop: &CancellationToken,
    work: impl Fn() -> W,
) -> Result<Option<T>, StoreError> {
    loop {
        match work().await {
            Err(error) if app.found_away(&error) => {}
            done => return done.map(Some),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Up to a twentieth of the wait, at most ten seconds, so that a thousand newsrooms don't ask at the full minute.
fn jitter(wait: TimeDelta) -> TimeDelta {
    let mut chance = [0u8; 2];
    let _ = getrandom::fill(&mut chance);
    let most = (wait / 20).min(TimeDelta::seconds(10)).num_milliseconds();
    TimeDelta::milliseconds(most * i64::from(u16::from_le_bytes(chance)) / i64::from(u16::MAX))
}
