//! Feeds: what each selects, how it shows it, and whom a change concerns.

use chrono::{DateTime, Utc};

use crate::article::Article;
use crate::store::{Query, Traits};

/// The publication, as every document names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub title: String,
    /// The site that people read.
    pub home: String,
    /// Where this service is reached from outside, without a final slash.
    pub public_url: String,
    /// BCP 47.
    pub language: String,
    /// For dates that people read.
    pub timezone: chrono_tz::Tz,
    /// Who answers for the feeds: a mail address.
    pub contact: Option<String>,
    /// Whose articles these are.
    pub rights: Option<String>,
    /// A square picture.
    pub icon: Option<String>,
    /// The WebSub hubs that documents announce, our own first.
    pub hubs: Vec<String>,
}

impl Site {
    /// A feed's address in a format, which is also its WebSub topic.
    pub fn topic(&self, feed: &str, ending: &str) -> String {
        format!("{}/feeds/{feed}.{ending}", self.public_url)
    }

    /// The `Link` header field of a topic: hubs and self in one field, because some subscribers read the first only.
    pub fn link(&self, topic: &str) -> String {
        let hubs = self.hubs.iter().map(|hub| format!("<{hub}>; rel=\"hub\", "));
        format!("{}<{topic}>; rel=\"self\"", hubs.collect::<String>())
    }
}

/// What a feed says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedInfo {
    /// Its name, and the last part of its address.
    pub name: String,
    /// Its title.
    pub title: String,
    /// A sentence on what is in it.
    pub description: String,
    /// BCP 47.
    pub language: String,
}

/// How much of an article a feed shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Content {
    /// Everything.
    #[default]
    Full,
    /// Title and summary.
    Summary,
    /// The title alone.
    Headline,
}

/// A feed as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// What it says of itself.
    pub info: FeedInfo,
    /// What it selects.
    pub query: Query,
    /// How much it shows.
    pub content: Content,
}

/// A feed at one moment: all that a document is made of, besides the site.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What the feed says of itself.
    pub info: FeedInfo,
    /// How much it shows.
    pub content: Content,
    /// Its articles, in its order.
    pub articles: Vec<Article>,
}

impl Snapshot {
    /// When what the feed shows last changed: its articles know. An empty feed has no such time, and no clock may stand in:
    /// the same state must give the same bytes.
    pub fn updated(&self) -> DateTime<Utc> {
        self.articles.iter().map(|article| article.updated).max().unwrap_or(EMPTY)
    }
}

/// The start of the century, which no validator takes for implausible.
const EMPTY: DateTime<Utc> = match DateTime::from_timestamp(946_684_800, 0) {
    Some(at) => at,
    None => DateTime::UNIX_EPOCH,
};

/// The feeds that a change concerns: those that showed the article before, or show it after. An article that only came from
/// one more source concerns those whose selection that changes.
pub fn touched(feeds: &[Feed], before: Option<&Article>, after: Option<&Article>) -> Vec<String> {
    let same = matches!((before, after), (Some(before), Some(after)) if before.reads_like(after) && before.updated == after.updated);
    let (before, after) = (before.map(Traits::of), after.map(Traits::of));
    let concerns = |feed: &&Feed| {
        let was = before.as_ref().is_some_and(|article| feed.query.selects(article));
        let is = after.as_ref().is_some_and(|article| feed.query.selects(article));
        if same { was != is } else { was || is }
    };
    feeds.iter().filter(concerns).map(|feed| feed.info.name.clone()).collect()
}
