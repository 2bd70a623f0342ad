use chrono::TimeZone;

use super::*;

fn house() -> HouseStyle {
    HouseStyle {
        source: "website".to_owned(),
        home: Url::parse("https://rahbarkisan.com/wp/").expect("a test's own URL"),
        language: "en".to_owned(),
        keep_ids: false,
    }
}

fn seen() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 24, 10, 0, 0).single().expect("a test's own date")
}

fn item() -> Item {
    Item {
        link: Some("https://rahbarkisan.com/wp/rain/".to_owned()),
        content: Some(Text::Html("<p>It rained.</p>".to_owned())),
        published: Some(seen() - TimeDelta::days(1)),
        ..Item::new(SourceKey("7".to_owned()), Text::Html("Rain &amp; wind".to_owned()))
    }
}

fn article(item: Item) -> Article {
    draft(item, &house(), seen()).expect("an article").article
}

#[test]
fn an_id_is_made_of_what_lasts() {
    assert_eq!(article(item()).id.0, "tag:rahbarkisan.com,2026-11-23:website/7");
    let strange = Item { key: SourceKey("https://x.example/?p=7&a=ä".to_owned()), ..item() };
    assert!(
        article(strange)
            .id
            .0
            .strip_prefix("tag:rahbarkisan.com,2026-11-23:website/")
            .is_some_and(|name| name.len() == 20)
    );
}

#[test]
fn a_newsroom_that_moves_keeps_its_ids() {
    let house = HouseStyle { keep_ids: true, ..house() };
    let keep = |guid: &str| {
        draft(Item { guid: Some(guid.to_owned()), ..item() }, &house, seen()).expect("an article").article.id.0
    };
    assert_eq!(keep("https://rahbarkisan.com/wp/?p=7"), "https://rahbarkisan.com/wp/?p=7");
    assert_eq!(keep("just words"), "tag:rahbarkisan.com,2026-11-23:website/7");
}

#[test]
fn dates_make_sense() {
    let early = Item { updated: Some(seen() - TimeDelta::days(9)), ..item() };
    assert_eq!(article(early).updated, seen() - TimeDelta::days(1), "never before the publication");
    let ahead = Item { updated: Some(seen() + TimeDelta::days(9)), ..item() };
    assert_eq!(article(ahead).updated, seen() - TimeDelta::days(1), "never ahead of us");
    let undated = draft(Item { published: None, ..item() }, &house(), seen()).expect("an article");
    assert!(!undated.dated && undated.article.published == seen());
}

#[test]
fn a_post_without_a_title_is_called_by_its_first_words() {
    let untitled = Item { title: Text::Html(String::new()), ..item() };
    assert_eq!(article(untitled).title, "It rained.");
}

#[test]
fn nothing_at_all_is_no_article() {
    let empty = Item { title: Text::Html(" ".to_owned()), content: None, ..item() };
    assert_eq!(draft(empty, &house(), seen()).err(), Some(Rejected::Empty));
    let long = Item { title: Text::Html("x".repeat(100_000)), ..item() };
    assert_eq!(draft(long, &house(), seen()).err(), Some(Rejected::LongTitle));
}

#[test]
fn urdu_text_tells_readers_its_direction() {
    let urdu = Item { language: Some("ur".to_owned()), ..item() };
    assert_eq!(article(urdu).html, "<div dir=\"rtl\" lang=\"ur\"><p>It rained.</p></div>");
}
