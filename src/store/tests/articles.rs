//! The life of an article, and who selects it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::article::term;

on_both![
    an_article_goes_through_its_life_with_one_id,
    updated_never_goes_back,
    the_website_wins_over_the_edition_that_came_first,
    the_website_wins_over_the_edition_that_came_later,
    what_the_website_takes_back_does_not_come_back_by_the_edition,
    the_articles_of_a_source_that_was_renamed_go_on_under_its_new_name,
    two_posts_of_one_source_stay_two_even_if_one_takes_the_others_address,
    a_key_that_stood_in_is_taken_over_by_the_real_one,
    a_late_worker_writes_nothing,
    an_article_from_tomorrow_waits_for_its_hour,
    a_change_makes_topics_owe_and_publishing_pays_up_to_what_was_seen,
];

async fn an_article_goes_through_its_life_with_one_id(on: On) {
    let desk = Desk::new(on).await;
    assert_eq!(desk.save(10, vec![draft("7", "Rain")], &[]).await, [Outcome::New]);
    let first = desk.shown().await.remove(0);

    assert_eq!(desk.save(20, vec![draft("7", "Rain")], &[]).await, [Outcome::Unchanged]);
    assert_eq!(desk.shown().await, std::slice::from_ref(&first), "a re-save without a change is no change");

    let mut edited = draft("7", "Heavy rain");
    edited.article.link = Some("https://paper.example/heavy-rain/".to_owned());
    edited.article.id = ArticleId("tag:paper.example,2026:another".to_owned());
    edited.article.updated = at(25);
    assert_eq!(desk.save(30, vec![edited.clone()], &[]).await, [Outcome::Corrected]);
    let second = desk.shown().await.remove(0);
    assert_eq!((&second.id, second.title.as_str(), second.updated), (&first.id, "Heavy rain", at(25)));

    assert_eq!(desk.save(40, Vec::new(), &["7"]).await, [Outcome::Withdrawn]);
    assert!(desk.shown().await.is_empty());
    assert_eq!(desk.save(45, Vec::new(), &["7"]).await, [], "it is away already");

    assert_eq!(desk.save(50, vec![edited], &[]).await, [Outcome::Corrected], "it came back");
    let third = desk.shown().await.remove(0);
    assert_eq!((third.id, third.updated.timestamp()), (first.id, at(50).timestamp()));
}

async fn updated_never_goes_back(on: On) {
    let desk = Desk::new(on).await;
    let mut late = draft("7", "Rain");
    late.article.updated = at(500);
    desk.save(1000, vec![late], &[]).await;
    let mut early = draft("7", "Heavy rain");
    early.article.updated = at(100);
    desk.save(2000, vec![early], &[]).await;
    assert_eq!(desk.shown().await[0].updated, at(2000), "the source's own time is older than what readers saw");
}

async fn the_website_wins_over_the_edition_that_came_first(on: On) {
    let desk = Desk::new(on).await;
    assert_eq!(desk.save_of("edition", EDITION, 10, vec![printed()], &[]).await, [Outcome::New]);
    assert_eq!(desk.save(20, vec![draft("7", "Rain")], &[]).await, [Outcome::Corrected]);
    shows_one_of_both(&desk).await;
}

async fn the_website_wins_over_the_edition_that_came_later(on: On) {
    let desk = Desk::new(on).await;
    assert_eq!(desk.save(10, vec![draft("7", "Rain")], &[]).await, [Outcome::New]);
    assert_eq!(desk.save_of("edition", EDITION, 20, vec![printed()], &[]).await, [Outcome::Unchanged]);
    shows_one_of_both(&desk).await;
}

/// An article of the website as the edition has it.
fn printed() -> Draft {
    let mut printed = draft("printed", "RAIN");
    printed.article.link = Some("http://www.paper.example/7".to_owned());
    printed.article.sources = vec!["edition".to_owned()];
    printed
}

async fn shows_one_of_both(desk: &Desk) {
    let shown = desk.shown().await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].title, "Rain");
    assert_eq!(shown[0].sources.iter().collect::<BTreeSet<_>>().len(), 2, "feeds may select it by either source");
}

