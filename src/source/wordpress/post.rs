//! One post of the REST API, as an [`Item`].

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde::Deserialize;
use url::Url;

use crate::article::{Image, Item, SourceKey, Text};
use crate::source::Rejection;

/// A post that could be read. Without `item`, it is listed but must not be shown.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) key: SourceKey,
    pub(super) modified: Option<DateTime<Utc>>,
    pub(super) published: Option<DateTime<Utc>>,
    pub(super) item: Option<Item>,
}

/// WordPress tells modifications by the second: within this of one, there may be another with the same time, so the time
/// vouches for nothing yet.
const SETTLED: TimeDelta = TimeDelta::seconds(2);

#[derive(Deserialize)]
struct Post {
    id: u64,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    date_gmt: Option<String>,
    #[serde(default)]
    modified_gmt: Option<String>,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    guid: Rendered,
    #[serde(default)]
    title: Rendered,
    content: Rendered,
    #[serde(default)]
    excerpt: Rendered,
    #[serde(default, rename = "_embedded")]
    embedded: Embedded,
}

#[derive(Deserialize, Default)]
struct Rendered {
    #[serde(default)]
    rendered: String,
    #[serde(default)]
    protected: bool,
}

/// What `_embed` brings. Each part may be an error object instead, where the site hides it.
#[derive(Deserialize, Default)]
struct Embedded {
    #[serde(default)]
    author: Vec<Perhaps<Author>>,
    #[serde(default, rename = "wp:term")]
    terms: Vec<Vec<Perhaps<Term>>>,
    #[serde(default, rename = "wp:featuredmedia")]
    media: Vec<Perhaps<Media>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Perhaps<T> {
    Yes(T),
    No(serde::de::IgnoredAny),
}

impl<T> Perhaps<T> {
    fn known(self) -> Option<T> {
        match self {
            Perhaps::Yes(value) => Some(value),
            Perhaps::No(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct Author {
    name: String,
}

#[derive(Deserialize)]
struct Term {
    name: String,
    taxonomy: String,
}

#[derive(Deserialize)]
struct Media {
    source_url: String,
    #[serde(default)]
    alt_text: String,
    #[serde(default)]
    mime_type: Option<String>,
    #[serde(default)]
    media_details: Option<Perhaps<Details>>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
    #[serde(default)]
    filesize: Option<u64>,
}

/// Reads one post, as it was told at a time of the site's clock.
pub(super) fn read(json: &str, told: Option<DateTime<Utc>>) -> Result<Read, Rejection> {
    let post: Post =
        serde_json::from_str(json).map_err(|error| Rejection { key: key_of(json), why: error.to_string() })?;
    let key = SourceKey(post.id.to_string());
    let (modified, published) = (utc(post.modified_gmt.as_deref()), utc(post.date_gmt.as_deref()));
    let public = post.status.as_deref().is_none_or(|status| status == "publish");
    let hidden = !public || post.content.protected || post.excerpt.protected;
    let settled = told.zip(modified).is_some_and(|(told, modified)| told - modified > SETTLED);
    let item = (!hidden).then(|| item(key.clone(), post, published, modified, settled));
    Ok(Read { key, modified, published, item })
}

fn item(
    key: SourceKey,
    post: Post,
    published: Option<DateTime<Utc>>,
    modified: Option<DateTime<Utc>>,
    settled: bool,
) -> Item {
    let terms: Vec<Term> = post.embedded.terms.into_iter().flatten().filter_map(Perhaps::known).collect();
    let of =
        |taxonomy: &str| terms.iter().filter(|term| term.taxonomy == taxonomy).map(|term| term.name.clone()).collect();
    Item {
        revision: post.modified_gmt.filter(|_| settled),
        guid: Some(post.guid.rendered).filter(|guid| !guid.is_empty()),
        link: post.link,
        summary: Some(Text::Html(post.excerpt.rendered)).filter(|summary| !summary.is_blank()),
        content: Some(Text::Html(post.content.rendered)),
        authors: post.embedded.author.into_iter().filter_map(Perhaps::known).map(|author| author.name).collect(),
        sections: of("category"),
        tags: of("post_tag"),
        image: post.embedded.media.into_iter().filter_map(Perhaps::known).find_map(image),
        published,
        updated: modified,
        ..Item::new(key, Text::Html(post.title.rendered))
    }
}

fn image(media: Media) -> Option<Image> {
    let details = media.media_details.and_then(Perhaps::known);
    let mime = media.mime_type.filter(|mime| mime.starts_with("image/"))?;
    Some(Image {
        url: media.source_url,
        alt: media.alt_text,
        width: details.as_ref().and_then(|details| details.width),
        height: details.as_ref().and_then(|details| details.height),
        bytes: details.as_ref().and_then(|details| details.filesize),
        mime: Some(mime),
    })
}

/// `date_gmt` and `modified_gmt` carry no suffix and are UTC. Drafts have zeros, which is no date.
fn utc(text: Option<&str>) -> Option<DateTime<Utc>> {
    let text = text?.trim_end_matches('Z');
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok().map(|date| date.and_utc())
}

/// The number of a post that can't be read as one, for the operator's line.
fn key_of(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    value.get("id").map_or_else(|| "a post without an id".to_owned(), |id| id.to_string().trim_matches('"').to_owned())
}

/// What the REST API would call an article of the feed: its post's number, which most guids have (`?p=7`).
/// Where they don't, the address stands in until the API is open again.
pub(super) fn key_from_feed(site: &Url, item: &Item) -> SourceKey {
    let number = item.guid.as_deref().and_then(|guid| {
        let guid = Url::parse(guid).ok()?;
        let same_site = guid.host_str() == site.host_str();
        let (_, number) = guid.query_pairs().find(|(name, _)| same_site && name == "p")?;
        number.parse::<u64>().ok()
    });
    match number {
        Some(number) => SourceKey(number.to_string()),
        None => SourceKey::stand_in(item.link.as_deref().unwrap_or(&item.key.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &str = r#"{"id":7,"status":"publish","date_gmt":"2026-10-01T06:00:00","modified_gmt":"2026-10-02T06:00:00","link":"https://p.example/a/",
        "title":{"rendered":"River &#038; rain"},"content":{"rendered":"<p>x</p>","protected":false},"excerpt":{"rendered":"<p>e</p>"},
        "_embedded":{"author":[{"code":"rest_user_invalid_id","message":"x"}],"wp:term":[[{"name":"World","taxonomy":"category"}],[{"name":"rain","taxonomy":"post_tag"}]],
        "wp:featuredmedia":[{"source_url":"https://p.example/r.jpg","alt_text":"Alt","mime_type":"image/jpeg","media_details":{"width":1280,"height":720,"filesize":15088}}]}}"#;

    #[test]
    fn a_post_brings_its_terms_and_picture_even_if_its_author_is_hidden() {
        let item = read(POST, None).ok().and_then(|read| read.item).expect("a post");
        assert_eq!(
            (item.sections, item.tags, item.authors),
            (vec!["World".to_owned()], vec!["rain".to_owned()], vec![])
        );
        assert_eq!(item.image.map(|image| (image.width, image.bytes)), Some((Some(1280), Some(15088))));
        assert_eq!(item.published.map(|at| at.to_rfc3339()).as_deref(), Some("2026-10-01T06:00:00+00:00"));
    }

    #[test]
    fn a_post_with_a_password_is_listed_but_not_shown() {
        let read = read(&POST.replace("\"protected\":false", "\"protected\":true"), None).expect("a post");
        assert!(read.item.is_none() && read.key.0 == "7");
    }

    #[test]
    fn a_malformed_post_is_told_by_its_number() {
        let rejection = read(
            &POST.replace("\"content\":{", "\"content\":[{").replace("\"protected\":false}", "\"protected\":false}]"),
            None,
        )
        .expect_err("malformed");
        assert_eq!(rejection.key, "7");
    }
}
