//! A raw item becomes an article: identity, dates, links, HTML, text. Once, before any format.

mod address;
mod html;
mod language;
mod shortcodes;
mod text;

use chrono::{DateTime, Datelike, DurationRound, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use thiserror::Error;
use url::Url;

use crate::article::words::plain_text;
use crate::article::{Article, ArticleId, Draft, Image, Item, LONGEST_NAME, SourceKey, Text, is_rtl};

/// Bytes of a raw headline.
const MAX_TITLE: usize = 32 << 10;
/// Bytes of a raw body.
const MAX_BODY: usize = 4 << 20;
/// Elements inside elements: deeper than this, a tree builder would be busy for seconds.
const MAX_DEPTH: usize = 512;
/// Names, sections and tags of one article, each.
const MAX_NAMES: usize = 100;
/// Characters of a summary made from the text.
const SUMMARY: usize = 400;
/// Characters of a summary that the source wrote.
const OWN_SUMMARY: usize = 2000;
/// Characters of a title made from the text.
const TITLE: usize = 80;

/// What a newsroom's articles have in common.
#[derive(Debug, Clone)]
pub struct HouseStyle {
    /// The source's name in `newsroom.toml`.
    pub source: String,
    /// The site that people read: the authority of minted ids.
    pub home: Url,
    /// The newsroom's language, for texts that can't be told.
    pub language: String,
    /// Whether the source's own permanent ids are kept.
    pub keep_ids: bool,
}

/// Why an item is no article.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Rejected {
    /// Nothing to show.
    #[error("it has neither a title nor a text")]
    Empty,
    /// A headline that is none.
    #[error("its title is longer than {MAX_TITLE} bytes")]
    LongTitle,
    /// A body that no reader would take.
    #[error("its text is larger than {} MB", MAX_BODY >> 20)]
    LargeBody,
    /// Nesting that would keep a parser busy.
    #[error("its HTML is nested more than {} levels deep", MAX_DEPTH)]
    Deep,
}

/// The article that an item tells of. `seen`: the time of the pull, which stands in where the source states no date.
pub fn draft(item: Item, house: &HouseStyle, seen: DateTime<Utc>) -> Result<Draft, Rejected> {
    if item.title.size() > MAX_TITLE {
        return Err(Rejected::LongTitle);
    }
    if item.content.as_ref().is_some_and(|text| text.size() > MAX_BODY)
        || item.summary.as_ref().is_some_and(|text| text.size() > MAX_BODY)
    {
        return Err(Rejected::LargeBody);
    }
    let fallback = item.base.as_ref().unwrap_or(&house.home);
    let link = item.link.as_deref().and_then(|link| address::web(fallback, link));
    let base = link.as_deref().and_then(|link| Url::parse(link).ok()).unwrap_or_else(|| fallback.clone());

    let body = item.content.as_ref().map(|content| html::sanitized(content, &base)).transpose()?.unwrap_or_default();
    let plain = plain_text(&body);
    let summary = summary(item.summary.as_ref(), &plain)?;
    let title = title(&item.title, &plain)?;
    if title.is_empty() && body.is_empty() {
        return Err(Rejected::Empty);
    }
    let language = language::of(item.language.as_deref(), &title, &plain, &house.language);
    let (dated, published, updated) = dates(item.published, item.updated, seen);
    Ok(Draft {
        dated,
        article: Article {
            id: id(&item.key, item.guid.as_deref(), published, house),
            html: directed(body, &language),
            authors: names(&item.authors)?,
            sections: names(&item.sections)?,
            tags: names(&item.tags)?,
            image: item.image.and_then(|image| picture(image, &base)),
            title: if title.is_empty() { "Untitled".to_owned() } else { title },
            link,
            summary,
            language,
            sources: vec![house.source.clone()],
            published,
            updated,
        },
        key: item.key,
        revision: item.revision,
    })
}