async fn what_the_website_takes_back_does_not_come_back_by_the_edition(on: On) {
    let desk = Desk::new(on).await;
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    desk.save_of("edition", EDITION, 20, vec![printed()], &[]).await;
    assert_eq!(desk.save(30, Vec::new(), &["7"]).await, [Outcome::Withdrawn]);
    let mut again = printed();
    again.article.title = "RAIN, AND MORE OF IT".to_owned();
    assert_eq!(desk.save_of("edition", EDITION, 40, vec![again], &[]).await, [Outcome::Unchanged]);
    assert!(desk.shown().await.is_empty());
    assert_eq!(desk.save(50, vec![draft("7", "Rain")], &[]).await, [Outcome::Corrected]);
    assert_eq!(desk.save_of("edition", EDITION, 60, Vec::new(), &["printed"]).await, [Outcome::Unchanged]);
    assert_eq!(desk.shown().await.len(), 1, "the edition took back a text that is the website's");
}

async fn the_articles_of_a_source_that_was_renamed_go_on_under_its_new_name(on: On) {
    let desk = Desk::new(on).await;
    desk.save(5, vec![draft("6", "A mistake")], &[]).await;
    desk.save(6, Vec::new(), &["6"]).await;
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    let id = desk.shown().await[0].id.clone();
    let renamed = [("site", "1"), ("edition", "1")];
    desk.store.register(&renamed, at(20)).await.expect("registered");
    let claim = desk.claim("site", at(20)).await;
    let drafts = vec![draft("7", "Heavy rain")];
    let sources = renamed.map(|(name, _)| name.to_owned()).into();
    let batch = Batch { drafts, gone: Vec::new(), cursor: None, precedence: WEBSITE, sources };
    desk.store.save(&claim, batch, at(20), at(30), &|_, _| Vec::new()).await.expect("saved");
    let mut mistake = printed();
    mistake.article.link = article("6", "").link;
    assert_eq!(desk.save_of("edition", EDITION, 40, vec![mistake], &[]).await, [Outcome::Unchanged], "it stays away");
    let shown = desk.shown().await;
    assert_eq!((shown.len(), shown[0].title.as_str(), &shown[0].id), (1, "Heavy rain", &id));
}

async fn two_posts_of_one_source_stay_two_even_if_one_takes_the_others_address(on: On) {
    let desk = Desk::new(on).await;
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    let mut other = draft("8", "Sun");
    other.article.link = article("7", "").link;
    assert_eq!(desk.save(20, vec![other], &[]).await, [Outcome::New]);
    assert_eq!(desk.shown().await.len(), 2);
}

async fn a_key_that_stood_in_is_taken_over_by_the_real_one(on: On) {
    let desk = Desk::new(on).await;
    let mut by_feed = draft("7", "Rain");
    by_feed.key = SourceKey::stand_in("https://paper.example/7/");
    desk.save(10, vec![by_feed], &[]).await;
    assert_eq!(desk.save(20, vec![draft("7", "Rain")], &[]).await, [Outcome::Unchanged]);
    assert_eq!(desk.shown().await.len(), 1);
}

async fn a_late_worker_writes_nothing(on: On) {
    let desk = Desk::new(on).await;
    let late = desk.claim("website", at(0)).await;
    let now = at(60);
    let _taken_over = desk.claim("website", now).await;
    let batch = Batch {
        drafts: vec![draft("7", "Rain")],
        gone: Vec::new(),
        cursor: None,
        precedence: WEBSITE,
        sources: newsroom(),
    };
    let saved = desk.store.save(&late, batch, now, now, &|_, _| Vec::new()).await;
    assert!(matches!(saved, Err(StoreError::Fenced(_))));
    assert!(desk.store.finish(&late, now, now, Ok((None, true))).await.is_err());
    assert!(desk.shown().await.is_empty());
}

async fn an_article_from_tomorrow_waits_for_its_hour(on: On) {
    let desk = Desk::new(on).await;
    let mut tomorrow = draft("7", "Rain");
    tomorrow.article.published = at(1000);
    assert_eq!(desk.save(10, vec![tomorrow], &[]).await, [Outcome::New]);
    assert!(desk.shown().await.is_empty());
    assert_eq!(desk.store.next_release().await.expect("asked"), Some(at(1000)));
    assert_eq!(desk.store.release(at(999), &|_, _| Vec::new()).await.expect("released"), 0);
    assert_eq!(
        desk.store
            .release(at(1000), &|before, _| {
                assert!(before.is_none());
                Vec::new()
            })
            .await
            .expect("released"),
        1
    );
    assert_eq!(desk.shown().await.len(), 1);
}

