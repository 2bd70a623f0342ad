//! The duty to watch the database for what other processes write, so that a `courant pull` beside a server shows at once, and
//! what one node publishes on all.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::{Duty, DutyError, Next};
use crate::app::App;
use crate::store::Changes;

/// The watch that is kept, if one is. While it is away, what others write may be missed.
#[derive(Default)]
pub(super) struct Watch(Mutex<Option<Changes>>);

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

    async fn step(&self, app: &Arc<App>, stop: &CancellationToken) -> Result<Next, DutyError> {
        let mut watch = self.0.lock().await;
        // It is put back when all is done: after a failure a new one is made, and everything is looked at once more.
        let changes = match watch.take() {
            Some(mut changes) => tokio::select! {
                () = stop.cancelled() => return Ok(Next::At(None)),
                next = changes.next() => next.map(|()| changes)?,
            },
            None => app.store.changes().await?,
        };
        app.refresh_shelf().await?;
        app.wakes.all();
        *watch = Some(changes);
        Ok(Next::Now)
    }
}
