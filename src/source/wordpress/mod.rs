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

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use toml::de::{Error as TomlError, ValueDeserializer};
use tracing::debug;
use url::Url;

use self::site::{Closed, Listing, Site};
use super::{Cursor, Held, Kind, Place, PullError, Pulled, Source, cursor, feed, mark};
use crate::article::SourceKey;
use crate::fetch::Fetcher;

pub use self::site::rest_root;

pub(super) const KIND: Kind = Kind {
    name: "wordpress",
    precedence: 10,
    read,
};

/// Posts in one request: the most that WordPress gives.
const PAGE: usize = 100;

/// Slack for clocks and for posts saved while a page is answered.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// All ids are compared at least this often, even if the count agrees: one post may have gone as another came.
const COMPARE_EVERY: TimeDelta = TimeDelta::days(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
}

fn read(settings: ValueDeserializer<'_>, place: &Place) -> Result<Arc<dyn Source>, TomlError> {
    let Settings { mut url } = Settings::deserialize(settings)?;
    // People leave out the final slash; relative addresses need it.
    if !url.path().ends_with('/') && url.query().is_none() {
        url.set_path(&format!("{}/", url.path()));
    }
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
    compared: Option<DateTime<Utc>>,
    /// The fallback's own cursor.
    feed: feed::Mark,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
enum Stage {
    #[default]
    Start,
    Backfill {
        page: u32,
        began: Option<DateTime<Utc>>,
    },
    Changes {
        page: u32,
    },
    Arrivals {
        page: u32,
    },
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

#[async_trait]
impl Source for WordPress {
    async fn pull(&self, net: &Fetcher, since: Cursor, held: &dyn Held) -> Result<Pulled, PullError> {
        let mut mark: Mark = mark(&since);
        let site = match mark.site.take() {
            Some(site) => site,
            None => match Site::discover(net, &self.url).await? {
                Ok(site) => site,
                Err(closed) => return self.pull_feed(net, mark, closed).await,
            },
        };
        match self.walk(net, &site, &mut mark, held).await? {
            Ok(mut pulled) => {
                mark.site = Some(site);
                pulled.next = cursor(&mark)?;
                Ok(pulled)
            }
            // The address may have moved, or the API was closed since: find out anew, from the start.
            Err(closed) => self.pull_feed(net, mark, closed).await,
        }
    }
}

impl WordPress {
    async fn walk(
        &self,
        net: &Fetcher,
        site: &Site,
        mark: &mut Mark,
        held: &dyn Held,
    ) -> Result<Result<Pulled, Closed>, PullError> {
        let page = match &mark.stage {
            Stage::Start if mark.modified.is_some() => {
                mark.stage = Stage::Changes { page: 1 };
                1
            }
            Stage::Start => {
                mark.stage = Stage::Backfill { page: 1, began: None };
                1
            }
            Stage::Backfill { page, .. } | Stage::Changes { page } | Stage::Arrivals { page } => *page,
            _ => 1,
        };
        debug!(site = %self.url, stage = ?mark.stage, "pulling");
        match mark.stage.clone() {
            Stage::Start => Ok(Ok(Pulled {
                more: true,
                ..Pulled::default()
            })),
            Stage::Backfill { began, .. } => {
                let listing = match site.posts(net, page, &[("orderby", "id"), ("order", "desc")]).await? {
                    Ok(listing) => listing,
                    Err(closed) => return Ok(Err(closed)),
                };
                let began = began.or(listing.date);
                let last = listing.is_last(page);
                mark.saw(&listing);
                mark.stage = if last {
                    mark.modified = [began, mark.modified].into_iter().flatten().min();
                    Stage::Changes { page: 1 }
                } else {
                    Stage::Backfill { page: page + 1, began }
                };
                Ok(Ok(Pulled {
                    expected: listing.total,
                    more: true,
                    ..listing.into_pulled()
                }))
            }
            Stage::Changes { .. } => {
                let since = stamp(mark.modified, site.overlap());
                let order = [
                    ("orderby", "modified"),
                    ("order", "asc"),
                    ("modified_after", since.as_str()),
                ];
                let listing = match site.posts(net, page, &order).await? {
                    Ok(listing) => listing,
                    Err(closed) => return Ok(Err(closed)),
                };
                // The window must not move between its pages: it moves when the last of them is here.
                if listing.is_last(page) {
                    mark.saw(&listing);
                    mark.stage = Stage::Arrivals { page: 1 };
                } else {
                    mark.stage = Stage::Changes { page: page + 1 };
                }
                Ok(Ok(Pulled {
                    more: true,
                    ..listing.into_pulled()
                }))
            }
            Stage::Arrivals { .. } => {
                let since = stamp(mark.published, site.overlap());
                let order = [("orderby", "date"), ("order", "asc"), ("after", since.as_str())];
                let listing = match site.posts(net, page, &order).await? {
                    Ok(listing) => listing,
                    Err(closed) => return Ok(Err(closed)),
                };
                if listing.is_last(page) {
                    mark.saw(&listing);
                    mark.stage = Stage::Count;
                } else {
                    mark.stage = Stage::Arrivals { page: page + 1 };
                }
                Ok(Ok(Pulled {
                    more: true,
                    ..listing.into_pulled()
                }))
            }
            Stage::Count => {
                let (total, now) = site.count(net).await?;
                let due = now
                    .zip(mark.compared)
                    .is_none_or(|(now, then)| now - then > COMPARE_EVERY);
                let done = !due && total == Some(held.count().await? + mark.unheld);
                mark.stage = if done { Stage::Start } else { Stage::Compare };
                Ok(Ok(Pulled {
                    more: !done,
                    ..Pulled::default()
                }))
            }
            Stage::Compare => {
                let (listed, now) = site.ids(net).await?;
                let ours = held.keys().await?;
                let mut gone = Vec::new();
                for key in &ours {
                    let Ok(id) = key.0.parse::<u64>() else { continue };
                    if !listed.contains(&id) && !site.is_public(net, id).await? {
                        gone.push(key.clone());
                    }
                }
                let mut ids: Vec<u64> = listed
                    .iter()
                    .copied()
                    .filter(|id| !ours.contains(&SourceKey(id.to_string())))
                    .collect();
                ids.sort_unstable();
                mark.compared = now.or(mark.compared);
                mark.stage = Stage::Fetch {
                    ids,
                    total: i64::try_from(listed.len()).unwrap_or(i64::MAX),
                };
                Ok(Ok(Pulled {
                    gone,
                    more: true,
                    ..Pulled::default()
                }))
            }
            Stage::Fetch { mut ids, total } => {
                let rest = ids.split_off(ids.len().min(PAGE));
                let pulled = if ids.is_empty() {
                    Pulled::default()
                } else {
                    site.these(net, &ids).await?.into_pulled()
                };
                mark.stage = if rest.is_empty() {
                    Stage::Settle { total }
                } else {
                    Stage::Fetch { ids: rest, total }
                };
                Ok(Ok(Pulled { more: true, ..pulled }))
            }
            Stage::Settle { total } => {
                mark.unheld = total - held.count().await?;
                mark.stage = Stage::Start;
                Ok(Ok(Pulled::default()))
            }
        }
    }

    /// The site's own feed, where its REST API is closed.
    async fn pull_feed(&self, net: &Fetcher, mut mark: Mark, closed: Closed) -> Result<Pulled, PullError> {
        mark.site = None;
        mark.stage = Stage::Start;
        let url = match &closed.feed {
            Some(feed) => feed.clone(),
            None => self
                .url
                .join("feed/")
                .map_err(|error| PullError::Unreadable(format!("{}: {error}", self.url)))?,
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
    fn saw(&mut self, listing: &Listing) {
        self.modified = self.modified.max(listing.newest_modified);
        self.published = self.published.max(listing.newest_published);
    }
}

/// A point in time as the REST API takes it.
fn stamp(at: Option<DateTime<Utc>>, overlap: TimeDelta) -> String {
    let at = at.and_then(|at| at.checked_sub_signed(overlap)).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
