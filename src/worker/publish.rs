//! The duty to publish: topics that are behind come up to what is wanted of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Duty, DutyError, Next};
use crate::app::{App, Newsroom, now};
use crate::document::{made, next};
use crate::feed::Snapshot;
use crate::format::{self, Format};
use crate::store::{Behind, Stored};

/// Feeds that are rendered before their documents are stored in one transaction: bounds memory.
const FEEDS: usize = 4;

pub(super) struct Publish;

#[async_trait]
impl Duty for Publish {
    fn name(&self) -> &'static str {
        "publish"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.publish
    }

    async fn step(&self, app: &Arc<App>, stop: &CancellationToken) -> Result<Next, DutyError> {
        publish_all(app, stop).await?;
        app.set_loaded();
        Ok(Next::At(None))
    }
}

/// What became of one topic.
type Rendered = (Behind, Option<Stored>, Option<String>);

/// Renders all topics that are behind. A feed that can't be rendered keeps its last good document, and is told.
pub async fn publish_all(app: &Arc<App>, stop: &CancellationToken) -> Result<(), DutyError> {
    let mut feeds: BTreeMap<String, Vec<Behind>> = BTreeMap::new();
    for behind in app.store.behind().await? {
        feeds.entry(behind.topic.feed.clone()).or_default().push(behind);
    }
    let newsroom = app.newsroom();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let feeds: Vec<_> = feeds.into_iter().collect();
    for feeds in feeds.chunks(FEEDS) {
        if stop.is_cancelled() {
            return Ok(());
        }
        let mut work = Vec::with_capacity(feeds.len());
        for (name, behind) in feeds {
            work.push(render(app, &newsroom, name, behind.clone()).boxed());
        }
        let rendered: Vec<Vec<Rendered>> = stream::iter(work).buffer_unordered(cores).try_collect().await?;
        let rendered: Vec<Rendered> = rendered.into_iter().flatten().collect();
        app.store.publish(rendered.clone()).await?;
        for (behind, document, _) in rendered {
            if let Some(document) = document {
                app.shelf.put(behind.topic, document.into());
            }
        }
        app.wakes.deliver.notify_one();
        app.wakes.compress.notify_one();
    }
    Ok(())
}

/// One feed in all formats that are behind, from one look at its articles.
async fn render(
    app: &App,
    newsroom: &Arc<Newsroom>,
    name: &str,
    behind: Vec<Behind>,
) -> Result<Vec<Rendered>, DutyError> {
    // A feed that another process knows and we don't is not ours to render.
    let Some(feed) = newsroom.config.feed(name) else {
        return Ok(Vec::new());
    };
    let articles = app.store.select(&feed.query).await?;
    let mut heads = Vec::new();
    for behind in behind {
        let head = app.store.document_head(&behind.topic).await?;
        heads.push((behind, head));
    }
    let snapshot = Snapshot { info: feed.info.clone(), content: feed.content, articles };
    let newsroom = Arc::clone(newsroom);
    let work = tokio::task::spawn_blocking(move || {
        let mut rendered = Vec::new();
        for (behind, head) in heads {
            let Some(format) = format::by_ending(&behind.topic.format) else {
                continue;
            };
            rendered.push(one(format, &snapshot, &newsroom, behind, head));
        }
        rendered
    });
    Ok(work.await?)
}

fn one(
    format: &Format,
    snapshot: &Snapshot,
    newsroom: &Newsroom,
    behind: Behind,
    head: Option<(String, i64, chrono::DateTime<chrono::Utc>)>,
) -> Rendered {
    match made(format, snapshot, &newsroom.config.site) {
        Ok(made) => {
            let told = (!made.left_out.is_empty()).then(|| {
                let list: Vec<String> = made.left_out.iter().map(|(id, why)| format!("{id} ({why})")).collect();
                warn!(
                    feed = behind.topic.feed,
                    format = format.name,
                    articles = list.join(", "),
                    "left out of a document"
                );
                format!("left out: {}", list.join(", "))
            });
            (behind, next(made.bytes, head, now()), told)
        }
        Err(why) => {
            error!(feed = behind.topic.feed, format = format.name, %why, "can't publish; the last good document stays");
            (behind, None, Some(why.to_string()))
        }
    }
}
