//! Atom 1.0 (RFC 4287).

use atom_syndication::{Category, Content as Body, Entry, Feed, Generator, Link, Person, Text, WriteConfig};
use chrono::{DateTime, Utc};

use super::references::{plain, put_references};
use super::{Format, GENERATOR, Seen, Unrenderable, child_text, shown, strict_xml};
use crate::article::Article;
use crate::feed::{Site, Snapshot};

pub(super) const FORMAT: Format = Format {
    ending: "atom",
    media_type: "application/atom+xml; charset=utf-8",
    name: "Atom",
    is_feed: true,
    render,
    read_back,
};

const NAMESPACE: &str = "http://www.w3.org/2005/Atom";

fn render(feed: &Snapshot, site: &Site) -> Result<Vec<u8>, Unrenderable> {
    let topic = site.topic(&feed.info.name, "atom");
    let mut links =
        vec![link("self", &topic, Some("application/atom+xml")), link("alternate", &site.home, Some("text/html"))];
    links.extend(site.hubs.iter().map(|hub| link("hub", hub, None)));
    let document = Feed {
        id: topic,
        title: Text::plain(plain(&feed.info.title)),
        subtitle: (!feed.info.description.is_empty()).then(|| Text::plain(plain(&feed.info.description))),
        updated: feed.updated().fixed_offset(),
        authors: vec![Person { name: site.title.clone(), uri: Some(site.home.clone()), ..Person::default() }],
        generator: Some(Generator { value: GENERATOR.to_owned(), uri: None, version: None }),
        icon: site.icon.clone(),
        links,
        rights: site.rights.as_deref().map(|text| Text::plain(plain(text))),
        lang: Some(feed.info.language.clone()),
        entries: feed.articles.iter().map(|article| entry(article, feed)).collect(),
        ..Feed::default()
    };
    // The crate's own declaration lacks the encoding.
    let mut bytes = Vec::with_capacity(super::expected_size(feed));
    bytes.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    let config = WriteConfig { write_document_declaration: false, indent_size: None };
    document.write_with_config(&mut bytes, config).map_err(|error| Unrenderable::new("Atom", error))?;
    put_references(&mut bytes);
    Ok(bytes)
}

fn entry(article: &Article, feed: &Snapshot) -> Entry {
    let (html, summary) = shown(feed.content, article);
    let mut links: Vec<Link> = article.link.iter().map(|href| link("alternate", href, Some("text/html"))).collect();
    links.extend(article.image.iter().map(|image| Link {
        length: image.bytes.map(|bytes| bytes.to_string()),
        title: Some(image.alt.clone()).filter(|alt| !alt.is_empty()),
        ..link("enclosure", &image.url, image.mime.as_deref())
    }));
    let lang = (article.language != feed.info.language).then(|| article.language.clone());
    let body = |kind: &str, value: &str| Body {
        value: Some(value.to_owned()),
        content_type: Some(kind.to_owned()),
        lang: lang.clone(),
        ..Body::default()
    };
    let content = match html {
        Some(html) => Some(body("html", html)),
        // An entry that leads nowhere must have a content (RFC 4287 section 4.1.2).
        None if article.link.is_none() => Some(body("text", &plain(summary.unwrap_or(&article.title)))),
        None => None,
    };
    let text = |value: &str| Text { lang: lang.clone(), ..Text::plain(plain(value)) };
    Entry {
        id: article.id.0.clone(),
        title: text(&article.title),
        updated: article.updated.fixed_offset(),
        published: Some(article.published.fixed_offset()),
        authors: article.authors.iter().map(|name| Person { name: name.clone(), ..Person::default() }).collect(),
        categories: article
            .categories()
            .into_iter()
            .map(|term| Category { term: term.to_owned(), scheme: None, label: None })
            .collect(),
        // Validators miss a summary where there is no content either.
        summary: summary.or(content.is_none().then_some(&*article.title)).map(text),
        content,
        links,
        ..Entry::default()
    }
}

fn link(rel: &str, href: &str, mime: Option<&str>) -> Link {
    Link { rel: rel.to_owned(), href: href.to_owned(), mime_type: mime.map(str::to_owned), ..Link::default() }
}

fn read_back(bytes: &[u8]) -> Result<Vec<Seen>, String> {
    let document = strict_xml(bytes)?;
    document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name((NAMESPACE, "entry")))
        .map(|entry| {
            let part =
                |name: &str| child_text(entry, Some(NAMESPACE), name).ok_or_else(|| format!("an entry without {name}"));
            let published: DateTime<Utc> =
                DateTime::parse_from_rfc3339(&part("published")?).map_err(|error| error.to_string())?.to_utc();
            Ok(Seen { id: part("id")?, title: part("title")?, published })
        })
        .collect()
}
