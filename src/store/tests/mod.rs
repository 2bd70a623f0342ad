//! What the store promises, held to it on both databases.

mod articles;
mod moves;
mod nodes;
mod search;
mod websub;

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;

use super::*;
use crate::article::{Article, ArticleId, Draft, SourceKey};

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

#[path = "../../../tests/suite/postgres.rs"]
#[allow(clippy::disallowed_methods, reason = "tests are outside the rooms")]
#[allow(dead_code, reason = "the suite stops its servers, too")]
mod postgres;

/// The topic of that feed.
fn topic() -> Topic {
    Topic { feed: "all".to_owned(), format: "rss".to_owned() }
}

/// A database that lasts as long as its test.
enum On {
    Sqlite(tempfile::TempDir),
    Postgres(postgres::Database),
}

impl On {
    fn sqlite() -> Self {
        On::Sqlite(tempfile::tempdir().expect("a directory"))
    }

    fn postgres() -> Option<Self> {
        postgres::Database::new(false).map(On::Postgres)
    }

    fn url(&self) -> String {
        match self {
            On::Sqlite(dir) => format!("sqlite:{}/t.db", dir.path().display()),
            On::Postgres(database) => database.url(),
        }
    }

    /// A store on it, as one more process has it.
    async fn store(&self) -> Store {
        Store::open(&self.url()).await.expect("a store")
    }
}

/// Each of these tests runs on both databases.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() {
                super::$test($crate::store::tests::On::sqlite()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() {
                if let Some(on) = $crate::store::tests::On::postgres() {
                    super::$test(on).await;
                }
            })*
        }
    };
}
use on_both;

/// A store with one feed that takes everything.
struct Desk {
    store: Store,
    on: On,
}

/// The names of its sources.
fn newsroom() -> HashSet<String> {
    ["website", "edition"].map(str::to_owned).into()
}

const WEBSITE: i64 = 10;
const EDITION: i64 = 40;

impl Desk {
    async fn new(on: On) -> Self {
        let store = on.store().await;
        store.register(&[("website", "1"), ("edition", "1")], at(0)).await.expect("registered");
        store.configure(&[(topic(), "1".to_owned())], &BTreeMap::new()).await.expect("configured");
        Self { store, on }
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
