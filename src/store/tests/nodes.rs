//! Several processes on one database: each test's stores are two nodes, or two commands beside a server.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::websub::fresh;
use super::*;

on_both![
    nodes_that_start_together_make_one_database,
    no_source_is_claimed_by_two,
    no_delivery_and_no_request_is_claimed_by_two,
    what_nodes_save_at_once_is_merged_as_if_one_came_after_the_other,
    nodes_that_render_one_topic_at_once_publish_one_document,
    a_late_rendering_changes_nothing,
    a_node_learns_what_another_has_written_and_not_what_it_wrote_itself
];

async fn nodes_that_start_together_make_one_database(on: On) {
    let on = Arc::new(on);
    let mut starting: JoinSet<Store> =
        (0..4).map(|_| Arc::clone(&on)).map(|on| async move { on.store().await }).collect();
    while let Some(store) = starting.join_next().await {
        store.expect("no panic").ping().await.expect("an answer");
    }
}

async fn no_source_is_claimed_by_two(on: On) {
    let desk = Desk::new(on).await;
    let names: Vec<String> = (0..40).map(|number| format!("source{number}")).collect();
    let sources: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    desk.store.register(&sources, at(0)).await.expect("registered");
    let nodes = [desk.store.clone(), desk.on.store().await];
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let (store, names) = (nodes[worker % 2].clone(), names.clone());
        workers.spawn(async move {
            let mut claimed = Vec::new();
            for turn in 0.. {
                let by = format!("{worker}-{turn}");
                let claim = store.claim_due(&names, at(0), at(60), &by).await.expect("asked");
                match claim {
                    Some(claim) => claimed.push(claim.source),
                    // All that is left is just being claimed by others, or nothing is left.
                    None => break,
                }
            }
            claimed
        });
    }
    let claimed: Vec<String> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), claimed.len(), "{claimed:?}");
    assert!(claimed.len() > 30, "most are claimed at once, and what is left is found in the next turn: {claimed:?}");
}

async fn no_delivery_and_no_request_is_claimed_by_two(on: On) {
    let desk = Desk::new(on).await;
    for number in 0..60 {
        desk.subscribe(&format!("https://{number}.example/"), at(0)).await;
    }
    desk.publish("one", at(1)).await;
    let nodes = [desk.store.clone(), desk.on.store().await];
    let mut workers = JoinSet::new();
    for worker in 0..6 {
        let store = nodes[worker % 2].clone();
        workers.spawn(async move {
            let mut nums = Vec::new();
            for turn in 0..10 {
                let by = format!("{worker}-{turn}");
                let owed = store.claim_owed(7, at(1), at(60), &by).await.expect("claimed");
                assert!(owed.len() <= 7, "no more than was asked for");
                nums.extend(owed.iter().map(|owed| owed.num));
            }
            nums
        });
    }
    let mut nums: Vec<i64> = workers.join_all().await.into_iter().flatten().collect();
    nums.sort_unstable();
    let count = nums.len();
    nums.dedup();
    assert_eq!((count, nums.len()), (60, 60), "each by one");
}

async fn what_nodes_save_at_once_is_merged_as_if_one_came_after_the_other(on: On) {
    let desk = Arc::new(Desk::new(on).await);
    let other = desk.on.store().await;
    let batch = |source: &str, precedence| {
        let draft = |number: i64| {
            let mut draft = draft(&format!("{source}-{number}"), "Rain");
            draft.article.link = Some(format!("https://paper.example/{number}/"));
            draft.article.id = ArticleId(format!("tag:paper.example,2026:{source}/{number}"));
            draft.article.sources = vec![source.to_owned()];
            draft
        };
        Batch { drafts: (0..100).map(draft).collect(), gone: Vec::new(), cursor: None, precedence, sources: newsroom() }
    };
    let save = async |store: Store, source: &str, precedence| {
        let claim = store.claim(source, at(0), at(60), source).await.expect("asked").expect("it is free");
        let batch = batch(source, precedence);
        store.save(&claim, batch, at(1), at(60), &|_, _| vec!["all".to_owned()]).await.expect("saved");
    };
    tokio::join!(save(desk.store.clone(), "website", WEBSITE), save(other, "edition", EDITION));
    let shown = desk.shown().await;
    assert_eq!(shown.len(), 100, "each article once");
    let moments: HashSet<DateTime<Utc>> = shown.iter().map(|article| article.updated).collect();
    assert_eq!(moments.len(), 100, "and told apart by its time");
    assert!(shown.iter().all(|article| article.sources.len() == 2), "with both its sources");
    assert_eq!(desk.store.behind().await.expect("behind")[0].wanted, 3, "no raise was lost");
}

async fn nodes_that_render_one_topic_at_once_publish_one_document(on: On) {
    let desk = Desk::new(on).await;
    let nodes = [desk.store.clone(), desk.on.store().await];
    let mut before = (0, DateTime::<Utc>::MIN_UTC);
    for turn in 0..10 {
        desk.store.want(&[topic()]).await.expect("wanted");
        // Both have looked before one has published.
        let behind = nodes[1].behind().await.expect("behind").remove(0);
        let rendered = Rendered { behind, document: Some(fresh(&format!("turn {turn}"))), error: None };
        let (one, two) =
            tokio::join!(nodes[0].publish(vec![rendered.clone()], at(1)), nodes[1].publish(vec![rendered], at(1)));
        assert_eq!(one.expect("published").len() + two.expect("published").len(), 1, "one of them was first");
        let one = nodes[0].document(&topic()).await.expect("asked").expect("it is there");
        let two = nodes[1].document(&topic()).await.expect("asked").expect("it is there");
        assert_eq!((one.version, &one.etag, one.last_modified), (two.version, &two.etag, two.last_modified));
        assert!((one.version, one.last_modified) > before && one.last_modified > before.1, "never back");
        before = (one.version, one.last_modified);
    }
}

async fn a_late_rendering_changes_nothing(on: On) {
    let desk = Desk::new(on).await;
    let other = desk.on.store().await;
    let early = other.behind().await.expect("behind").remove(0);
    desk.publish("new", at(1)).await;
    let late = Rendered { behind: early, document: Some(fresh("old")), error: None };
    assert!(other.publish(vec![late], at(2)).await.expect("published").is_empty());
    let stored = other.document(&topic()).await.expect("asked").expect("it is there");
    assert_eq!(&stored.plain[..], b"new");
}

async fn a_node_learns_what_another_has_written_and_not_what_it_wrote_itself(on: On) {
    let desk = Desk::new(on).await;
    let other = desk.on.store().await;
    let mut changes = other.changes().await.expect("a watch");
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    timeout(Duration::from_secs(3), changes.next()).await.expect("before it looks by itself").expect("a change");
    // What came in the same moment may be told once more.
    let _ = timeout(Duration::from_millis(600), changes.next()).await;
    other.want(&[topic()]).await.expect("wanted");
    assert!(timeout(Duration::from_millis(600), changes.next()).await.is_err(), "its own words");
}
