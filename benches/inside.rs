//! What is inside one process: rendering against the crates alone, compressing, normalising, storing and claiming; the last two
//! on SQLite, and on PostgreSQL where one can be had.
//!
//! `cargo bench --bench inside`. Each pair of lines is a ratio: `render/rss/courant` against `render/rss/crate`, which writes the
//! same model, ready-made.

#[path = "../tests/suite/postgres.rs"]
#[allow(dead_code, reason = "the suite stops its servers, too")]
#[allow(clippy::disallowed_methods, reason = "a benchmark is outside the rooms")]
mod postgres;

use std::collections::{BTreeMap, HashSet};
use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use courant::article::{Article, ArticleId, Image, Item, SourceKey, Text};
use courant::document;
use courant::feed::{Content, FeedInfo, Site, Snapshot};
use courant::format::by_ending;
use courant::normalize::{HouseStyle, draft};
use courant::store::{Batch, Query, Rendered, Store, Topic};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ARTICLES: usize = 50;

/// Deliveries that are claimed at once.
const CLAIMS: usize = 500;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default() + TimeDelta::hours(hours)
}

/// About 5 KB of HTML, as a newsroom's articles have.
fn html(number: usize) -> String {
    let words = ["river", "council", "harvest", "minister", "market", "border", "budget", "cotton", "wheat", "village"];
    let paragraph = |p: usize| {
        let text: Vec<&str> = (0..75).map(|word| words[(number * 7 + p * 3 + word * word) % words.len()]).collect();
        format!(
            "<p>{} — “quoted” &amp; reported, <a href=\"https://paper.example/{p}/\">there</a>.</p>\n",
            text.join(" ")
        )
    };
    (0..9).map(paragraph).collect()
}

fn article(number: usize) -> Article {
    Article {
        id: ArticleId(format!("tag:paper.example,2026-10-01:website/{number}")),
        link: Some(format!("https://paper.example/story-{number}/")),
        title: format!("Story number {number}: River & council’s day"),
        summary: "The council met by the river & talked of the harvest.".repeat(5),
        html: html(number),
        authors: vec!["Sana Qureshi".to_owned()],
        sections: vec!["World".to_owned()],
        tags: vec!["river".to_owned(), "news".to_owned()],
        image: Some(Image {
            url: format!("https://paper.example/{number}.jpg"),
            alt: "A river".to_owned(),
            width: Some(1280),
            height: Some(720),
            mime: Some("image/jpeg".to_owned()),
            bytes: Some(15_088),
        }),
        language: "en".to_owned(),
        sources: vec!["website".to_owned()],
        published: at(-i64::try_from(number).unwrap_or(0)),
        updated: at(-i64::try_from(number).unwrap_or(0)),
    }
}

fn snapshot() -> Snapshot {
    let info = FeedInfo {
        name: "all".to_owned(),
        title: "All".to_owned(),
        description: "Everything".to_owned(),
        language: "en".to_owned(),
    };
    Snapshot { info, content: Content::Full, articles: (0..ARTICLES).map(article).collect() }
}

fn site() -> Site {
    Site {
        title: "The Paper".to_owned(),
        home: "https://paper.example/".to_owned(),
        public_url: "https://feeds.paper.example".to_owned(),
        language: "en".to_owned(),
        timezone: chrono_tz::UTC,
        contact: None,
        rights: None,
        icon: None,
        hubs: vec!["https://feeds.paper.example/hub".to_owned()],
    }
}

fn render(criterion: &mut Criterion) {
    let (snapshot, site) = (snapshot(), site());
    let mut group = criterion.benchmark_group("render");
    for ending in ["rss", "atom", "json"] {
        let Some(format) = by_ending(ending) else { continue };
        let bytes = (format.render)(&snapshot, &site).unwrap_or_default();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("{ending}/courant"), |bench| {
            bench.iter(|| (format.render)(black_box(&snapshot), &site))
        });
        group.bench_function(format!("{ending}/read back"), |bench| {
            bench.iter(|| (format.read_back)(black_box(&bytes)))
        });
        match ending {
            "rss" => {
                let model = rss::Channel::read_from(&bytes[..]).unwrap_or_default();
                group.bench_function("rss/crate", |bench| bench.iter(|| black_box(&model).write_to(Vec::new())));
            }
            "atom" => {
                let model = atom_syndication::Feed::read_from(&bytes[..]).unwrap_or_default();
                group.bench_function("atom/crate", |bench| bench.iter(|| black_box(&model).write_to(Vec::new())));
            }
            _ => {
                let model: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
                group.bench_function("json/crate", |bench| bench.iter(|| serde_json::to_vec(black_box(&model))));
            }
        }
    }
    group.finish();
}

