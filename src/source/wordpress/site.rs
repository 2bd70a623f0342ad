//! A site's REST API: finding it, and the few requests that a pull is made of.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use super::super::{PullError, Pulled, Rejection};
use super::{OVERLAP, PAGE, post};
use crate::article::{Item, SourceKey};
use crate::fetch::{Answer, Fetcher};
use crate::source::links;

/// Pages of ids that are read at most: five million posts.
const MAX_PAGES: u32 = 50_000;

/// Where a site's REST API is, and how its clock stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Site {
    /// The address that it was found from.
    pub(super) home: Url,
    root: Url,
    /// Hours ahead of UTC.
    offset: f64,
}

/// A REST API that does not let us in.
#[derive(Debug)]
pub(super) struct Closed {
    at: Url,
    status: u16,
    /// The feed that the home page announces.
    pub(super) feed: Option<Url>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: no open WordPress REST API here (answered {})", self.at, self.status)
    }
}

/// One page of posts.
pub(super) struct Listing {
    items: Vec<Item>,
    rejected: Vec<Rejection>,
    /// Listed, but not to be shown.
    hidden: Vec<SourceKey>,
    len: usize,
    pages: Option<u32>,
    pub(super) total: Option<u64>,
    pub(super) date: Option<DateTime<Utc>>,
    pub(super) newest_modified: Option<DateTime<Utc>>,
    pub(super) newest_published: Option<DateTime<Utc>>,
}

impl Listing {
    pub(super) fn is_last(&self, page: u32) -> bool {
        self.len == 0 || self.pages.map_or(self.len < PAGE, |pages| page >= pages)
    }

    /// The ids of its posts.
    pub(super) fn ids(&self) -> Vec<u64> {
        let keys = self.items.iter().map(|item| &item.key).chain(&self.hidden);
        keys.filter_map(|key| key.0.parse().ok()).collect()
    }

    /// The ids of posts that are listed, but not to be shown.
    pub(super) fn hidden_ids(&self) -> impl Iterator<Item = u64> {
        self.hidden.iter().filter_map(|key| key.0.parse().ok())
    }

    pub(super) fn into_pulled(self) -> Pulled {
        Pulled { items: self.items, rejected: self.rejected, gone: self.hidden, ..Pulled::default() }
    }
}

/// The root of a site's REST API as its home page tells it, by a `Link` header field or a `<link>`.
/// A site's own words may lack the port or have the wrong scheme, so those of the address that was fetched win.
pub fn rest_root(home: &Answer) -> Option<Url> {
    let mut root = links(home).into_iter().find(|link| link.rel == "https://api.w.org/")?.url;
    if root.host_str() == home.url.host_str() {
        root.set_scheme(home.url.scheme()).ok()?;
        root.set_port(home.url.port()).ok()?;
    }
    Some(root)
}

impl Site {
    /// Finds the REST API of the site at `home`.
    pub(super) async fn discover(net: &Fetcher, home: &Url) -> Result<Result<Self, Closed>, PullError> {
        let page = net.get(home, &[("accept", "text/html, */*;q=0.5")]).await?;
        if page.status >= 500 || page.status == 429 {
            return Err(page.refusal().into());
        }
        let feed = links(&page).into_iter().find(|link| link.is_feed()).map(|link| link.url);
        let mut closed = Closed { at: home.clone(), status: page.status, feed };
        let guesses = [rest_root(&page), home.join("wp-json/").ok(), home.join("?rest_route=/").ok()];
        for root in guesses.into_iter().flatten() {
            let answer = net.get(&with(&root, "", &[("_fields", "gmt_offset,namespaces")]), &[]).await?;
            if answer.status >= 500 || answer.status == 429 {
                return Err(answer.refusal().into());
            }
            if let Ok(index) = serde_json::from_slice::<Index>(&answer.body)
                && answer.status == 200
            {
                return Ok(Ok(Self { home: home.clone(), root, offset: index.gmt_offset.as_hours() }));
            }
            closed.at = answer.url;
            closed.status = answer.status;
        }
        Ok(Err(closed))
    }

    /// How far back a window must reach: some versions compare in the site's own time.
    pub(super) fn overlap(&self) -> TimeDelta {
        #[expect(clippy::cast_possible_truncation, reason = "hours of a time zone")]
        let minutes = (self.offset.abs().min(15.0) * 60.0) as i64;
        OVERLAP + TimeDelta::minutes(minutes)
    }

