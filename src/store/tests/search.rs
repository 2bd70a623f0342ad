//! Words are found alike on both databases, and texts come back as they were.

use super::*;
use crate::article::words::words;
use crate::article::{Item, Text};

on_both![
    words_are_found_whatever_their_script_and_signs,
    an_enormous_article_is_stored_and_found,
    a_text_with_nul_is_stored_without_it,
    what_is_endless_is_stored,
    states_are_told_in_one_order
];

async fn found(desk: &Desk, search: &str) -> Vec<String> {
    let query = Query { search: Some(search.to_owned()), limit: 100, ..Query::default() };
    let by_index = desk.store.select(&query).await.expect("selected");
    // Together with a term, the words are looked up article by article.
    let query = Query { all_of: vec![vec!["section:world".to_owned()]], ..query };
    assert_eq!(by_index, desk.store.select(&query).await.expect("selected"), "{search}");
    let query = Query { search: None, not_search: Some(search.to_owned()), ..query };
    let others = desk.store.select(&query).await.expect("selected");
    assert_eq!(by_index.len() + others.len(), desk.shown().await.len(), "{search}");
    let mut titles: Vec<String> = by_index.into_iter().map(|article| article.title).collect();
    titles.sort_unstable();
    titles
}

async fn words_are_found_whatever_their_script_and_signs(on: On) {
    let desk = Desk::new(on).await;
    let titles = [
        "پاکستان میں بارش",
        "کسانوں کا اِحتجاج",
        "Café crème in São Paulo",
        "Cafe creme",
        "O'Brien’s \"quoted\" C:\\news\\rain",
        "2,000 tonnes & 3.5 %",
        "THE RUNNING of the runners: a | b !c (d) :* <-> e",
        "हिन्दी समाचार",
        "Straße in İstanbul",
    ];
    let drafts = titles.iter().enumerate().map(|(number, title)| draft(&number.to_string(), title)).collect();
    desk.save(10, drafts, &[]).await;
    for (search, expected) in [
        ("بارش", &[0][..]),
        ("میں پاکستان", &[0]),
        ("اِحتجاج", &[1]),
        ("احتجاج", &[]),
        ("cafe", &[3]),
        ("CAFÉ", &[2]),
        ("obriens", &[4]),
        ("O'Brien's", &[4]),
        ("C:\\news\\rain", &[4]),
        ("\"quoted\"", &[4]),
        ("quote", &[]),
        ("2,000", &[5]),
        ("000", &[5]),
        ("3.5", &[5]),
        ("the running", &[6]),
        ("run", &[]),
        ("a | b & !c (d) :* <-> e", &[6]),
        ("समाचार", &[7]),
        ("straße", &[8]),
        ("strasse", &[]),
        ("İstanbul", &[8]),
        ("'", &[]),
        ("nothing", &[]),
    ] {
        let mut expected: Vec<&str> = expected.iter().map(|number| titles[*number]).collect();
        expected.sort_unstable();
        assert_eq!(found(&desk, search).await, expected, "{search} ({})", words(search));
    }
}

async fn an_enormous_article_is_stored_and_found(on: On) {
    let desk = Desk::new(on).await;
    let mut enormous = draft("7", "Rain");
    let many: Vec<String> = (0..300_000).map(|number| format!("word{number}")).collect();
    enormous.article.html = format!("<p>{} {}</p>", "x".repeat(5000), many.join(" "));
    assert_eq!(desk.save(10, vec![enormous.clone(), draft("8", "Sun")], &[]).await, [Outcome::New, Outcome::New]);
    assert_eq!(found(&desk, "rain word777").await, ["Rain"]);
    assert_eq!(found(&desk, &format!("rain {}", "y".repeat(5000))).await, [""; 0]);
    let shown = desk.shown().await;
    assert!(shown.iter().any(|article| article.html == enormous.article.html));
}

async fn a_text_with_nul_is_stored_without_it(on: On) {
    let desk = Desk::new(on).await;
    assert_eq!(desk.save(10, vec![draft("7", "Ra\0in")], &[]).await, [Outcome::New]);
    assert_eq!(desk.shown().await[0].title, "Rain");
    let claim = desk.claim("website", at(20)).await;
    desk.store.finish(&claim, at(20), at(30), Err("a \0 server".to_owned())).await.expect("finished");
    let states = desk.store.source_states(at(20)).await.expect("states");
    assert!(states.iter().any(|state| state.error.as_deref() == Some("a  server")));
    assert!(desk.store.upstream_at("\0").await.expect("asked").is_none());
}

/// Text that no compression shortens.
fn noise(length: usize) -> String {
    let numbers = std::iter::successors(Some(7u64), |last| Some(last.wrapping_mul(6_364_136_223_846_793_005) + 1));
    numbers.flat_map(|number| format!("{number:016x}").into_bytes()).map(char::from).take(length).collect()
}

async fn what_is_endless_is_stored(on: On) {
    let desk = Desk::new(on).await;
    let key = Item::new(SourceKey(noise(30_000)), Text::Plain(String::new())).key;
    let other = Item::new(SourceKey(format!("{}x", noise(30_000))), Text::Plain(String::new())).key;
    let mut endless = Draft { key, ..draft("7", &noise(30_000)) };
    endless.article.tags = vec![noise(30_000)];
    endless.article.link = Some(format!("https://paper.example/{}", noise(30_000)));
    assert_eq!(desk.save(10, vec![endless.clone()], &[]).await, [Outcome::New]);
    assert_eq!(desk.save(20, vec![endless.clone()], &[]).await, [Outcome::Unchanged]);
    endless.article.id = ArticleId("tag:paper.example,2026:other".to_owned());
    assert_eq!(desk.save(30, vec![Draft { key: other, ..endless }], &[]).await, [Outcome::New]);
    let longest = format!("https://one.example/{}", noise(2028));
    desk.subscribe(&longest, at(40)).await;
    assert_eq!(desk.store.subscription_states(at(40)).await.expect("states")[0].callback, longest);
}

async fn states_are_told_in_one_order(on: On) {
    let desk = Desk::new(on).await;
    let names = ["b", "B", "a-b", "ab", "a.b", "ä", "بارش"];
    let topics: Vec<(Topic, String)> =
        names.iter().map(|name| (Topic { feed: (*name).to_owned(), ..topic() }, "1".to_owned())).collect();
    desk.store.configure(&topics, &BTreeMap::new()).await.expect("configured");
    let sources: Vec<(&str, &str)> = names.iter().map(|name| (*name, "1")).collect();
    desk.store.register(&sources, at(0)).await.expect("registered");
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    let feeds: Vec<String> =
        desk.store.topic_states().await.expect("states").into_iter().map(|state| state.topic.feed).collect();
    assert_eq!(feeds, sorted);
    let feeds: Vec<String> =
        desk.store.behind().await.expect("behind").into_iter().map(|behind| behind.topic.feed).collect();
    assert_eq!(feeds, sorted);
    let states = desk.store.source_states(at(0)).await.expect("states");
    let known: Vec<&str> = states.iter().map(|state| state.name.as_str()).filter(|name| names.contains(name)).collect();
    assert_eq!(known, sorted);
}
