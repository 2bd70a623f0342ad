use chrono::{TimeZone, Utc};

use super::*;

fn site() -> Site {
    Site {
        title: "Rahbar".into(),
        home: "https://news.example/".into(),
        public_url: "https://feeds.example".into(),
        language: "en".into(),
        timezone: chrono_tz::Asia::Karachi,
        contact: Some("editor@news.example".into()),
        rights: None,
        icon: None,
        hubs: vec![],
    }
}

fn world(language: &str) -> FeedInfo {
    let description = "What happens".into();
    FeedInfo { name: "world".into(), title: "World".into(), description, language: language.into() }
}

fn article() -> Article {
    let published = Utc.with_ymd_and_hms(2026, 11, 21, 9, 5, 0).unwrap();
    Article {
        id: crate::article::ArticleId("1".into()),
        sources: vec!["website".into()],
        link: Some("https://news.example/1".into()),
        title: "Headline".into(),
        summary: "In short".into(),
        html: "<p>Full text</p>".into(),
        authors: vec!["A. Writer".into()],
        sections: vec!["Politics".into()],
        tags: vec![],
        image: None,
        language: "en".into(),
        published,
        updated: published,
    }
}

fn feed_page(article: Article) -> String {
    feed(&site(), &world("en"), &[article]).unwrap()
}

