//! The pages for people: one self-contained HTML document each, without scripts, cookies or fonts from elsewhere.
//!
//! Like every format these are pure functions: the same site, feed and articles give the same bytes. What a page says is
//! in `templates/`; what it is made of is worked out here, so that the templates only place it. The pages need no more than
//! `Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:`.

mod words;

#[cfg(test)]
mod tests;

use askama::Template;
use chrono::{DateTime, Datelike, Utc};

use self::words::Words;
use super::{FORMATS, Format, Unrenderable};
use crate::article::{Article, Image, is_rtl};
use crate::feed::{FeedInfo, Site};

/// A page shows what is new; who wants everything takes the feed.
const LATEST: usize = 20;

pub(super) const FORMAT: Format = Format {
    ending: "html",
    media_type: "text/html; charset=utf-8",
    name: "page",
    is_feed: false,
    render: |snapshot, site| {
        let page = feed(site, &snapshot.info, &snapshot.articles);
        page.map(String::into_bytes).map_err(|error| Unrenderable::new("the page", error))
    },
    // Browsers forgive; there is nothing to hold a page to.
    read_back: |_| Ok(Vec::new()),
};

/// The page at `/`: the newsroom's feeds.
///
/// # Errors
/// Fails only when a value can't be written, which text in memory never causes.
pub fn home(site: &Site, feeds: &[FeedInfo]) -> Result<String, askama::Error> {
    let frame = Frame::new(site, &site.language);
    let feeds = feeds.iter().map(|feed| Offer::new(&frame, feed)).collect();
    HomePage { frame, feeds }.render()
}

/// The page at `/feeds/NAME` for a browser: how to subscribe, and the latest of `articles` in the order they come in.
///
/// # Errors
/// Fails only when a value can't be written, which text in memory never causes.
pub fn feed(site: &Site, feed: &FeedInfo, articles: &[Article]) -> Result<String, askama::Error> {
    let frame = Frame::new(site, &feed.language);
    let offer = Offer::new(&frame, feed);
    let entries = articles.iter().take(LATEST).map(|article| Entry::new(&frame, article)).collect();
    FeedPage { frame, offer, entries }.render()
}

/// The page at `/hub`: what the hub is, and how a program subscribes. Written for programmers, in English.
///
/// # Errors
/// Fails only when a value can't be written, which text in memory never causes.
pub fn hub(site: &Site) -> Result<String, askama::Error> {
    let hub = format!("{}/hub", site.public_url);
    let others = site.hubs.iter().filter(|other| **other != hub).map(String::as_str).collect();
    HubPage { frame: Frame::new(site, "en"), others, hub: &hub }.render()
}

/// A page that says one thing, for a browser: not found, and its like. `title` and `text` are plain English.
///
/// # Errors
/// Fails only when a value can't be written, which text in memory never causes.
pub fn message(site: &Site, title: &str, text: &str) -> Result<String, askama::Error> {
    MessagePage { frame: Frame::new(site, "en"), title, text }.render()
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    frame: Frame<'a>,
    feeds: Vec<Offer<'a>>,
}

#[derive(Template)]
#[template(path = "feed.html")]
struct FeedPage<'a> {
    frame: Frame<'a>,
    offer: Offer<'a>,
    entries: Vec<Entry<'a>>,
}

#[derive(Template)]
#[template(path = "hub.html")]
struct HubPage<'a> {
    frame: Frame<'a>,
    hub: &'a str,
    others: Vec<&'a str>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
}

/// What stands around every page.
struct Frame<'a> {
    site: &'a Site,
    language: &'a str,
    words: &'static Words,
    /// The site that people read, if its address can be a link.
    website: Option<&'a str>,
    contact: Option<String>,
    icon: Option<&'a str>,
}

impl<'a> Frame<'a> {
    fn new(site: &'a Site, language: &'a str) -> Self {
        Self {
            site,
            language,
            words: Words::of(language),
            website: web_link(&site.home),
            contact: site.contact.as_deref().and_then(contact_link),
            icon: site.icon.as_deref().and_then(web_link),
        }
    }

