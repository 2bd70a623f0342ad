//! RSS 2.0, by the RSS Advisory Board's profile.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::format::{Item as FormatItem, StrftimeItems};
use chrono::{DateTime, Utc};
use rss::extension::atom::{AtomExtension, Link};
use rss::extension::dublincore::DublinCoreExtension;
use rss::extension::{Extension, ExtensionMap};
use rss::{Category, Channel, Guid, Item};

use super::references::{plain, put_references};
use super::{FRESH_MINUTES, Format, GENERATOR, Seen, Unrenderable, child_text, escaped, shown, strict_xml};
use crate::article::{Article, Image};
use crate::feed::{Content, Site, Snapshot};

pub(super) const FORMAT: Format = Format {
    ending: "rss",
    media_type: "application/rss+xml; charset=utf-8",
    name: "RSS",
    is_feed: true,
    render,
    read_back,
};

/// With its final slash, or readers don't know it.
const MEDIA: &str = "http://search.yahoo.com/mrss/";

fn render(feed: &Snapshot, site: &Site) -> Result<Vec<u8>, Unrenderable> {
    let topic = site.topic(&feed.info.name, "rss");
    let link = |rel: &str, href: &str, mime: Option<&str>| Link {
        rel: rel.to_owned(),
        href: href.to_owned(),
        mime_type: mime.map(str::to_owned),
        ..Link::default()
    };
    let mut links = vec![link("self", &topic, Some("application/rss+xml"))];
    links.extend(site.hubs.iter().map(|hub| link("hub", hub, None)));
    let description = if feed.info.description.is_empty() { &feed.info.title } else { &feed.info.description };
    let channel = Channel {
        title: plain(&feed.info.title),
        link: site.home.clone(),
        description: plain(description),
        language: Some(feed.info.language.clone()),
        copyright: site.rights.clone(),
        managing_editor: site
            .contact
            .as_ref()
            .map(|contact| format!("{contact} ({})", site.title.replace(['(', ')'], ""))),
        last_build_date: Some(date(feed.updated())),
        generator: Some(GENERATOR.to_owned()),
        docs: Some("https://www.rssboard.org/rss-specification".to_owned()),
        ttl: Some(FRESH_MINUTES.to_string()),
        atom_ext: Some(AtomExtension { links }),
        namespaces: BTreeMap::from([("media".to_owned(), MEDIA.to_owned())]),
        items: feed.articles.iter().map(|article| item(article, feed.content)).collect(),
        ..Channel::default()
    };
    let mut bytes = Vec::with_capacity(super::expected_size(feed));
    channel.write_to(&mut bytes).map_err(|error| Unrenderable::new("RSS", error))?;
    put_references(&mut bytes);
    Ok(bytes)
}

fn item(article: &Article, content: Content) -> Item {
    let (html, summary) = shown(content, article);
    let dublin_core = DublinCoreExtension { creators: article.authors.clone(), ..DublinCoreExtension::default() };
    Item {
        title: Some(plain(&article.title)),
        link: article.link.clone(),
        // Validators miss one before a content.
        description: summary.or(html.map(|_| article.title.as_str())).map(escaped),
        content: html.map(str::to_owned),
        guid: Some(Guid { value: article.id.0.clone(), permalink: false }),
        pub_date: Some(date(article.published)),
        categories: article
            .categories()
            .into_iter()
            .map(|name| Category { name: name.to_owned(), domain: None })
            .collect(),
        dublin_core_ext: (!article.authors.is_empty()).then_some(dublin_core),
        extensions: article.image.as_ref().map(media).unwrap_or_default(),
        ..Item::default()
    }
}

/// `media:content` (Media RSS 1.5.1), with the alternative text as its description.
fn media(image: &Image) -> ExtensionMap {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let attrs = [
        ("url", Some(image.url.clone())),
        ("medium", Some("image".to_owned())),
        ("type", image.mime.clone()),
        ("width", number(image.width.map(u64::from))),
        ("height", number(image.height.map(u64::from))),
        ("fileSize", number(image.bytes)),
    ];
    let attrs = attrs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let described = Extension {
        name: "media:description".to_owned(),
        value: Some(image.alt.clone()),
        attrs: BTreeMap::new(),
        children: BTreeMap::new(),
    };
    let children = if image.alt.is_empty() {
        BTreeMap::new()
    } else {
        BTreeMap::from([("description".to_owned(), vec![described])])
    };
    let content = Extension { name: "media:content".to_owned(), value: None, attrs, children };
    BTreeMap::from([("media".to_owned(), BTreeMap::from([("content".to_owned(), vec![content])]))])
}

/// RFC 822 with a four-digit year and a numeric day, as the profile has it.
fn date(at: DateTime<Utc>) -> String {
    // Read once: chrono would read the pattern for each date.
    static PATTERN: LazyLock<Vec<FormatItem<'static>>> =
        LazyLock::new(|| StrftimeItems::new("%a, %d %b %Y %H:%M:%S GMT").collect());
    let mut written = String::with_capacity(32);
    // A String takes everything.
    let _ = at.format_with_items(PATTERN.iter()).write_to(&mut written);
    written
}

fn read_back(bytes: &[u8]) -> Result<Vec<Seen>, String> {
    let document = strict_xml(bytes)?;
    let channel = document.root_element().first_element_child().ok_or("no channel")?;
    channel
        .children()
        .filter(|node| node.has_tag_name("item"))
        .map(|item| {
            let part = |name: &str| child_text(item, None, name).ok_or_else(|| format!("an item without {name}"));
            let published = DateTime::parse_from_rfc2822(&part("pubDate")?).map_err(|error| error.to_string())?;
            Ok(Seen { id: part("guid")?, title: part("title")?, published: published.to_utc() })
        })
        .collect()
}
