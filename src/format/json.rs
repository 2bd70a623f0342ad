//! JSON Feed 1.1.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::{Format, Seen, Unrenderable, shown};
use crate::article::Article;
use crate::feed::{Site, Snapshot};

pub(super) const FORMAT: Format = Format {
    ending: "json",
    media_type: "application/feed+json; charset=utf-8",
    name: "JSON Feed",
    is_feed: true,
    render,
    read_back,
};

#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    title: &'a str,
    home_page_url: &'a str,
    feed_url: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a str>,
    language: &'a str,
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Hub<'a> {
    r#type: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    date_published: String,
    date_modified: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    language: &'a str,
}

fn render(feed: &Snapshot, site: &Site) -> Result<Vec<u8>, Unrenderable> {
    let document = Document {
        version: "https://jsonfeed.org/version/1.1",
        title: &feed.info.title,
        home_page_url: &site.home,
        feed_url: site.topic(&feed.info.name, "json"),
        description: &feed.info.description,
        icon: site.icon.as_deref(),
        language: &feed.info.language,
        authors: vec![Author { name: &site.title, url: Some(&site.home) }],
        hubs: site.hubs.iter().map(|url| Hub { r#type: "WebSub", url }).collect(),
        items: feed.articles.iter().map(|article| item(article, feed)).collect(),
    };
    serde_json::to_vec(&document).map_err(|error| Unrenderable::new("JSON Feed", error))
}

fn item<'a>(article: &'a Article, feed: &Snapshot) -> Item<'a> {
    let (html, summary) = shown(feed.content, article);
    Item {
        id: &article.id.0,
        url: article.link.as_deref(),
        title: &article.title,
        content_html: html,
        // One of the two contents is required.
        content_text: if html.is_none() { Some(summary.unwrap_or(&article.title)) } else { None },
        summary,
        image: article.image.as_ref().map(|image| image.url.as_str()),
        date_published: date(article.published),
        date_modified: article.updated.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        authors: article.authors.iter().map(|name| Author { name, url: None }).collect(),
        tags: article.categories(),
        language: &article.language,
    }
}

fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Read into types of its own: what a reader must find, of the types that it must have.
fn read_back(bytes: &[u8]) -> Result<Vec<Seen>, String> {
    #[derive(Deserialize)]
    struct Read {
        items: Vec<ReadItem>,
    }
    #[derive(Deserialize)]
    struct ReadItem {
        id: String,
        title: String,
        date_published: DateTime<Utc>,
    }
    let read: Read = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(read
        .items
        .into_iter()
        .map(|item| Seen { id: item.id, title: item.title, published: item.date_published })
        .collect())
}
