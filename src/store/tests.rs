use std::collections::{BTreeSet, HashSet};

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::article::{Article, ArticleId, Draft, SourceKey, term};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).expect("a date")
}

fn article(key: &str, title: &str) -> Article {
    Article {
        id: ArticleId(format!("tag:paper.example,2026:{key}")),
        link: Some(format!("https://paper.example/{key}/")),
        title: title.to_owned(),
        summary: String::new(),
        html: format!("<p>{title}</p>"),
        authors: vec!["Sana".to_owned()],
        sections: vec!["World".to_owned()],
        tags: Vec::new(),
        image: None,
        language: "en".to_owned(),
        sources: vec!["website".to_owned()],
        published: at(0),
        updated: at(0),
    }
}

fn draft(key: &str, title: &str) -> Draft {
    Draft { key: SourceKey(key.to_owned()), revision: None, dated: true, article: article(key, title) }
}

/// A store in a directory of its own, with one feed that takes everything.
struct Desk {
    store: Store,
    _dir: tempfile::TempDir,
}

/// The names of its sources.
fn newsroom() -> HashSet<String> {
    ["website", "edition"].map(str::to_owned).into()
}

const WEBSITE: i64 = 10;
const EDITION: i64 = 40;

impl Desk {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&format!("sqlite:{}/t.db", dir.path().display())).await.expect("a store");
        store.register(&[("website", "1"), ("edition", "1")], at(0)).await.expect("registered");
        let topic = Topic { feed: "all".to_owned(), format: "rss".to_owned() };
        store.configure(&[(topic, "1".to_owned())]).await.expect("configured");
        Self { store, _dir: dir }
    }

    async fn claim(&self, source: &str, now: DateTime<Utc>) -> Claim {
        let by = format!("{source} at {now}");
        let claim = self.store.claim(source, now, now + TimeDelta::seconds(10), &by).await.expect("asked");
        claim.expect("nobody holds it")
    }

    /// Saves a batch of a source at a time, and gives the outcomes with how many times the feed was touched.
    async fn save_of(
        &self,
        source: &str,
        precedence: i64,
        now: i64,
        drafts: Vec<Draft>,
        gone: &[&str],
    ) -> Vec<Outcome> {
        let now = at(now);
        let claim = self.claim(source, now).await;
        let gone = gone.iter().map(|key| SourceKey((*key).to_owned())).collect();
        let batch = Batch { drafts, gone, cursor: Some("c".to_owned()), precedence, sources: newsroom() };
        let saved = self
            .store
            .save(&claim, batch, now, now + TimeDelta::seconds(10), &|_, _| vec!["all".to_owned()])
            .await
            .expect("saved");
        self.store.finish(&claim, now, now, Ok((None, true))).await.expect("finished");
        saved.outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    async fn save(&self, now: i64, drafts: Vec<Draft>, gone: &[&str]) -> Vec<Outcome> {
        self.save_of("website", WEBSITE, now, drafts, gone).await
    }

    async fn shown(&self) -> Vec<Article> {
        self.store.select(&Query { limit: 100, ..Query::default() }).await.expect("selected")
    }
}

#[tokio::test]
async fn an_article_goes_through_its_life_with_one_id() {
    let desk = Desk::new().await;
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

#[tokio::test]
async fn updated_never_goes_back() {
    let desk = Desk::new().await;
    let mut late = draft("7", "Rain");
    late.article.updated = at(500);
    desk.save(1000, vec![late], &[]).await;
    let mut early = draft("7", "Heavy rain");
    early.article.updated = at(100);
    desk.save(2000, vec![early], &[]).await;
    assert_eq!(desk.shown().await[0].updated, at(2000), "the source's own time is older than what readers saw");
}

#[tokio::test]
async fn the_same_article_from_the_edition_and_the_website_is_one_and_the_website_wins() {
    for edition_first in [true, false] {
        let desk = Desk::new().await;
        let mut printed = draft("printed", "RAIN");
        printed.article.link = Some("http://www.paper.example/7".to_owned());
        printed.article.sources = vec!["edition".to_owned()];
        if edition_first {
            assert_eq!(desk.save_of("edition", EDITION, 10, vec![printed], &[]).await, [Outcome::New]);
            assert_eq!(desk.save(20, vec![draft("7", "Rain")], &[]).await, [Outcome::Corrected]);
        } else {
            assert_eq!(desk.save(10, vec![draft("7", "Rain")], &[]).await, [Outcome::New]);
            assert_eq!(desk.save_of("edition", EDITION, 20, vec![printed], &[]).await, [Outcome::Unchanged]);
        }
        let shown = desk.shown().await;
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].title, "Rain");
        assert_eq!(shown[0].sources.iter().collect::<BTreeSet<_>>().len(), 2, "feeds may select it by either source");
    }
}