#[test]
fn whatever_an_article_says_is_text() {
    let nasty = r#"<script>alert("1")</script>'&"#;
    let page = feed_page(Article {
        title: nasty.into(),
        summary: nasty.into(),
        authors: vec![nasty.into()],
        sections: vec![nasty.into()],
        language: r#"en" onload="x"#.into(),
        link: Some(r#"https://news.example/"onclick="x"#.into()),
        image: Some(Image {
            url: "https://news.example/1.jpg?a=1&b=\"".into(),
            alt: nasty.into(),
            width: Some(3),
            height: Some(2),
            mime: None,
            bytes: None,
        }),
        ..article()
    });
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains(r#"" onload="#) && !page.contains(r#""onclick="#), "{page}");
    assert!(page.contains(r#"width="3" height="2" loading="lazy""#), "{page}");
    assert!(!page.contains("Full text"), "the summary is enough");
}

#[test]
fn only_web_addresses_become_links() {
    let refused =
        ["javascript:alert(1)", " JavaScript://x/%0Aalert(1)", "data:text/html,x", "ftp://x/", "//x/", "https://", ""];
    for address in refused {
        assert_eq!(web_link(address), None, "{address}");
        let image =
            Image { url: address.into(), alt: String::new(), width: None, height: None, mime: None, bytes: None };
        let page = feed_page(Article { link: Some(address.into()), image: Some(image), ..article() });
        assert!(page.contains("<h3>Headline</h3>") && !page.contains("<img"), "{address}");
    }
    assert!(feed_page(article()).contains(r#"<h3><a href="https://news.example/1">Headline</a></h3>"#));
    assert_eq!(web_link("HTTP://x/"), Some("HTTP://x/"));
    assert_eq!(contact_link("editor@news.example").as_deref(), Some("mailto:editor@news.example"));
    assert_eq!(contact_link("editor@news.example?bcc=x"), None);
    assert_eq!(contact_link("the editor"), None);
}

#[test]
fn each_feed_is_offered_in_each_format() {
    let feeds = [world("en"), FeedInfo { name: "urdu".into(), title: "A & B".into(), ..world("ur") }];
    let front = home(&site(), &feeds).unwrap();
    let one = feed(&site(), &feeds[0], &[]).unwrap();
    for (name, ending, mime) in [
        ("RSS", "rss", "application/rss+xml"),
        ("Atom", "atom", "application/atom+xml"),
        ("JSON Feed", "json", "application/feed+json"),
    ] {
        let alternate = |title: &str, feed: &str| {
            let href = format!("https://feeds.example/feeds/{feed}.{ending}");
            format!(r#"<link rel="alternate" type="{mime}" title="{title} ({name})" href="{href}">"#)
        };
        assert!(
            front.contains(&alternate("World", "world")) && front.contains(&alternate("A &#38; B", "urdu")),
            "{front}"
        );
        assert!(one.contains(&alternate("World", "world")), "{one}");
        let copied = one.replace("<wbr>", "");
        assert!(copied.contains(&format!(">https://feeds.example/feeds/world.{ending}</code>")), "{one}");
    }
    assert_eq!(one.matches(r#"rel="alternate""#).count(), 3);
    assert!(one.contains(r#"<link rel="canonical" href="https://feeds.example/feeds/world">"#));
    assert!(one.contains(r#"<meta name="description" content="What happens">"#));
    assert_eq!(front.matches(r#"href="https://feeds.example/feeds.opml""#).count(), 1);
}

#[test]
fn urdu_is_set_from_right_to_left_in_its_own_words() {
    let page = feed(&site(), &world("ur-PK"), &[Article { language: "ur".into(), ..article() }]).unwrap();
    assert!(page.contains(r#"<html lang="ur-PK" dir="rtl">"#), "{page}");
    assert!(page.contains("تازہ ترین مضامین") && page.contains("21 نومبر 2026، 14:05"), "{page}");
    assert!(page.contains(r#"<article lang="ur" dir="rtl">"#), "{page}");
}

#[test]
fn each_article_keeps_its_own_language() {
    let page = feed_page(Article { language: "ar".into(), ..article() });
    assert!(
        page.contains(r#"<html lang="en" dir="ltr">"#) && page.contains(r#"<article lang="ar" dir="rtl">"#),
        "{page}"
    );
    let page = feed_page(Article { language: "und".into(), ..article() });
    assert!(page.contains(r#"<article lang="und" dir="auto">"#), "{page}");
    let page = feed(&site(), &world("fr"), &[]).unwrap();
    assert!(
        page.contains(r#"<html lang="fr" dir="ltr">"#) && page.contains(r#"<h2 id="latest" lang="en" dir="ltr">"#),
        "{page}"
    );
}

#[test]
fn dates_are_those_of_the_newsroom() {
    let page = feed_page(article());
    assert!(
        page.contains(
            r#"<time datetime="2026-11-21T14:05:00+05:00" lang="en" dir="ltr">21 November 2026, 14:05</time>"#
        )
    );
    assert!(!page.contains("Updated"), "seconds are not an update");
    let page = feed_page(Article { updated: article().published + chrono::TimeDelta::hours(12), ..article() });
    assert!(page.contains("22 November 2026, 02:05"), "{page}");
}

#[test]
fn the_latest_twenty_are_enough_and_none_is_said_kindly() {
    let page = feed(&site(), &world("en"), &vec![article(); 25]).unwrap();
    assert_eq!(page.matches("<article").count(), LATEST);
    assert!(feed(&site(), &world("en"), &[]).unwrap().contains("Nothing has been published here yet."));
    assert!(home(&site(), &[]).unwrap().contains("There are no feeds here yet."));
    assert!(feed_page(Article { title: " ".into(), ..article() }).contains(">Untitled</a>"));
}

#[test]
fn programs_learn_of_the_hubs() {
    assert!(!feed_page(article()).contains("WebSub"));
    let hubs = vec!["https://feeds.example/hub".into(), "https://other.example/".into()];
    let site = Site { hubs, ..site() };
    let page = feed(&site, &world("en"), &[]).unwrap();
    assert!(page.contains("WebSub") && page.contains(">https://other<wbr>.example<wbr>/</code>"), "{page}");
    let page = hub(&site).unwrap();
    assert!(
        page.contains("Other hubs")
            && page.contains(r#"<code class="copy">https://feeds<wbr>.example<wbr>/hub</code>"#),
        "{page}"
    );
    assert_eq!(page.matches("https://other").count(), 1);
}

#[test]
fn pages_stand_alone() {
    let site = site();
    let feeds = [world("en")];
    let pages = [
        home(&site, &feeds),
        feed(&site, &feeds[0], &[article()]),
        hub(&site),
        message(&site, "Not <here>", "Sorry & thanks"),
    ];
    for page in pages.map(Result::unwrap) {
        assert!(page.starts_with("<!doctype html>"), "{page}");
        assert!(!page.contains("<script") && !page.contains("@import") && !page.contains("url("), "{page}");
        assert!(!page.contains(r#"rel="stylesheet""#) && !page.contains(" style="), "{page}");
    }
    let page = message(&site, "Not <here>", "Sorry & thanks").unwrap();
    assert!(page.contains(">Not &#60;here&#62;</h1>") && page.contains("Sorry &#38; thanks"), "{page}");
}