    /// A page of posts with authors, terms and pictures.
    pub(super) async fn posts(
        &self,
        net: &Fetcher,
        page: u32,
        order: &[(&str, &str)],
    ) -> Result<Result<Listing, Closed>, PullError> {
        let (page, per_page) = (page.to_string(), PAGE.to_string());
        let mut query = vec![("per_page", per_page.as_str()), ("page", page.as_str()), EMBED];
        query.extend_from_slice(order);
        let answer = net.get(&self.at("wp/v2/posts", &query), &[]).await?;
        match answer.status {
            400 if answer.body.windows(PAST_END.len()).any(|part| part == PAST_END.as_bytes()) => {
                Ok(Ok(listing(&answer, "[]")?))
            }
            401 | 403 | 404 | 410 => Ok(Err(Closed { at: answer.url.clone(), status: answer.status, feed: None })),
            _ => {
                let answer = answer.ok()?;
                Ok(Ok(listing(&answer, text(&answer)?)?))
            }
        }
    }

    /// These posts, as far as they are public.
    pub(super) async fn these(&self, net: &Fetcher, ids: &[u64]) -> Result<Listing, PullError> {
        let include = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let per_page = PAGE.to_string();
        let query = [("per_page", per_page.as_str()), ("include", include.as_str()), EMBED];
        let answer = net.get(&self.at("wp/v2/posts", &query), &[]).await?.ok()?;
        listing(&answer, text(&answer)?)
    }

    /// How many posts the site lists, and its clock.
    pub(super) async fn count(&self, net: &Fetcher) -> Result<(Option<i64>, Option<DateTime<Utc>>), PullError> {
        let query = [("per_page", "1"), ("_fields", "id")];
        let answer = net.get(&self.at("wp/v2/posts", &query), &[]).await?.ok()?;
        text(&answer)?;
        Ok((number(&answer, "x-wp-total").and_then(|total| i64::try_from(total).ok()), answer.date()))
    }

    /// The ids of all posts that the site lists, and its clock.
    pub(super) async fn ids(&self, net: &Fetcher) -> Result<(HashSet<u64>, Option<DateTime<Utc>>), PullError> {
        #[derive(Deserialize)]
        struct Id {
            id: u64,
        }
        let mut ids = HashSet::new();
        let per_page = PAGE.to_string();
        for page in 1..=MAX_PAGES {
            let number_of_page = page.to_string();
            let query = [
                ("per_page", per_page.as_str()),
                ("page", number_of_page.as_str()),
                ("orderby", "id"),
                ("order", "asc"),
                ("_fields", "id"),
            ];
            let answer = net.get(&self.at("wp/v2/posts", &query), &[]).await?;
            if answer.status == 400 && page > 1 {
                return Ok((ids, answer.date()));
            }
            let answer = answer.ok()?;
            let list = array(&answer, text(&answer)?)?;
            let before = ids.len();
            ids.extend(list.iter().filter_map(|raw| serde_json::from_str::<Id>(raw.get()).ok()).map(|post| post.id));
            let last = number(&answer, "x-wp-totalpages").map_or(list.len() < PAGE, |pages| u64::from(page) >= pages);
            // A server that repeats itself has no more to say.
            if last || ids.len() == before {
                return Ok((ids, answer.date()));
            }
        }
        Err(PullError::Unreadable(format!("{}: more than {MAX_PAGES} pages of posts", self.root)))
    }

    /// Whether a post that the listing misses is public all the same. Any doubt is an error, not a no.
    pub(super) async fn is_public(&self, net: &Fetcher, id: u64) -> Result<bool, PullError> {
        let answer = net.get(&self.at(&format!("wp/v2/posts/{id}"), &[("_fields", "id,status,content")]), &[]).await?;
        match answer.status {
            401 | 403 | 404 | 410 if text(&answer).is_ok() => Ok(false),
            _ => {
                let answer = answer.ok()?;
                let listing = listing(&answer, &format!("[{}]", text(&answer)?))?;
                Ok(listing.hidden.is_empty())
            }
        }
    }

    fn at(&self, route: &str, query: &[(&str, &str)]) -> Url {
        with(&self.root, route, query)
    }
}

