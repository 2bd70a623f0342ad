use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::article::{Article, ArticleId, Image};
use crate::document::made;
use crate::feed::FeedInfo;

fn site() -> Site {
    Site {
        title: "Rahbar & Sons".to_owned(),
        home: "https://rahbarkisan.com/wp/".to_owned(),
        public_url: "https://feeds.example.org".to_owned(),
        language: "en".to_owned(),
        timezone: chrono_tz::Asia::Karachi,
        contact: Some("editor@example.org".to_owned()),
        rights: Some("© Rahbar".to_owned()),
        icon: None,
        hubs: vec!["https://feeds.example.org/hub".to_owned()],
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a test's own date")
}

fn awkward() -> Article {
    Article {
        id: ArticleId("tag:rahbarkisan.com,2026-10-01:website/7".to_owned()),
        link: Some("https://rahbarkisan.com/wp/rain/?a=1&b=2".to_owned()),
        title: "Ends with ]]> and 1 < 2 & &amp; more \"quoted\"".to_owned(),
        summary: "A summary with ]]> and 1 < 2 & an ampersand".to_owned(),
        html: "<p>Code <code>]]&gt;</code> &amp; <img src=\"https://cdn.example/a.jpg?x=1&amp;y=2\"></p>".to_owned(),
        authors: vec!["Maeve O’Connor & Sons".to_owned(), "Sana <desk>".to_owned()],
        sections: vec!["World".to_owned(), "اردو".to_owned()],
        tags: vec!["rain & wind".to_owned(), "World".to_owned()],
        image: Some(Image {
            url: "https://cdn.example/a.jpg?x=1&y=%222%22".to_owned(),
            alt: "A \"river\" & <rain>".to_owned(),
            width: Some(1280),
            height: Some(720),
            mime: Some("image/jpeg".to_owned()),
            bytes: Some(15_088),
        }),
        language: "ur".to_owned(),
        sources: vec!["website".to_owned()],
        published: at("2026-10-01T06:00:00Z"),
        updated: at("2026-10-02T07:30:00Z"),
    }
}

/// An article that has as little as there can be.
fn bare() -> Article {
    Article {
        id: ArticleId("tag:rahbarkisan.com,2026-09-01:desk/bare".to_owned()),
        link: None,
        title: "Bare".to_owned(),
        summary: String::new(),
        html: String::new(),
        authors: Vec::new(),
        sections: Vec::new(),
        tags: Vec::new(),
        image: None,
        language: "en".to_owned(),
        published: at("2026-09-01T06:00:00Z"),
        updated: at("2026-09-01T06:00:00Z"),
        ..awkward()
    }
}

fn feed(content: Content, articles: Vec<Article>) -> Snapshot {
    let info = FeedInfo {
        name: "all".to_owned(),
        title: "All & everything".to_owned(),
        description: "News <of> the day & night".to_owned(),
        language: "en".to_owned(),
    };
    Snapshot { info, content, articles }
}

fn written(ending: &str, content: Content) -> String {
    let format = by_ending(ending).expect("a format");
    let bytes = (format.render)(&feed(content, vec![awkward(), bare()]), &site()).expect("a document");
    // One element a line, so that a change shows where it is.
    String::from_utf8(bytes).expect("text").replace("><", ">\n<").replace(",\"", ",\n\"")
}

#[test]
fn rss_in_full() {
    insta::assert_snapshot!(written("rss", Content::Full));
}

#[test]
fn atom_in_full() {
    insta::assert_snapshot!(written("atom", Content::Full));
}

#[test]
fn json_feed_in_full() {
    insta::assert_snapshot!(written("json", Content::Full));
}

/// An article that lacks what the bits name.
fn lacking(bits: u16) -> Article {
    let lacks = |bit: u16| bits & 1 << bit != 0;
    let kept = |bit: u16, text: String| if lacks(bit) { String::new() } else { text };
    let whole = awkward();
    let image = whole.image.map(|image| Image {
        alt: kept(0, image.alt),
        width: image.width.filter(|_| !lacks(1)),
        mime: image.mime.filter(|_| !lacks(2)),
        bytes: image.bytes.filter(|_| !lacks(3)),
        ..image
    });
    Article {
        id: ArticleId(format!("tag:rahbarkisan.com,2026:{bits}")),
        link: whole.link.filter(|_| !lacks(4)),
        title: format!("{bits} & more"),
        summary: kept(5, whole.summary),
        html: kept(6, whole.html),
        authors: if lacks(7) { Vec::new() } else { whole.authors },
        tags: if lacks(8) { Vec::new() } else { whole.tags },
        image: image.filter(|_| !lacks(9)),
        ..whole
    }
}

proptest! {
    /// The RSS writer fills the same models again and again.
    #[test]
    fn an_item_tells_nothing_of_those_before_it(bits in proptest::collection::vec(0u16..1024, 1..40)) {
        let items = |bits: &[u16]| {
            let articles = bits.iter().map(|bits| lacking(*bits)).collect();
            let bytes = (by_ending("rss").expect("a format").render)(&feed(Content::Full, articles), &site());
            let document = String::from_utf8(bytes.expect("a document")).expect("text");
            let items = document.find("<item>").expect("an item")..document.find("</channel>").expect("an end");
            document[items].to_owned()
        };
        let alone: String = bits.iter().map(|bits| items(&[*bits])).collect();
        prop_assert_eq!(items(&bits), alone);
    }
}

#[test]
fn headlines_only() {
    for ending in ["rss", "atom", "json"] {
        let document = written(ending, Content::Headline);
        assert!(!document.contains("A summary with") && !document.contains("Code"), "{ending}: {document}");
    }
}

#[test]
fn opml_lists_every_feed() {
    let opml = opml::document(&site(), &[feed(Content::Full, Vec::new()).info]);
    let document = strict_xml(opml.as_bytes()).expect("well-formed");
    let outline = document.descendants().find(|node| node.has_tag_name("outline")).expect("an outline");
    assert_eq!(outline.attribute("xmlUrl"), Some("https://feeds.example.org/feeds/all.rss"));
    assert_eq!(outline.attribute("text"), Some("All & everything"));
}

#[test]
fn a_strict_reader_finds_nothing_to_say() {
    let now = at("2026-11-24T00:00:00Z");
    for content in [Content::Full, Content::Summary, Content::Headline] {
        for articles in [vec![awkward(), bare()], Vec::new()] {
            for format in FORMATS.iter().filter(|format| format.is_feed) {
                let bytes = (format.render)(&feed(content, articles.clone()), &site()).expect("a document");
                let url = site().topic("all", format.ending);
                let context = crate::validate::Context { content_type: Some(format.media_type), url: Some(&url), now };
                let report = crate::validate::validate(&bytes, &context);
                let told: Vec<_> =
                    report.findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.message)).collect();
                assert!(told.is_empty(), "{} {content:?}: {told:#?}", format.name);
                assert_eq!(report.entries, articles.len());
            }
        }
    }
}

#[test]
fn a_poisonous_article_is_left_out_and_the_feed_goes_on() {
    let poisonous = Article {
        id: ArticleId("tag:rahbarkisan.com,2026:poison".to_owned()),
        title: "A control \u{b} character".to_owned(),
        ..awkward()
    };
    let feed = feed(Content::Full, vec![awkward(), poisonous, bare()]);
    for ending in ["rss", "atom"] {
        let made = made(by_ending(ending).expect("a format"), &feed, &site()).expect("a document");
        assert_eq!(made.left_out.len(), 1, "{ending}");
        assert_eq!(made.left_out[0].0, "tag:rahbarkisan.com,2026:poison");
        let seen = (by_ending(ending).expect("a format").read_back)(&made.bytes).expect("readable");
        assert_eq!(seen.len(), 2, "{ending}");
    }
}