/// The headline; a post without one gets the beginning of its text.
fn title(title: &Text, plain: &str) -> Result<String, Rejected> {
    let line = text::line(&text::without_tags(&text::of(title)?));
    Ok(if line.is_empty() { text::shortened(&text::line(plain), TITLE) } else { line })
}

/// The source's own summary. What a CMS cut off from the text by itself is shorter than what we make of the text.
fn summary(own: Option<&Text>, plain: &str) -> Result<String, Rejected> {
    if let Some(own) = own {
        let own = text::line(&text::without_tags(&text::of(own)?));
        let (own, was_cut) = text::without_more_link(&own);
        if !own.is_empty() && (!was_cut || plain.trim().is_empty()) {
            return Ok(text::shortened(&own, OWN_SUMMARY));
        }
    }
    Ok(text::shortened(&text::without_tags(&text::line(plain)), SUMMARY))
}

/// Names as plain text, each once, in their order.
fn names(raw: &[String]) -> Result<Vec<String>, Rejected> {
    let mut names: Vec<String> = Vec::new();
    for name in raw.iter().take(MAX_NAMES) {
        if name.len() > MAX_TITLE {
            return Err(Rejected::LongTitle);
        }
        let name = text::line(&text::of(&Text::Html(name.clone()))?);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn picture(image: Image, base: &Url) -> Option<Image> {
    let url = address::web(base, &image.url)?;
    let mime =
        image.mime.filter(|mime| mime.starts_with("image/")).or_else(|| address::image_type(&url).map(str::to_owned));
    // A size of nothing is a size that somebody did not know.
    let known = |pixels: Option<u32>| pixels.filter(|pixels| *pixels > 0);
    Some(Image {
        alt: text::line(&text::without_tags(&text::clean(&image.alt))),
        width: known(image.width),
        height: known(image.height),
        bytes: image.bytes.filter(|bytes| *bytes > 0),
        mime,
        url,
    })
}

/// Whether a date was stated, and the two dates, in whole seconds. A change lies neither before the publication nor ahead of us.
fn dates(
    published: Option<DateTime<Utc>>,
    updated: Option<DateTime<Utc>>,
    seen: DateTime<Utc>,
) -> (bool, DateTime<Utc>, DateTime<Utc>) {
    let seconds = |at: DateTime<Utc>| at.duration_trunc(TimeDelta::seconds(1)).unwrap_or(at);
    // Four digits are all that RFC 2822 and RFC 3339 can write.
    let stated = published.filter(|at| (1..=9999).contains(&at.year())).map(seconds);
    let seen = seconds(seen);
    let published = stated.unwrap_or(seen);
    let updated = updated.map(seconds).filter(|at| *at <= seen).unwrap_or(published);
    (stated.is_some(), published, updated.max(published))
}

/// The id that the article gets if it is new: a `tag:` URI (RFC 4151) of the newsroom's host, a day, the source and its key.
/// It is made of nothing that a lost database would lose. With `keep_ids`, the source's own, where it is an URI.
fn id(key: &SourceKey, guid: Option<&str>, published: DateTime<Utc>, house: &HouseStyle) -> ArticleId {
    if house.keep_ids
        && let Some(guid) = guid.map(|guid| text::line(&text::clean(guid)))
        && guid.is_ascii()
        && guid.len() <= LONGEST_NAME
        && !guid.contains([' ', '<', '>', '"'])
        && Url::parse(&guid).is_ok()
    {
        return ArticleId(guid);
    }
    let host = house.home.host_str().unwrap_or("localhost");
    let day = published.format("%Y-%m-%d");
    let plain = key.0.len() <= 64 && key.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let name = if plain { key.0.clone() } else { short_hash(&key.0) };
    ArticleId(format!("tag:{host},{day}:{}/{name}", house.source))
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// Readers set articles from left to right unless the article itself says otherwise.
fn directed(html: String, language: &str) -> String {
    if html.is_empty() || !is_rtl(language) {
        return html;
    }
    format!("<div dir=\"rtl\" lang=\"{language}\">{html}</div>")
}

#[cfg(test)]
mod tests;