fn compress(criterion: &mut Criterion) {
    let bytes = by_ending("rss").and_then(|format| (format.render)(&snapshot(), &site()).ok()).unwrap_or_default();
    let mut group = criterion.benchmark_group("compress");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(20);
    group.bench_function("at once (gzip)", |bench| bench.iter(|| document::fresh(black_box(bytes.clone()))));
    group.bench_function("right after (br, zstd)", |bench| bench.iter(|| document::smaller(black_box(&bytes))));
    group.finish();
}

fn item(number: usize) -> Item {
    let article = article(number);
    Item {
        link: article.link,
        content: Some(Text::Html(article.html)),
        authors: article.authors,
        sections: article.sections,
        tags: article.tags,
        published: Some(article.published),
        ..Item::new(SourceKey(number.to_string()), Text::Html(article.title))
    }
}

fn pipeline(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let house = HouseStyle {
        source: "website".to_owned(),
        home: "https://paper.example/".parse().expect("an address"),
        language: "en".to_owned(),
        keep_ids: false,
    };
    let mut group = criterion.benchmark_group("pipeline");
    group.sample_size(10);
    group.throughput(Throughput::Elements(1));
    let sample = item(7);
    group.bench_function("normalise one", |bench| bench.iter(|| draft(black_box(sample.clone()), &house, at(9000))));

    group.finish();

    let dir = tempfile::tempdir().expect("a directory");
    let postgres = postgres::Database::new(true);
    let urls = [Some(("sqlite", format!("sqlite:{}/b.db", dir.path().display())))];
    for (name, url) in
        urls.into_iter().chain([postgres.as_ref().map(|database| ("postgres", database.url()))]).flatten()
    {
        let store = runtime.block_on(desk(&url));
        stored(criterion, &runtime, name, &store, &house);
        claimed(criterion, &runtime, name, &store);
        runtime.block_on(store.close());
    }
}

/// A store with a source, and a feed that many hubs are to be told of.
async fn desk(url: &str) -> Store {
    let store = Store::open(url).await.expect("a store");
    store.register(&[("website", "1")], at(0)).await.expect("registered");
    let topic = Topic { feed: "all".to_owned(), format: "rss".to_owned() };
    store.configure(&[(topic.clone(), "1".to_owned())], &BTreeMap::new()).await.expect("configured");
    let hubs: Vec<String> = (0..20 * CLAIMS).map(|number| format!("https://hub.example/{number}")).collect();
    store.configure_hubs(&hubs, &[topic], at(0)).await.expect("configured");
    let behind = store.behind().await.expect("behind").remove(0);
    let rendered = Rendered { behind, document: Some(document::fresh(b"a document".to_vec())), error: None };
    store.publish(vec![rendered], at(0)).await.expect("published");
    store
}

/// The way of a batch into the database, and of a feed's articles out of it.
fn stored(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &Store, house: &HouseStyle) {
    let mut group = criterion.benchmark_group(format!("store/{name}"));
    group.sample_size(10);
    let mut number = 0;
    group.throughput(Throughput::Elements(100));
    group.bench_function("normalise and store 100", |bench| {
        bench.iter(|| {
            let drafts =
                (number..number + 100).filter_map(|number| draft(item(number), house, at(9000)).ok()).collect();
            number += 100;
            runtime.block_on(async {
                let by = number.to_string();
                let claim = store.claim("website", at(9000), at(9000), &by).await.ok().flatten().expect("a claim");
                let batch = Batch {
                    drafts,
                    gone: Vec::new(),
                    cursor: None,
                    precedence: 10,
                    sources: HashSet::from(["website".to_owned()]),
                };
                store.save(&claim, batch, at(9000), at(9000), &|_, _| Vec::new()).await.expect("saved")
            })
        });
    });
    group.throughput(Throughput::Elements(50));
    group.bench_function("select 50", |bench| {
        let query = Query { all_of: vec![vec!["section:world".to_owned()]], limit: 50, ..Query::default() };
        bench.iter(|| runtime.block_on(store.select(black_box(&query))));
    });
    group.finish();
}

/// Claims, each taken and given back.
fn claimed(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &Store) {
    let mut group = criterion.benchmark_group(format!("claim/{name}"));
    group.sample_size(20).throughput(Throughput::Elements(1));
    group.bench_function("a source", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                let claim = store.claim("website", at(9001), at(9002), "b").await.ok().flatten().expect("a claim");
                store.release_claim(&claim).await.expect("released");
            })
        });
    });
    group.throughput(Throughput::Elements(CLAIMS as u64));
    group.bench_function(format!("{CLAIMS} deliveries"), |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                let owed = store.claim_owed(CLAIMS as i64, at(9001), at(9002), "b").await.expect("claimed");
                assert_eq!(owed.len(), CLAIMS);
                store.release_claims("b").await.expect("released");
            })
        });
    });
    group.finish();
}

criterion_group!(inside, render, compress, pipeline);
criterion_main!(inside);