const EMBED: (&str, &str) = ("_embed", "author,wp:term,wp:featuredmedia");
const PAST_END: &str = "rest_post_invalid_page_number";

/// A route below the root, which has one of two forms: a path (`/wp-json/`) or a parameter (`/?rest_route=/`).
fn with(root: &Url, route: &str, query: &[(&str, &str)]) -> Url {
    let mut url = root.clone();
    if root.query_pairs().any(|(name, _)| name == "rest_route") {
        let pairs: Vec<(String, String)> = root
            .query_pairs()
            .map(|(name, value)| {
                let value = if name == "rest_route" { format!("{}{route}", value) } else { value.into_owned() };
                (name.into_owned(), value)
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    } else {
        url.set_path(&format!("{}/{route}", root.path().trim_end_matches('/')));
    }
    url.query_pairs_mut().extend_pairs(query);
    url
}

/// What we need of the API's index. Its `namespaces` tell that it is one.
#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    gmt_offset: Offset,
    #[serde(rename = "namespaces")]
    _namespaces: Vec<String>,
}

/// WordPress writes this number as a number or as a text, by version.
#[derive(Deserialize)]
#[serde(untagged)]
enum Offset {
    Number(f64),
    Text(String),
}

impl Default for Offset {
    fn default() -> Self {
        Self::Number(0.0)
    }
}

impl Offset {
    fn as_hours(&self) -> f64 {
        match self {
            Offset::Number(hours) => *hours,
            Offset::Text(hours) => hours.parse().unwrap_or(0.0),
        }
    }
}

/// The body, if it is JSON by its looks: an HTML page from a firewall or a plugin is told as such.
fn text(answer: &Answer) -> Result<&str, PullError> {
    let start = answer.body.iter().find(|byte| !byte.is_ascii_whitespace());
    match start {
        Some(b'[' | b'{') => std::str::from_utf8(&answer.body)
            .map_err(|error| PullError::Unreadable(format!("{}: the answer is not UTF-8: {error}", answer.url))),
        Some(b'<') => Err(PullError::Unreadable(format!("{}: the answer is HTML, not JSON", answer.url))),
        _ => Err(PullError::Unreadable(format!("{}: the answer is not JSON", answer.url))),
    }
}

fn array<'a>(answer: &Answer, text: &'a str) -> Result<Vec<&'a RawValue>, PullError> {
    serde_json::from_str(text)
        .map_err(|error| PullError::Unreadable(format!("{}: not a list of posts: {error}", answer.url)))
}

/// Reads each post by itself, so that a malformed one is alone in its failure.
fn listing(answer: &Answer, text: &str) -> Result<Listing, PullError> {
    let list = array(answer, text)?;
    let mut listing = Listing {
        items: Vec::with_capacity(list.len()),
        rejected: Vec::new(),
        hidden: Vec::new(),
        len: list.len(),
        pages: number(answer, "x-wp-totalpages").and_then(|pages| u32::try_from(pages).ok()),
        total: number(answer, "x-wp-total"),
        date: answer.date(),
        newest_modified: None,
        newest_published: None,
    };
    for raw in list {
        match post::read(raw.get(), answer.date()) {
            Ok(post) => {
                listing.newest_modified = listing.newest_modified.max(post.modified);
                listing.newest_published = listing.newest_published.max(post.published);
                match post.item {
                    Some(item) => listing.items.push(item),
                    None => listing.hidden.push(post.key),
                }
            }
            Err(rejection) => listing.rejected.push(rejection),
        }
    }
    Ok(listing)
}

fn number(answer: &Answer, field: &str) -> Option<u64> {
    answer.header(field)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_root_take_routes_and_parameters() {
        let path = Url::parse("https://paper.example/wp/wp-json/").expect("url");
        assert_eq!(
            with(&path, "wp/v2/posts", &[("page", "2")]).as_str(),
            "https://paper.example/wp/wp-json/wp/v2/posts?page=2"
        );
        let parameter = Url::parse("https://paper.example/wp/?rest_route=/").expect("url");
        assert_eq!(
            with(&parameter, "wp/v2/posts", &[("page", "2")]).as_str(),
            "https://paper.example/wp/?rest_route=%2Fwp%2Fv2%2Fposts&page=2"
        );
    }
}
