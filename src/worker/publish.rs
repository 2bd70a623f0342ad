//! The duty to publish: topics that are behind come up to what is wanted of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Duty, DutyError, Next};
use crate::app::{App, Newsroom, now};
use crate::document::{fresh, made};
use crate::feed::Snapshot;
use crate::format::{self, Format};
use crate::store::{Behind, Rendered, StoreError, Topic};

/// Feeds that are rendered before their documents are stored in one transaction: bounds memory.
const FEEDS: usize = 4;

/// How long topics that are configured otherwise than we know are left to whoever knows. A node of another version, or with other
/// files, may have configured them, and gone.
const THEIRS: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Publish {
    /// Since when there are such topics that nobody renders.
    theirs: Mutex<Option<Instant>>,
}

#[async_trait]
impl Duty for Publish {
    fn name(&self) -> &'static str {
        "publish"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.publish
    }

    async fn step(&self, app: &Arc<App>, stop: &CancellationToken) -> Result<Next, DutyError> {
        let all = publish_all(app, stop).await?;
        app.set_loaded();
        let mut theirs = self.theirs.lock().await;
        if all {
            *theirs = None;
            return Ok(Next::At(None));
        }
        let since = *theirs.get_or_insert_with(Instant::now);
        if since.elapsed() >= THEIRS {
            *theirs = None;
            info!("documents that no node makes are made as they are configured here");
            app.register().await?;
            return Ok(Next::Now);
        }
        Ok(Next::At(Some(now() + (THEIRS - since.elapsed()))))
    }
}

/// Renders all topics that are behind. A feed that can't be rendered keeps its last good document, and is told. Tells whether all
/// of them are configured as we know.
pub async fn publish_all(app: &Arc<App>, stop: &CancellationToken) -> Result<bool, DutyError> {
    let owed = app.store.behind().await?;
    if owed.is_empty() {
        // Most wake-ups: nothing to fingerprint the configuration for.
        return Ok(true);
    }
    let newsroom = app.newsroom();
    let ours: HashMap<Topic, String> = newsroom.config.topics().into_iter().collect();
    let mut feeds: BTreeMap<String, Vec<Behind>> = BTreeMap::new();
    let mut all = true;
    for behind in owed {
        // What is configured otherwise than we know is for whoever knows, or for us when we have read the files again.
        if ours.get(&behind.topic) == Some(&behind.made_of) {
            feeds.entry(behind.topic.feed.clone()).or_default().push(behind);
        } else {
            all = false;
        }
    }
    let feeds: Vec<_> = feeds.into_iter().collect();
    let mut chunks = feeds.chunks(FEEDS);
    let mut rendered = Vec::new();
    loop {
        let next = chunks.next().filter(|_| !stop.is_cancelled());
        // While some are stored, the next are rendered.
        let (stored, rendering) =
            tokio::join!(put_up(app, rendered), render_all(app, &newsroom, next.unwrap_or_default()));
        stored?;
        rendered = rendering?;
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// Stores documents, and shows them.
async fn put_up(app: &App, rendered: Vec<Rendered>) -> Result<(), StoreError> {
    if rendered.is_empty() {
        return Ok(());
    }
    for (topic, document) in app.store.publish(rendered, now()).await? {
        app.shelf.put(topic, document.into());
    }
    app.wakes.deliver.notify_one();
    app.wakes.compress.notify_one();
    Ok(())
}

/// Some feeds, as many at once as there are cores.
async fn render_all(
    app: &App,
    newsroom: &Arc<Newsroom>,
    feeds: &[(String, Vec<Behind>)],
) -> Result<Vec<Rendered>, DutyError> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut work = Vec::with_capacity(feeds.len());
    for (name, behind) in feeds {
        work.push(render(app, newsroom, name, behind.clone()).boxed());
    }
    stream::iter(work).buffer_unordered(cores).try_concat().await
}

/// One feed in all formats that are behind, from one look at its articles. What goes wrong with it is its own affair, but for a
/// database that fails: then it stays behind.
async fn render(
    app: &App,
    newsroom: &Arc<Newsroom>,
    name: &str,
    behind: Vec<Behind>,
) -> Result<Vec<Rendered>, DutyError> {
    match rendered(app, newsroom, name, behind.clone()).await {
        Ok(rendered) => Ok(rendered),
        // An article that can't be read is the feed's; everything else is the database's.
        Err(DutyError::Store(error)) if !matches!(error, StoreError::Stored(_)) => Err(error.into()),
        Err(why) => {
            error!(feed = name, %why, "can't publish; the last good documents stay");
            let failed = |behind| Rendered { behind, document: None, error: Some(why.to_string()) };
            Ok(behind.into_iter().map(failed).collect())
        }
    }
}

async fn rendered(
    app: &App,
    newsroom: &Arc<Newsroom>,
    name: &str,
    behind: Vec<Behind>,
) -> Result<Vec<Rendered>, DutyError> {
    let Some(feed) = newsroom.config.feed(name) else { return Ok(Vec::new()) };
    let articles = app.store.select(&feed.query).await?;
    let snapshot = Snapshot { info: feed.info.clone(), content: feed.content, articles };
    let newsroom = Arc::clone(newsroom);
    let work = tokio::task::spawn_blocking(move || {
        let with_format = |behind: Behind| Some((format::by_ending(&behind.topic.format)?, behind));
        let formats = behind.into_iter().filter_map(with_format);
        formats.map(|(format, behind)| one(format, &snapshot, &newsroom, behind)).collect()
    });
    Ok(work.await?)
}

fn one(format: &Format, snapshot: &Snapshot, newsroom: &Newsroom, behind: Behind) -> Rendered {
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
            Rendered { behind, document: Some(fresh(made.bytes)), error: told }
        }
        Err(why) => {
            error!(feed = behind.topic.feed, format = format.name, %why, "can't publish; the last good document stays");
            Rendered { behind, document: None, error: Some(why.to_string()) }
        }
    }
}
