//! `kind = "feed"`: any RSS, Atom or JSON Feed document, asked for conditionally.
//!
//! A feed shows the latest articles only, so what drops out of it is not gone.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use feed_rs::model::{Entry, Feed, MediaObject, Text as FeedText};
use serde::{Deserialize, Serialize};
use toml::de::{Error as TomlError, ValueDeserializer};
use url::Url;

use super::{
    Cursor, Held, Kind, Place, PullError, Pulled, Rejection, Source, WebAddress, cursor, is_password_form, links, mark,
};
use crate::article::markup::xml_depth;
use crate::article::{Image, Item, SourceKey, Text, date};
use crate::fetch::Fetcher;

pub(super) const KIND: Kind = Kind { name: "feed", precedence: 30, read };

/// Some servers get stuck on 304, so validators are forgotten after this long.
const VALIDATORS_LAST: TimeDelta = TimeDelta::days(8);

/// Elements inside elements; past this a document is a weapon.
const MAX_DEPTH: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: WebAddress,
}

fn read(settings: ValueDeserializer<'_>, place: &Place) -> Result<Arc<dyn Source>, TomlError> {
    let Settings { url: WebAddress(url) } = Settings::deserialize(settings)?;
    Ok(Arc::new(FeedSource { url, zone: place.zone }))
}

struct FeedSource {
    url: Url,
    zone: Tz,
}

/// What a conditional request needs (RFC 9110 section 13).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    etag: Option<String>,
    last_modified: Option<String>,
    since: Option<DateTime<Utc>>,
}

#[async_trait]
impl Source for FeedSource {
    async fn pull(&self, net: &Fetcher, since: Cursor, _held: &dyn Held) -> Result<Pulled, PullError> {
        let (mut pulled, next) = entries(net, &self.url, self.zone, mark(&since)).await?;
        pulled.next = cursor(&next)?;
        Ok(pulled)
    }

    fn pushed(&self, body: &[u8]) -> Result<Pulled, PullError> {
        items(body, &self.url, self.zone)
    }
}

/// The entries of the feed at `url`, or nothing if it has not changed since `since`.
pub(super) async fn entries(net: &Fetcher, url: &Url, zone: Tz, since: Mark) -> Result<(Pulled, Mark), PullError> {
    let mut fields = vec![(
        "accept",
        "application/feed+json, application/atom+xml, application/rss+xml, application/xml;q=0.9, application/json;q=0.8, */*;q=0.5",
    )];
    fields.extend(since.etag.as_deref().map(|etag| ("if-none-match", etag)));
    fields.extend(since.last_modified.as_deref().map(|date| ("if-modified-since", date)));
    let answer = net.get(url, &fields).await?;
    let now = answer.date();
    if answer.status == 304 {
        let stale = now.zip(since.since).is_some_and(|(now, then)| now - then > VALIDATORS_LAST);
        return Ok((Pulled::default(), if stale { Mark::default() } else { since }));
    }
    let answer = answer.ok()?;
    let next = Mark {
        etag: answer.header("etag").map(str::to_owned),
        last_modified: answer.header("last-modified").map(str::to_owned),
        since: now,
    };
    let announced = links(&answer);
    let at = answer.url.clone();
    let body = answer.body;
    let mut pulled = tokio::task::spawn_blocking(move || items(&body, &at, zone))
        .await
        .map_err(|error| PullError::Unreadable(format!("{url}: reading it failed: {error}")))??;
    // Header fields win over the document's own links (WebSub section 4).
    let of = |rel: &str| announced.iter().find(|link| link.rel == rel).map(|link| link.url.to_string());
    if let Some(hub) = of("hub") {
        pulled.hub = Some((hub, of("self").unwrap_or_else(|| url.to_string())));
    }
    Ok((pulled, next))
}

/// The articles of a feed document.
fn items(body: &[u8], url: &Url, zone: Tz) -> Result<Pulled, PullError> {
    let feed = parse(body, url, zone)?;
    let language = feed.language;
    let of = |rel: &str| feed.links.iter().find(|link| link.rel.as_deref() == Some(rel)).map(|link| link.href.clone());
    let hub = of("hub").or_else(|| hub_in_json(body)).map(|hub| (hub, of("self").unwrap_or_else(|| url.to_string())));
    let mut pulled = Pulled { hub, ..Pulled::default() };
    for entry in feed.entries {
        let name = entry.id.clone();
        match item(entry, url, language.as_deref()) {
            Ok(Some(item)) => pulled.items.push(item),
            Ok(None) => {}
            Err(why) => pulled.rejected.push(Rejection { key: name, why }),
        }
    }
    Ok(pulled)
}

