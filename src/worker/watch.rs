//! The duty to watch the database for what other processes write, so that a `courant pull` beside a server shows at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Duty, DutyError, Next};
use crate::app::{App, now};

/// Well under the second that people are promised.
const EVERY: TimeDelta = TimeDelta::milliseconds(250);

#[derive(Default)]
pub(super) struct Watch {
    seen: AtomicI64,
}

#[async_trait]
impl Duty for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn wake<'a>(&self, _app: &'a App) -> &'a Notify {
        // Nothing wakes it: it looks by itself.
        static NEVER: Notify = Notify::const_new();
        &NEVER
    }

    async fn step(&self, app: &Arc<App>, _stop: &CancellationToken) -> Result<Next, DutyError> {
        let moved = app.store.moved().await?;
        if self.seen.load(Ordering::Relaxed) != moved {
            app.refresh_shelf().await?;
            self.seen.store(moved, Ordering::Relaxed);
            app.wakes.all();
        }
        Ok(Next::At(Some(now() + EVERY)))
    }
}