async fn a_change_makes_topics_owe_and_publishing_pays_up_to_what_was_seen(on: On) {
    let desk = Desk::new(on).await;
    let paid = |owed: Vec<Behind>| -> Vec<Rendered> {
        owed.into_iter().map(|behind| Rendered { behind, document: None, error: None }).collect()
    };
    let behind = || async { desk.store.behind().await.expect("asked") };
    let owed = behind().await;
    assert_eq!(owed.len(), 1, "a new topic is behind");
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    desk.store.publish(paid(owed), at(0)).await.expect("published");
    assert_eq!(behind().await.len(), 1, "the change came after the look");
    desk.store.publish(paid(behind().await), at(0)).await.expect("published");
    assert!(behind().await.is_empty());
}

/// An article of few words, so that queries hit and miss.
fn any_article(number: usize) -> impl Strategy<Value = Article> {
    let word = proptest::sample::subsequence(vec!["north", "korea", "rain", "بارش"], 0..4);
    let names = |names: &[&'static str]| proptest::sample::subsequence(names.to_vec(), 0..=names.len());
    (
        word,
        names(&["World", "Sport"]),
        names(&["a", "b"]),
        names(&["Sana", "Bilal"]),
        0i64..20,
        proptest::sample::select(vec!["en", "en-PK", "ur"]),
    )
        .prop_map(move |(words, sections, tags, authors, published, language)| {
            let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
            Article {
                sections: owned(sections),
                tags: owned(tags),
                authors: owned(authors),
                language: language.to_owned(),
                published: at(published),
                updated: at(published + 100 - i64::try_from(number).unwrap_or(0)),
                ..article(&number.to_string(), &words.join(" "))
            }
        })
}

fn any_query() -> impl Strategy<Value = Query> {
    let terms = || {
        let all = vec![
            term::source("website"),
            term::section("world"),
            term::section("Sport"),
            term::tag("a"),
            term::author("SANA"),
            term::language("en"),
            term::language("ur"),
            term::tag("none"),
        ];
        proptest::sample::subsequence(all, 0..3)
    };
    let search = || proptest::option::of(proptest::sample::select(vec!["north korea", "RAIN", "بارش", "nothing"]));
    (terms(), terms(), terms(), search(), search(), any::<bool>(), 1u32..12).prop_map(
        |(one, two, none_of, search, not_search, updated, limit)| Query {
            all_of: [one, two].into_iter().filter(|list| !list.is_empty()).collect(),
            none_of,
            search: search.map(str::to_owned),
            not_search: not_search.map(str::to_owned),
            order: if updated { Order::Updated } else { Order::Published },
            limit,
        },
    )
}

/// The database and [`Query::selects`] are one rule: who a change concerns is who shows it.
async fn agree(on: On, articles: Vec<Article>, queries: Vec<Query>) {
    let desk = Desk::new(on).await;
    let drafts = articles
        .iter()
        .enumerate()
        .map(|(number, article)| Draft { article: article.clone(), ..draft(&number.to_string(), "") });
    desk.save(10_000, drafts.collect(), &[]).await;
    for query in queries {
        let mut expected: Vec<&Article> =
            articles.iter().filter(|article| query.selects(&Traits::of(article))).collect();
        let time =
            |article: &Article| if query.order == Order::Published { article.published } else { article.updated };
        // Of one time, the last one seen comes first.
        expected.reverse();
        expected.sort_by_key(|article| std::cmp::Reverse(time(article)));
        expected.truncate(query.limit as usize);
        let expected: Vec<&ArticleId> = expected.iter().map(|article| &article.id).collect();
        let selected = desk.store.select(&query).await.expect("selected");
        let selected: Vec<&ArticleId> = selected.iter().map(|article| &article.id).collect();
        assert_eq!(selected, expected, "{query:?}");
    }
}

/// Tries `agree` with as many cases on a database that is made anew for each.
fn try_to_agree(cases: u32, on: impl Fn() -> Option<On>) {
    let articles = (0..14usize).map(any_article).collect::<Vec<_>>();
    let queries = proptest::collection::vec(any_query(), 6);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    proptest!(ProptestConfig { cases, ..ProptestConfig::default() }, |(articles in articles, queries in queries)| {
        if let Some(on) = on() {
            runtime.block_on(agree(on, articles, queries));
        }
    });
}

#[test]
fn selecting_and_deciding_whom_a_change_concerns_agree_on_sqlite() {
    try_to_agree(48, || Some(On::sqlite()));
}

#[test]
fn selecting_and_deciding_whom_a_change_concerns_agree_on_postgres() {
    try_to_agree(8, On::postgres);
}