    fn dir(&self) -> &'static str {
        dir(self.language)
    }

    /// An address in the pieces between which a narrow screen may break it: before a slash or a dot.
    fn pieces<'t>(&self, address: &'t str) -> Vec<&'t str> {
        let start = address.find("://").map_or(0, |at| at + 3);
        let breaks = address[start..].match_indices(['/', '.']).map(|(at, _)| start + at);
        let ends: Vec<usize> = breaks.chain([address.len()]).collect();
        let starts = [0].into_iter().chain(ends.iter().copied());
        starts.zip(&ends).map(|(start, end)| &address[start..*end]).collect()
    }
}

/// A feed, and where to take it from.
struct Offer<'a> {
    feed: &'a FeedInfo,
    page: String,
    addresses: Vec<Address>,
}

struct Address {
    name: &'static str,
    /// A few words that help to choose.
    hint: &'static str,
    mime: &'static str,
    url: String,
}

impl<'a> Offer<'a> {
    fn new(frame: &Frame, feed: &'a FeedInfo) -> Self {
        let page = format!("{}/feeds/{}", frame.site.public_url, feed.name);
        let formats = FORMATS.iter().filter(|format| format.is_feed).zip(frame.words.hints);
        let addresses = formats
            .map(|(format, hint)| Address {
                name: format.name,
                hint,
                mime: format.media_type.split(';').next().unwrap_or_default(),
                url: frame.site.topic(&feed.name, format.ending),
            })
            .collect();
        Self { feed, page, addresses }
    }

    fn dir(&self) -> &'static str {
        dir(&self.feed.language)
    }
}

/// An article as the page shows it.
struct Entry<'a> {
    article: &'a Article,
    headline: &'a str,
    link: Option<&'a str>,
    image: Option<&'a Image>,
    published: Moment,
    /// Only when people would read another minute than that of `published`.
    updated: Option<Moment>,
}

impl<'a> Entry<'a> {
    fn new(frame: &Frame, article: &'a Article) -> Self {
        let published = Moment::new(frame, article.published);
        let updated = Moment::new(frame, article.updated);
        let title = article.title.trim();
        Self {
            article,
            headline: if title.is_empty() { frame.words.untitled } else { title },
            link: article.link.as_deref().and_then(web_link),
            image: article.image.as_ref().filter(|image| web_link(&image.url).is_some()),
            updated: (article.updated > article.published && updated.people != published.people).then_some(updated),
            published,
        }
    }

    fn dir(&self) -> &'static str {
        dir(&self.article.language)
    }
}

/// A moment in the newsroom's time zone, for machines and for people.
struct Moment {
    machine: String,
    people: String,
}

impl Moment {
    fn new(frame: &Frame, at: DateTime<Utc>) -> Self {
        let local = at.with_timezone(&frame.site.timezone);
        let Words { months, comma, .. } = frame.words;
        let month = months[local.month0() as usize];
        Self {
            machine: local.format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            people: format!("{} {month} {}{comma}{}", local.day(), local.year(), local.format("%H:%M")),
        }
    }
}

/// The value of a `dir` attribute; the browser looks at the text itself where the language is not known.
fn dir(language: &str) -> &'static str {
    match language {
        "" | "und" | "mul" | "zxx" => "auto",
        known if is_rtl(known) => "rtl",
        _ => "ltr",
    }
}

/// The address, if a page may link to it: articles come from elsewhere, and `javascript:` is an address too.
fn web_link(address: &str) -> Option<&str> {
    let address = address.trim();
    let (scheme, rest) = address.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (web && !rest.is_empty()).then_some(address)
}

/// The newsroom's contact is its own word (`newsroom.toml`): a page's address, or a mail address and nothing but that.
fn contact_link(contact: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".@_+-".contains(c);
    let mail =
        || (contact.matches('@').count() == 1 && contact.chars().all(plain)).then(|| format!("mailto:{contact}"));
    web_link(contact).map(str::to_owned).or_else(mail)
}
