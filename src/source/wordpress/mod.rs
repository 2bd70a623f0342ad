//! `kind = "wordpress"`: a WordPress by its REST API, or by its feed where that API is closed.
//!
//! A pull is a walk through stages, each a request or a few, with the place kept in the cursor:
//!
//! 1. **Backfill**: everything once, the newest id first: feeds are right after the first page, edits move nothing between
//!    pages, and a new post only makes a page repeat.
//! 2. **Changes**: what was modified since the last time, with an overlap.
//! 3. **Arrivals**: what was published since the last time. A scheduled post keeps its old modification date when its hour comes.
//! 4. **Count**: does the site list as many posts as we hold? If so, nothing has vanished, and the pull is done.
//! 5. **Compare**: all ids, against ours. What the site misses is asked for by itself, and gone if it is not public.
//! 6. **Fetch**: what we miss.
//! 7. **Settle**: remember how many listed posts we don't hold (those with a password are listed too), for the next count.

mod post;
mod site;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use toml::de::{Error as TomlError, ValueDeserializer};
use tracing::debug;
use url::Url;

use self::site::{Closed, Listing, Site};
use super::{Cursor, Held, Kind, Place, PullError, Pulled, Source, WebAddress, cursor, feed, mark, with_slash};
use crate::article::SourceKey;
use crate::fetch::Fetcher;

pub use self::site::rest_root;

pub(super) const KIND: Kind = Kind { name: "wordpress", precedence: 10, read };

/// Posts in one request: the most that WordPress gives.
const PAGE: usize = 100;

/// Slack for clocks and for posts saved while a page is answered.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// Hidden posts that are remembered.
const MAX_HIDDEN: usize = 1000;

/// All ids are compared at least this often, even if the count agrees: one post may have gone as another came.
const COMPARE_EVERY: TimeDelta = TimeDelta::days(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: WebAddress,
}

fn read(settings: ValueDeserializer<'_>, place: &Place) -> Result<Arc<dyn Source>, TomlError> {
    let Settings { url: WebAddress(url) } = Settings::deserialize(settings)?;
    let url = if url.query().is_none() { with_slash(url) } else { url };
    Ok(Arc::new(WordPress { url, zone: place.zone }))
}

struct WordPress {
    url: Url,
    zone: Tz,
}

/// How far we have come with a site.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Mark {
    site: Option<Site>,
    stage: Stage,
    /// The newest modification that was seen.
    modified: Option<DateTime<Utc>>,
    /// The newest publication that was seen.
    published: Option<DateTime<Utc>>,
    /// Listed posts that we don't hold, when ids were last compared.
    unheld: i64,
    /// Posts that are listed but hidden, as far as windows have brought them: a new one could cover for one that vanished.
    hidden: BTreeSet<u64>,
    unsure: bool,
    compared: Option<DateTime<Utc>>,
    /// The fallback's own cursor.
    feed: feed::Mark,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
enum Stage {
    #[default]
    Start,
    Backfill {
        began: Option<DateTime<Utc>>,
        page: Page,
    },
    Changes(Page),
    Arrivals(Page),
    Count,
    Compare,
    Fetch {
        ids: Vec<u64>,
        total: i64,
    },
    Settle {
        total: i64,
    },
}

/// A page of a listing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Page {
    /// How many pages have been read.
    read: u32,
    /// Whether there are no more.
    is_last: bool,
    /// The ids on the last of them: a site that repeats itself would never end.
    last: Vec<u64>,
    /// The newest modification and publication on any of them.
    newest: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
}

/// Why a stage could not be done.
enum Trouble {
    /// The API does not let us in: the site's feed may.
    Closed(Closed),
    /// Anything else.
    Pull(PullError),
}

impl<E: Into<PullError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble::Pull(error.into())
    }
}