#[tokio::test]
async fn what_the_website_takes_back_does_not_come_back_by_the_edition() {
    let desk = Desk::new().await;
    let mut printed = draft("printed", "Rain");
    printed.article.link = article("7", "").link;
    printed.article.sources = vec!["edition".to_owned()];
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    desk.save_of("edition", EDITION, 20, vec![printed.clone()], &[]).await;
    assert_eq!(desk.save(30, Vec::new(), &["7"]).await, [Outcome::Withdrawn]);
    printed.article.title = "Rain, printed again".to_owned();
    assert_eq!(desk.save_of("edition", EDITION, 40, vec![printed], &[]).await, [Outcome::Unchanged]);
    assert!(desk.shown().await.is_empty());
    assert_eq!(desk.save(50, vec![draft("7", "Rain")], &[]).await, [Outcome::Corrected]);
    assert_eq!(desk.save_of("edition", EDITION, 60, Vec::new(), &["printed"]).await, [Outcome::Unchanged]);
    assert_eq!(desk.shown().await.len(), 1, "the edition took back a text that is the website's");
}

#[tokio::test]
async fn the_articles_of_a_source_that_was_renamed_go_on_under_its_new_name() {
    let desk = Desk::new().await;
    let renamed = [("site", "1"), ("edition", "1")];
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    let id = desk.shown().await[0].id.clone();
    desk.store.register(&renamed, at(20)).await.expect("registered");
    let claim = desk.claim("site", at(20)).await;
    let drafts = vec![draft("7", "Heavy rain")];
    let sources = renamed.iter().map(|(name, _)| (*name).to_owned()).collect();
    let batch = Batch { drafts, gone: Vec::new(), cursor: None, precedence: WEBSITE, sources };
    desk.store.save(&claim, batch, at(20), at(30), &|_, _| Vec::new()).await.expect("saved");
    let shown = desk.shown().await;
    assert_eq!((shown.len(), shown[0].title.as_str(), &shown[0].id), (1, "Heavy rain", &id));
}

#[tokio::test]
async fn two_posts_of_one_source_stay_two_even_if_one_takes_the_others_address() {
    let desk = Desk::new().await;
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    let mut other = draft("8", "Sun");
    other.article.link = article("7", "").link;
    assert_eq!(desk.save(20, vec![other], &[]).await, [Outcome::New]);
    assert_eq!(desk.shown().await.len(), 2);
}

#[tokio::test]
async fn a_key_that_stood_in_is_taken_over_by_the_real_one() {
    let desk = Desk::new().await;
    let mut by_feed = draft("7", "Rain");
    by_feed.key = SourceKey::stand_in("https://paper.example/7/");
    desk.save(10, vec![by_feed], &[]).await;
    assert_eq!(desk.save(20, vec![draft("7", "Rain")], &[]).await, [Outcome::Unchanged]);
    assert_eq!(desk.shown().await.len(), 1);
}

#[tokio::test]
async fn a_late_worker_writes_nothing() {
    let desk = Desk::new().await;
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

#[tokio::test]
async fn an_article_from_tomorrow_waits_for_its_hour() {
    let desk = Desk::new().await;
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

#[tokio::test]
async fn a_change_makes_topics_owe_and_publishing_pays_up_to_what_was_seen() {
    let desk = Desk::new().await;
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// The database and [`Query::selects`] are one rule: who a change concerns is who shows it.
    #[test]
    fn selecting_and_deciding_whom_a_change_concerns_agree(articles in (0..14usize).map(any_article).collect::<Vec<_>>(), queries in proptest::collection::vec(any_query(), 6)) {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let desk = Desk::new().await;
            let drafts = articles.iter().enumerate().map(|(number, article)| Draft { article: article.clone(), ..draft(&number.to_string(), "") });
            desk.save(10_000, drafts.collect(), &[]).await;
            for query in queries {
                let mut expected: Vec<&Article> = articles.iter().filter(|article| query.selects(&Traits::of(article))).collect();
                let time = |article: &Article| if query.order == Order::Published { article.published } else { article.updated };
                // Of one time, the last one seen comes first.
                expected.reverse();
                expected.sort_by_key(|article| std::cmp::Reverse(time(article)));
                expected.truncate(query.limit as usize);
                let expected: Vec<&ArticleId> = expected.iter().map(|article| &article.id).collect();
                let selected = desk.store.select(&query).await.expect("selected");
                let selected: Vec<&ArticleId> = selected.iter().map(|article| &article.id).collect();
                assert_eq!(selected, expected, "{query:?}");
            }
        });
    }
}
