//! The duty to release: articles whose hour has come.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Duty, DutyError, Next};
use crate::app::{App, now};
use crate::feed::touched;

pub(super) struct Release;

#[async_trait]
impl Duty for Release {
    fn name(&self) -> &'static str {
        "release"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.release
    }

    async fn step(&self, app: &Arc<App>, _stop: &CancellationToken) -> Result<Next, DutyError> {
        let next = app.store.next_release().await?;
        if next.is_none_or(|next| next > now()) {
            return Ok(Next::At(next));
        }
        let newsroom = app.newsroom();
        let feeds = &newsroom.config.feeds;
        let released = app.store.release(now(), &|before, after| touched(feeds, before, after)).await?;
        // Another node may have been faster.
        if released > 0 {
            info!(articles = released, "released");
        }
        app.wakes.publish.notify_one();
        Ok(Next::Now)
    }
}