/// The WebSub hub that a JSON Feed announces (JSON Feed 1.1, `hubs`), which the parser leaves out.
fn hub_in_json(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Hubs {
        hubs: Vec<Hub>,
    }
    #[derive(Deserialize)]
    struct Hub {
        r#type: String,
        url: String,
    }
    let Hubs { hubs } = serde_json::from_slice(body).ok()?;
    hubs.into_iter().find(|hub| hub.r#type.eq_ignore_ascii_case("websub")).map(|hub| hub.url)
}

fn parse(body: &[u8], url: &Url, zone: Tz) -> Result<Feed, PullError> {
    let unreadable =
        |why: &dyn std::fmt::Display| PullError::Unreadable(format!("{url}: not a feed that can be read: {why}"));
    let start = body.iter().copied().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xEF | 0xBB | 0xBF));
    match start {
        None => return Err(unreadable(&"the answer is empty")),
        Some(b'<') if xml_depth(body) > MAX_DEPTH => return Err(unreadable(&"elements are nested too deeply")),
        Some(b'<') if is_html(body) => return Err(unreadable(&"it is an HTML page")),
        Some(_) => {}
    }
    let parser = || {
        feed_rs::parser::Builder::new()
            .base_uri(Some(url.as_str()))
            .timestamp_parser(move |text| date::parse(text, zone))
            // Made-up ids change with the headline; identity is decided elsewhere.
            .id_generator(|_, _, _| String::new())
            .build()
    };
    parser().parse(body).or_else(|error| parser().parse(repaired(body).as_bytes()).map_err(|_| unreadable(&error)))
}

fn is_html(body: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&body[..body.len().min(512)]).to_ascii_lowercase();
    head.contains("<!doctype html") || head.contains("<html")
}

/// The document once more, with what breaks parsers mended: bare ampersands, control characters, a cut-off end.
fn repaired(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let name: usize =
            tail.bytes().take(12).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
        let known = tail.as_bytes().get(name) == Some(&b';')
            && (tail.starts_with('#') || matches!(&tail[..name], "amp" | "lt" | "gt" | "quot" | "apos"));
        out.push_str(if known { "&" } else { "&amp;" });
        rest = tail;
    }
    out.push_str(rest);
    out.retain(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    // What was cut off loses its last, half entry; the rest can be closed.
    for (open, end, close) in [("<rss", "</rss>", "</channel></rss>"), ("<feed", "</feed>", "</feed>")] {
        if out.contains(open) && !out.contains(end) {
            let whole = out.rfind("</item>").map(|at| at + 7).or_else(|| out.rfind("</entry>").map(|at| at + 8));
            out.truncate(whole.unwrap_or(out.len()));
            out.push_str(close);
        }
    }
    out
}

/// `None`: a post behind a password.
fn item(entry: Entry, url: &Url, language: Option<&str>) -> Result<Option<Item>, String> {
    let links: Vec<_> =
        entry.links.iter().filter(|link| matches!(link.rel.as_deref(), None | Some("alternate"))).collect();
    let link =
        links.iter().find(|link| link.media_type.as_deref().is_none_or(|kind| kind.contains("html"))).or(links.first());
    let link = link.map(|link| link.href.clone());
    let content = entry.content.and_then(|content| {
        let html = content.content_type.subty() != "plain";
        content.body.map(|body| if html { Text::Html(body) } else { Text::Plain(body) })
    });
    if let Some(Text::Html(body)) = &content
        && is_password_form(body)
    {
        return Ok(None);
    }
    let title = entry.title.map(title).unwrap_or(Text::Plain(String::new()));
    let key = if !entry.id.is_empty() {
        entry.id.clone()
    } else if let Some(link) = &link {
        link.clone()
    } else if !title.is_blank() {
        format!("{title:?}")
    } else {
        return Err("it has no id, no link and no title".to_owned());
    };
    let (published, updated) = (entry.published.or(entry.updated), entry.updated);
    Ok(Some(Item {
        guid: Some(entry.id).filter(|id| !id.is_empty()),
        base: Some(entry.base.and_then(|base| Url::parse(&base).ok()).unwrap_or_else(|| url.clone())),
        summary: entry.summary.map(text),
        content,
        authors: entry.authors.into_iter().filter_map(|person| person.name).collect(),
        tags: entry.categories.into_iter().map(|category| category.label.unwrap_or(category.term)).collect(),
        image: entry.media.iter().find_map(picture),
        language: entry.language.or_else(|| language.map(str::to_owned)),
        published,
        updated,
        link,
        ..Item::new(SourceKey(key), title)
    }))
}