#[async_trait]
impl Source for WordPress {
    async fn pull(&self, net: &Fetcher, since: Cursor, held: &dyn Held) -> Result<Pulled, PullError> {
        let mut mark: Mark = mark(&since);
        match self.walk(net, &mut mark, held).await {
            Ok(mut pulled) => {
                pulled.next = cursor(&mark)?;
                pulled.more = !matches!(mark.stage, Stage::Start);
                Ok(pulled)
            }
            Err(Trouble::Closed(closed)) => self.pull_feed(net, mark, closed).await,
            Err(Trouble::Pull(error)) => Err(error),
        }
    }
}

impl WordPress {
    /// Does what the mark's stage asks for, and moves the mark on. At [`Stage::Start`] again, the pull is done.
    async fn walk(&self, net: &Fetcher, mark: &mut Mark, held: &dyn Held) -> Result<Pulled, Trouble> {
        // Taken out: if the API turns out to be closed, its address is found out anew the next time.
        let site = match mark.site.take() {
            Some(site) if site.home == self.url => site,
            _ => Site::discover(net, &self.url).await?.map_err(Trouble::Closed)?,
        };
        debug!(site = %self.url, stage = ?mark.stage, "pulling");
        let pulled = match std::mem::take(&mut mark.stage) {
            Stage::Start if mark.modified.is_some() => self.changes(net, &site, mark, Page::default()).await?,
            Stage::Start => self.backfill(net, &site, mark, None, Page::default()).await?,
            Stage::Backfill { began, page } => self.backfill(net, &site, mark, began, page).await?,
            Stage::Changes(page) => self.changes(net, &site, mark, page).await?,
            Stage::Arrivals(page) => self.arrivals(net, &site, mark, page).await?,
            Stage::Count => {
                let (total, now) = site.count(net).await?;
                let due = now.zip(mark.compared).is_none_or(|(now, then)| now - then > COMPARE_EVERY);
                if due || mark.unsure || total != Some(held.count().await? + mark.unheld) {
                    mark.stage = Stage::Compare;
                }
                Pulled::default()
            }
            Stage::Compare => compare(net, &site, mark, held).await?,
            Stage::Fetch { mut ids, total } => {
                let rest = ids.split_off(ids.len().min(PAGE));
                mark.stage = if rest.is_empty() { Stage::Settle { total } } else { Stage::Fetch { ids: rest, total } };
                if ids.is_empty() { Pulled::default() } else { site.these(net, &ids).await?.into_pulled() }
            }
            Stage::Settle { total } => {
                mark.unheld = total - held.count().await?;
                Pulled::default()
            }
        };
        mark.site = Some(site);
        Ok(pulled)
    }

    async fn backfill(
        &self,
        net: &Fetcher,
        site: &Site,
        mark: &mut Mark,
        began: Option<DateTime<Utc>>,
        page: Page,
    ) -> Result<Pulled, Trouble> {
        let (listing, page) = following(net, site, page, &[("orderby", "id"), ("order", "desc")]).await?;
        let began = began.or(listing.date);
        mark.stage = if page.is_last {
            // What was modified meanwhile, on pages that had been read, is the next stage's.
            mark.modified = [began, page.newest.0].into_iter().flatten().min();
            mark.published = page.newest.1;
            Stage::Changes(Page::default())
        } else {
            Stage::Backfill { began, page }
        };
        Ok(Pulled { expected: listing.total, ..listing.into_pulled() })
    }

    // The two windows are read by id: WordPress pages posts of one second in no fixed order. They move only when their last
    // page is here.

    async fn changes(&self, net: &Fetcher, site: &Site, mark: &mut Mark, page: Page) -> Result<Pulled, Trouble> {
        let since = stamp(mark.modified, site.overlap());
        let order = [("orderby", "id"), ("order", "asc"), ("modified_after", since.as_str())];
        let (listing, page) = following(net, site, page, &order).await?;
        mark.note_hidden(&listing);
        mark.stage = if page.is_last {
            mark.modified = mark.modified.max(page.newest.0);
            Stage::Arrivals(Page::default())
        } else {
            Stage::Changes(page)
        };
        Ok(listing.into_pulled())
    }

