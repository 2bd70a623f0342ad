//! RSS 2.0, by the RSS Advisory Board's profile.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::format::{Fixed, Item as FormatItem};
use chrono::{DateTime, Datelike, Utc};
use rss::extension::atom::{AtomExtension, Link};
use rss::extension::{Extension, ExtensionMap};
use rss::{Category, Channel, Item};

use super::references::{plain, push_plain, put_references};
use super::{FRESH_MINUTES, Format, GENERATOR, Seen, Unrenderable, child_text, push_escaped, shown, strict_xml};
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

/// What the prefixes in our documents stand for. Readers know Media RSS by its final slash only.
const NAMESPACES: [(&str, &str); 3] = [
    ("content", "http://purl.org/rss/1.0/modules/content/"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("media", "http://search.yahoo.com/mrss/"),
];

/// What the crate ends a document with.
const END: &[u8] = b"</channel></rss>";

/// How many articles have a model at one time: the crate's is made of some forty strings and maps for each, and to make and
/// drop those for a whole feed would take longer than to write it. So a few are filled again and again.
const MODELS: usize = 10;

fn render(feed: &Snapshot, site: &Site) -> Result<Vec<u8>, Unrenderable> {
    let mut bytes = Vec::with_capacity(super::expected_size(feed));
    write(&channel(feed, site), &mut bytes)?;
    let mut few = Channel { namespaces: namespaces(), ..Channel::default() };
    let head = few.to_string().len() - END.len();
    for articles in feed.articles.chunks(MODELS) {
        few.items.resize_with(articles.len(), Item::default);
        for (item, article) in few.items.iter_mut().zip(articles) {
            fill(item, article, feed.content);
        }
        append_items(&few, head, &mut bytes)?;
    }
    put_references(&mut bytes);
    Ok(bytes)
}

fn write(channel: &Channel, bytes: &mut Vec<u8>) -> Result<(), Unrenderable> {
    channel.write_to(bytes).map(drop).map_err(|error| Unrenderable::new("RSS", error))
}

/// Puts a channel's items behind those that the document has. The channel's own head, which is shorter than the document's, is
/// written over what is there, and that is put back: moving the items to where they belong would copy them once more.
fn append_items(channel: &Channel, head: usize, document: &mut Vec<u8>) -> Result<(), Unrenderable> {
    let here = document.len() - END.len();
    let covered = document[here - head..here].to_vec();
    document.truncate(here - head);
    write(channel, document)?;
    document[here - head..here].copy_from_slice(&covered);
    Ok(())
}

/// The feed without its items.
fn channel(feed: &Snapshot, site: &Site) -> Channel {
    let link = |rel: &str, href: &str, mime: Option<&str>| Link {
        rel: rel.to_owned(),
        href: href.to_owned(),
        mime_type: mime.map(str::to_owned),
        ..Link::default()
    };
    let mut links = vec![link("self", &site.topic(&feed.info.name, "rss"), Some("application/rss+xml"))];
    links.extend(site.hubs.iter().map(|hub| link("hub", hub, None)));
    let description = if feed.info.description.is_empty() { &feed.info.title } else { &feed.info.description };
    Channel {
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
        namespaces: namespaces(),
        ..Channel::default()
    }
}

fn namespaces() -> BTreeMap<String, String> {
    NAMESPACES.iter().map(|(prefix, name)| ((*prefix).to_owned(), (*name).to_owned())).collect()
}

/// Makes a model tell this article. What it told before lends its memory, and nothing else: everything is named here.
fn fill(item: &mut Item, article: &Article, shows: Content) {
    let Item { title, link, description, content, guid, pub_date, categories, dublin_core_ext, extensions, .. } = item;
    let (html, summary) = shown(shows, article);
    set(title, Some(&article.title), push_plain);
    set(link, article.link.as_deref(), String::push_str);
    // Validators miss one before a content.
    set(description, summary.or(html.map(|_| article.title.as_str())), push_escaped);
    set(content, html, String::push_str);
    let guid = guid.get_or_insert_default();
    article.id.0.clone_into(&mut guid.value);
    guid.permalink = false;
    *pub_date = Some(date(article.published));
    let names = article.categories();
    categories.resize_with(names.len(), Category::default);
    for (category, name) in categories.iter_mut().zip(names) {
        name.clone_into(&mut category.name);
    }
    if article.authors.is_empty() {
        *dublin_core_ext = None;
    } else {
        dublin_core_ext.get_or_insert_default().creators.clone_from(&article.authors);
    }
    fill_media(extensions, article.image.as_ref());
}

/// `media:content` (Media RSS 1.5.1), with the alternative text as its description.
fn fill_media(extensions: &mut ExtensionMap, image: Option<&Image>) {
    let Some(image) = image else { return extensions.clear() };
    let content = element(extensions.entry("media".to_owned()).or_default(), "content");
    let attributes = [
        ("url", Some(Cow::from(&image.url))),
        ("medium", Some(Cow::from("image"))),
        ("type", image.mime.as_deref().map(Cow::from)),
        ("width", image.width.map(|width| width.to_string().into())),
        ("height", image.height.map(|height| height.to_string().into())),
        ("fileSize", image.bytes.map(|bytes| bytes.to_string().into())),
    ];
    for (name, value) in attributes {
        match (content.attrs.get_mut(name), value) {
            (Some(held), Some(value)) => value.as_ref().clone_into(held),
            (None, Some(value)) => drop(content.attrs.insert(name.to_owned(), value.into_owned())),
            (_, None) => drop(content.attrs.remove(name)),
        }
    }
    if image.alt.is_empty() {
        content.children.clear();
    } else {
        set(&mut element(&mut content.children, "description").value, Some(&image.alt), String::push_str);
    }
}

/// The only element of this name.
fn element<'a>(elements: &'a mut BTreeMap<String, Vec<Extension>>, name: &str) -> &'a mut Extension {
    let found = elements.entry(name.to_owned()).or_default();
    if found.is_empty() {
        found.push(Extension { name: format!("media:{name}"), ..Extension::default() })
    }
    &mut found[0]
}

/// Puts a text where another may have been, in that one's memory.
fn set(slot: &mut Option<String>, text: Option<&str>, push: fn(&mut String, &str)) {
    let Some(text) = text else { return *slot = None };
    let held = slot.get_or_insert_default();
    held.clear();
    push(held, text);
}

/// RFC 822 with a year of four digits, a day of two, and `GMT`, as the profile has it.
fn date(at: DateTime<Utc>) -> String {
    let mut written = String::with_capacity(32);
    // A String takes everything, and stored years have four digits.
    let _ = at.format_with_items([FormatItem::Fixed(Fixed::RFC2822)].iter()).write_to(&mut written);
    // chrono writes the day as short as it can, and the zone as a number.
    if at.day() < 10 {
        written = written.replacen(", ", ", 0", 1);
    }
    written.truncate(written.len().saturating_sub("+0000".len()));
    written.push_str("GMT");
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