/// Titles are markup in most feeds, whatever they say of themselves.
fn title(text: FeedText) -> Text {
    Text::Html(text.content)
}

fn text(text: FeedText) -> Text {
    if text.content_type.subty() == "plain" && !text.content.contains('<') {
        Text::Plain(text.content)
    } else {
        Text::Html(text.content)
    }
}

fn picture(media: &MediaObject) -> Option<Image> {
    let content = media.content.iter().find_map(|content| {
        let is_image = content.content_type.as_ref().is_some_and(|kind| kind.ty() == "image");
        let url = content.url.as_ref().filter(|_| is_image)?;
        Some(Image {
            url: url.to_string(),
            alt: media.description.as_ref().map(|text| text.content.clone()).unwrap_or_default(),
            width: content.width,
            height: content.height,
            mime: content.content_type.as_ref().map(ToString::to_string),
            bytes: content.size,
        })
    });
    content.or_else(|| {
        let thumbnail = media.thumbnails.first()?;
        let image = &thumbnail.image;
        Some(Image {
            url: image.uri.clone(),
            alt: String::new(),
            width: image.width,
            height: image.height,
            mime: None,
            bytes: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(document: &str) -> Result<Pulled, PullError> {
        let url = Url::parse("https://paper.example/feed").expect("a test's own URL");
        items(document.as_bytes(), &url, chrono_tz::Asia::Karachi)
    }

    const TWO: &str = r#"<rss version="2.0"><channel><title>T</title><link>https://paper.example/</link><description>d</description>
        <item><title>Cotton & wheat</title><link>https://paper.example/1</link><guid isPermaLink="false">one</guid><pubDate>Wed, 25 Nov 2026 10:00:00 +0100</pubDate></item>
        <item><title>Second</title><link>https://paper.example/2</link></item></channel></rss>"#;

    #[test]
    fn one_bare_ampersand_does_not_lose_the_feed() {
        let pulled = read(TWO).expect("a feed");
        assert_eq!(pulled.items.len(), 2);
        assert_eq!(pulled.items[0].key.0, "one");
        assert_eq!(pulled.items[0].published.map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-25T09:00:00+00:00"));
        assert_eq!(pulled.items[1].key.0, "https://paper.example/2");
    }

    #[test]
    fn a_document_that_is_cut_off_keeps_its_whole_entries() {
        let cut = &TWO[..TWO.find("<title>Second").expect("second") + 10];
        assert_eq!(read(cut).expect("a feed").items.len(), 1);
    }

    #[test]
    fn a_post_behind_a_password_is_no_article() {
        let document = TWO.replace("<title>Second</title>", "<title>Protected: S</title><description><![CDATA[x]]></description><content:encoded xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><![CDATA[<form class=\"post-password-form\"></form>]]></content:encoded>");
        assert_eq!(read(&document).expect("a feed").items.len(), 1);
    }

    #[test]
    fn what_is_no_feed_is_told_in_one_line() {
        for (document, told) in
            [("", "empty"), ("<!DOCTYPE html><html></html>", "HTML page"), ("{\"a\":1}", "not a feed")]
        {
            let error = read(document).expect_err("no feed").to_string();
            assert!(error.contains(told) && !error.contains('\n'), "{error}");
        }
        let deep = format!("<rss>{}", "<a>".repeat(100_000));
        assert!(read(&deep).expect_err("a weapon").to_string().contains("deeply"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(document in "(<rss>|<item>|</item>|<title>|&|&amp;|;|\\PC|<!\\[CDATA\\[|\\]\\]>){0,60}") {
            let _ = read(&document);
        }
    }
}