    async fn arrivals(&self, net: &Fetcher, site: &Site, mark: &mut Mark, page: Page) -> Result<Pulled, Trouble> {
        let since = stamp(mark.published, site.overlap());
        let order = [("orderby", "id"), ("order", "asc"), ("after", since.as_str())];
        let (listing, page) = following(net, site, page, &order).await?;
        mark.note_hidden(&listing);
        mark.stage = if page.is_last {
            mark.published = mark.published.max(page.newest.1);
            Stage::Count
        } else {
            Stage::Arrivals(page)
        };
        Ok(listing.into_pulled())
    }

    /// The site's own feed, where its REST API is closed.
    async fn pull_feed(&self, net: &Fetcher, mut mark: Mark, closed: Closed) -> Result<Pulled, PullError> {
        mark.site = None;
        mark.stage = Stage::Start;
        let url = match &closed.feed {
            Some(feed) => feed.clone(),
            None => self.url.join("feed/").map_err(|error| PullError::Unreadable(format!("{}: {error}", self.url)))?,
        };
        let (mut pulled, next) = feed::entries(net, &url, self.zone, mark.feed.clone())
            .await
            .map_err(|error| PullError::Unreadable(format!("{closed}, and its feed can't be read either: {error}")))?;
        for item in &mut pulled.items {
            item.key = post::key_from_feed(&self.url, item);
            // WordPress writes sections and tags of a post into its feed alike.
            item.sections = std::mem::take(&mut item.tags);
        }
        mark.feed = next;
        pulled.next = cursor(&mark)?;
        pulled.note = Some(format!(
            "{closed}: reading the feed {url} instead, which has the latest articles only and does not tell what was withdrawn"
        ));
        Ok(pulled)
    }
}

impl Mark {
    fn note_hidden(&mut self, listing: &Listing) {
        for id in listing.hidden_ids() {
            self.unsure |= self.hidden.insert(id);
        }
        // The oldest are long past every window.
        while self.hidden.len() > MAX_HIDDEN {
            self.hidden.pop_first();
        }
    }
}

/// The page that follows those that have been read, and how far that brings us.
async fn following(net: &Fetcher, site: &Site, page: Page, order: &[(&str, &str)]) -> Result<(Listing, Page), Trouble> {
    let read = page.read + 1;
    let listing = site.posts(net, read, order).await?.map_err(Trouble::Closed)?;
    let (is_last, last) = (listing.is_last(read), listing.ids());
    if !is_last && last == page.last {
        return Err(PullError::Unreadable(format!("{site}: every page brings the same posts")).into());
    }
    let newest = (page.newest.0.max(listing.newest_modified), page.newest.1.max(listing.newest_published));
    Ok((listing, Page { read, is_last, last, newest }))
}

/// What is gone, and what we miss: all ids of the site against all that we hold.
async fn compare(net: &Fetcher, site: &Site, mark: &mut Mark, held: &dyn Held) -> Result<Pulled, Trouble> {
    let (listed, now) = site.ids(net).await?;
    let ours = held.keys().await?;
    let mut gone = Vec::new();
    for key in &ours {
        let Ok(id) = key.0.parse::<u64>() else { continue };
        if !listed.contains(&id) && !site.is_public(net, id).await? {
            gone.push(key.clone());
        }
    }
    let missed = |id: &u64| !ours.contains(&SourceKey(id.to_string()));
    let mut ids: Vec<u64> = listed.iter().copied().filter(missed).collect();
    ids.sort_unstable();
    mark.compared = now.or(mark.compared);
    mark.unsure = false;
    mark.stage = Stage::Fetch { ids, total: i64::try_from(listed.len()).unwrap_or(i64::MAX) };
    Ok(Pulled { gone, ..Pulled::default() })
}

/// A point in time as the REST API takes it.
fn stamp(at: Option<DateTime<Utc>>, overlap: TimeDelta) -> String {
    let at = at.and_then(|at| at.checked_sub_signed(overlap)).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
