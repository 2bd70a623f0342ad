//! What an answer links to: by `Link` header fields (RFC 8288) and by `<link>` elements.

use dom_query::Document;
use url::Url;

use crate::article::markup::html_depth;
use crate::fetch::Answer;

/// `<link>`s stand in the head: more of a page than this is not read for them.
const HEAD: usize = 256 << 10;

/// Deeper than this, a page is not read at all.
const MAX_DEPTH: usize = 256;

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The relation: one word.
    pub rel: String,
    /// Where it leads, absolute.
    pub url: Url,
    /// The MIME type that it promises.
    pub kind: Option<String>,
    /// What it is called.
    pub title: Option<String>,
}

impl Link {
    /// Whether it leads to the page's content as a feed.
    pub fn is_feed(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        self.rel == "alternate"
            && ["application/rss+xml", "application/atom+xml", "application/feed+json"].contains(&kind)
    }
}

/// The links of an answer, those of its header fields first.
pub fn links(answer: &Answer) -> Vec<Link> {
    let fields = answer.headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    let mut links: Vec<Link> = fields.flat_map(|field| in_field(field, &answer.url)).collect();
    let is_html = answer.header("content-type").is_some_and(|kind| kind.contains("html"));
    if is_html {
        links.extend(in_page(&answer.body, &answer.url));
    }
    links
}

/// The links of one `Link` header field.
fn in_field(field: &str, base: &Url) -> Vec<Link> {
    let mut links = Vec::new();
    // Targets may hold commas and semicolons, so take them out by their brackets first.
    for part in field.split('<').skip(1) {
        let Some((target, parameters)) = part.split_once('>') else {
            continue;
        };
        let Ok(url) = base.join(target.trim()) else { continue };
        let (mut rels, mut kind, mut title) = (Vec::new(), None, None);
        for parameter in parameters.split(';').skip(1) {
            let Some((name, value)) = parameter.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_end_matches(',').trim().trim_matches('"').to_owned();
            match name.trim().to_ascii_lowercase().as_str() {
                "rel" => rels = value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect(),
                "type" => kind = Some(value),
                "title" => title = Some(value),
                _ => {}
            }
        }
        links.extend(rels.into_iter().map(|rel| Link {
            rel,
            url: url.clone(),
            kind: kind.clone(),
            title: title.clone(),
        }));
    }
    links
}

fn in_page(body: &[u8], base: &Url) -> Vec<Link> {
    let page = String::from_utf8_lossy(&body[..body.len().min(HEAD)]);
    let head = page.find("<body").map_or(page.as_ref(), |at| &page[..at]);
    if html_depth(head) > MAX_DEPTH {
        return Vec::new();
    }
    let document = Document::from(head);
    let mut links = Vec::new();
    for element in document.select("link[rel][href]").iter() {
        let (Some(rels), Some(href)) = (element.attr("rel"), element.attr("href")) else {
            continue;
        };
        let Ok(url) = base.join(href.trim()) else { continue };
        let attribute = |name| element.attr(name).map(|value| value.to_string());
        let (kind, title) = (attribute("type"), attribute("title"));
        links.extend(rels.split_ascii_whitespace().map(|rel| Link {
            rel: rel.to_ascii_lowercase(),
            url: url.clone(),
            kind: kind.clone(),
            title: title.clone(),
        }));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://paper.example/wp/").expect("a test's own URL")
    }

    #[test]
    fn one_field_may_hold_several_links() {
        let links = in_field(
            "<https://h.example/>; rel=\"hub\", </feed?a=1,2>; rel=\"self alternate\"; type=\"application/rss+xml\"",
            &base(),
        );
        let told: Vec<_> = links.iter().map(|link| (link.rel.as_str(), link.url.as_str())).collect();
        assert_eq!(
            told,
            [
                ("hub", "https://h.example/"),
                ("self", "https://paper.example/feed?a=1,2"),
                ("alternate", "https://paper.example/feed?a=1,2")
            ]
        );
        assert!(links[2].is_feed());
    }

    #[test]
    fn links_of_a_page_are_made_absolute() {
        let page = br#"<html><head><link rel="Alternate" type="application/atom+xml" title="News" href="feed.atom"><link rel=stylesheet href=x.css></head><body><link rel=alternate href=no></body>"#;
        let links = in_page(page, &base());
        assert_eq!(links.len(), 2);
        assert!(links[0].is_feed() && links[0].url.as_str() == "https://paper.example/wp/feed.atom");
        assert_eq!(links[0].title.as_deref(), Some("News"));
    }
}
