//! Requests, subscriptions, deliveries and upstreams, from their beginning to their end.

use super::*;

on_both![
    a_subscription_goes_through_its_life,
    the_newest_request_of_a_callback_counts,
    who_confirms_what_is_no_longer_published_is_told_so,
    a_lease_that_has_ended_is_forgotten_and_the_others_are_not,
    a_number_that_another_node_took_is_known_as_such,
    an_upstream_goes_through_its_life,
    what_is_published_is_told_with_all_that_belongs_to_it
];

fn intent(callback: &str, mode: Mode) -> Intent {
    Intent {
        num: 0,
        topic: topic(),
        address: "https://feeds.paper.example/feeds/all.rss".to_owned(),
        callback: callback.to_owned(),
        mode,
        secret: Some("s".to_owned()),
        lease: TimeDelta::days(1),
        given: 0,
        failures: 0,
    }
}

impl Desk {
    /// Renders the feed as this text.
    pub(super) async fn publish(&self, text: &str, now: DateTime<Utc>) -> Vec<(Topic, documents::Stored)> {
        self.store.want(&[topic()]).await.expect("wanted");
        let behind = self.store.behind().await.expect("behind").remove(0);
        let rendered = Rendered { behind, document: Some(fresh(text)), error: None };
        self.store.publish(vec![rendered], now).await.expect("published")
    }

    /// Subscribes a callback to the feed.
    pub(super) async fn subscribe(&self, callback: &str, now: DateTime<Utc>) {
        assert!(self.store.intend(&intent(callback, Mode::Subscribe), now).await.expect("taken"));
        for intent in self.store.claim_intents(10, now, now + TimeDelta::seconds(30), "v").await.expect("claimed") {
            self.store.confirmed(&intent, now).await.expect("confirmed");
        }
    }
}

pub(super) fn fresh(text: &str) -> Fresh {
    Fresh { etag: format!("tag of {text}"), plain: text.to_owned().into(), gzip: text.to_owned().into() }
}

async fn a_subscription_goes_through_its_life(on: On) {
    let desk = Desk::new(on).await;
    let store = &desk.store;
    let until = |now: DateTime<Utc>| now + TimeDelta::seconds(60);
    desk.subscribe("https://one.example/", at(0)).await;
    desk.subscribe("https://two.example/", at(0)).await;
    store.configure_hubs(&["https://hub.example/".to_owned()], &[topic()], at(0)).await.expect("configured");
    assert!(store.claim_owed(10, at(0), until(at(0)), "d").await.expect("claimed").is_empty(), "there is no document");
    let version = desk.publish("one", at(1)).await[0].1.version;

    assert_eq!(store.next_owed(at(1)).await.expect("asked"), Some(at(0)));
    let owed = store.claim_owed(10, at(1), until(at(1)), "d").await.expect("claimed");
    assert_eq!(owed.len(), 3);
    assert!(store.claim_owed(10, at(2), until(at(2)), "e").await.expect("claimed").is_empty(), "they are claimed");
    let result = |owed: &Owed| match owed.callback.as_str() {
        "https://one.example/" => Arrival::Arrived,
        "https://two.example/" => Arrival::Failed("answered 500".to_owned(), at(100)),
        _ => Arrival::Gone,
    };
    let deliveries: Vec<Delivered> = owed
        .into_iter()
        .map(|owed| Delivered { result: result(&owed), owed, version, latency: TimeDelta::milliseconds(7) })
        .collect();
    store.delivered("somebody else", &deliveries, at(2)).await.expect("noted");
    assert!(store.subscription_states(at(2)).await.expect("states").iter().all(|state| state.delivered == 0));
    store.delivered("d", &deliveries, at(2)).await.expect("noted");
    let states = store.subscription_states(at(2)).await.expect("states");
    let told: Vec<(&str, i64, i64, Option<&str>)> = states
        .iter()
        .map(|state| (state.callback.as_str(), state.behind, state.delivered, state.error.as_deref()))
        .collect();
    assert_eq!(told, [("https://one.example/", 0, 1, None), ("https://two.example/", 1, 0, Some("answered 500"))]);
    assert_eq!(store.next_owed(at(2)).await.expect("asked"), Some(at(100)));

    let again = store.claim_owed(10, at(100), until(at(100)), "d").await.expect("claimed");
    assert_eq!(
        again.iter().map(|owed| (owed.callback.as_str(), owed.failures)).collect::<Vec<_>>(),
        [("https://two.example/", 1)]
    );
    store.release_claims("d").await.expect("released");
    assert_eq!(store.claim_owed(10, at(101), until(at(101)), "e").await.expect("claimed").len(), 1);
    store.free_dead_claims(&|by| by == "e").await.expect("freed");
    assert_eq!(store.claim_owed(10, at(102), until(at(102)), "f").await.expect("claimed").len(), 1);

    assert_eq!(store.end_callback("https://two.example/").await.expect("ended"), 1);
    store.configure(&[], &BTreeMap::new()).await.expect("configured");
    store.end_orphans(at(200), &|topic| topic.feed.clone()).await.expect("ended");
    assert!(store.subscription_states(at(200)).await.expect("states").is_empty());
    let denied = store.claim_intents(10, at(200), until(at(200)), "v").await.expect("claimed");
    assert_eq!(denied.iter().map(|intent| intent.mode).collect::<Vec<_>>(), [Mode::Denied]);
}

async fn the_newest_request_of_a_callback_counts(on: On) {
    let desk = Desk::new(on).await;
    let (store, until) = (&desk.store, at(30));
    store.intend(&intent("https://one.example/", Mode::Subscribe), at(0)).await.expect("taken");
    let old = store.claim_intents(1, at(0), until, "v").await.expect("claimed").remove(0);
    assert_eq!(store.next_intent().await.expect("asked"), Some(until), "when the claim expires");
    store.intend(&intent("https://one.example/", Mode::Unsubscribe), at(1)).await.expect("taken");
    store.confirmed(&old, at(2)).await.expect("confirmed");
    assert!(store.subscription_states(at(2)).await.expect("states").is_empty(), "that was yesterday's");
    let new = store.claim_intents(1, at(2), until, "v").await.expect("claimed").remove(0);
    assert_eq!(new.mode, Mode::Unsubscribe);
    store.unconfirmed(&new, "v", Some(at(50))).await.expect("noted");
    let again = store.claim_intents(1, at(50), at(80), "v").await.expect("claimed").remove(0);
    assert_eq!(again.failures, 1);
    store.confirmed(&again, at(51)).await.expect("confirmed");
    assert_eq!(store.next_intent().await.expect("asked"), None);
}

async fn who_confirms_what_is_no_longer_published_is_told_so(on: On) {
    let desk = Desk::new(on).await;
    let store = &desk.store;
    store.intend(&intent("https://one.example/", Mode::Subscribe), at(0)).await.expect("taken");
    let asked = store.claim_intents(1, at(0), at(30), "v").await.expect("claimed").remove(0);
    store.configure(&[], &BTreeMap::new()).await.expect("configured");
    store.end_orphans(at(1), &|topic| topic.feed.clone()).await.expect("ended");
    store.confirmed(&asked, at(2)).await.expect("noted");
    assert!(store.subscription_states(at(2)).await.expect("states").is_empty());
    let denied = store.claim_intents(10, at(2), at(30), "v").await.expect("claimed");
    assert_eq!(denied.iter().map(|intent| intent.mode).collect::<Vec<_>>(), [Mode::Denied]);
}

async fn a_lease_that_has_ended_is_forgotten_and_the_others_are_not(on: On) {
    let desk = Desk::new(on).await;
    desk.subscribe("https://one.example/", at(0)).await;
    desk.subscribe("https://two.example/", at(10)).await;
    let lease = intent("https://one.example/", Mode::Subscribe).lease;
    desk.store.end_leases(at(0) + lease).await.expect("ended");
    let states = desk.store.subscription_states(at(0)).await.expect("states");
    assert_eq!(states.iter().map(|state| &*state.callback).collect::<Vec<_>>(), ["https://two.example/"]);
}

async fn a_number_that_another_node_took_is_known_as_such(on: On) {
    let desk = Desk::new(on).await;
    let other = desk.on.store().await;
    let [one, two] = ["https://one.example/", "https://two.example/"].map(|callback| intent(callback, Mode::Subscribe));
    assert!(desk.store.intend_as(7, &one, at(0)).await.expect("taken"));
    assert!(other.intend_as(7, &two, at(0)).await.expect_err("it is taken").is_clash(), "and another is tried");
    assert!(other.intend(&two, at(0)).await.expect("taken"));
}

async fn an_upstream_goes_through_its_life(on: On) {
    let desk = Desk::new(on).await;
    let store = &desk.store;
    let announce = async |hub: &str| store.announce("website", hub, "t", "key", "s", at(0)).await.expect("noted");
    assert!(announce("https://hub.example/").await);
    assert!(!announce("https://hub.example/").await, "it is known");
    let asked = store.claim_upstream("k2", at(1)).await.expect("claimed").expect("it is due");
    assert!(store.claim_upstream("k2", at(1)).await.expect("claimed").is_none(), "the hub has time to answer");
    store.upstream_failed(&asked, "answered 500", at(5), false).await.expect("noted");
    assert_eq!(store.next_upstream().await.expect("asked"), Some(at(5)));
    let again = store.claim_upstream("k3", at(5)).await.expect("claimed").expect("it is due");
    assert_eq!(again.failures, 2, "asked in vain so far");
    store.upstream_confirmed(&again, TimeDelta::days(1), at(6)).await.expect("noted");
    let known = store.upstream_at("key").await.expect("asked").expect("it is known");
    assert_eq!(known.lease_until, at(6) + TimeDelta::days(1));
    let renewed = store.claim_upstream("k4", known.lease_until).await.expect("claimed").expect("it is due");
    assert_eq!(renewed.key, "k4", "a renewal has a callback of its own");
    for key in ["key", "k4"] {
        assert!(store.upstream_at(key).await.expect("asked").is_some(), "until the old lease ends, {key} counts");
    }
    store.end_upstreams(&[], at(7)).await.expect("noted");
    let last = store.claim_upstream("k5", at(7)).await.expect("claimed").expect("it is due");
    assert!(!last.wanted);
    store.upstream_ended(&last).await.expect("noted");
    assert!(store.upstream("website").await.expect("asked").is_none());
}

async fn what_is_published_is_told_with_all_that_belongs_to_it(on: On) {
    let desk = Desk::new(on).await;
    let store = &desk.store;
    let published = desk.publish("one", at(1)).await.remove(0).1;
    let edition = |is_whole, bytes| Edition { topic: topic(), version: published.version, is_whole, bytes };
    let gzip = published.gzip.len() as u64;
    assert_eq!(store.editions().await.expect("editions"), [edition(false, 3 + gzip)]);
    let (of, etag, plain) = store.uncompressed().await.expect("asked").expect("it lacks encodings");
    assert_eq!((&of, plain.as_slice()), (&topic(), &b"one"[..]));
    store.compressed(&of, "another", b"x", b"x").await.expect("stored");
    assert!(store.uncompressed().await.expect("asked").is_some(), "the document has changed meanwhile");
    store.compressed(&of, &etag, b"br", b"zstd").await.expect("stored");
    assert_eq!(store.editions().await.expect("editions"), [edition(true, 3 + gzip + 6)]);
    let stored = store.document(&topic()).await.expect("asked").expect("it is there");
    assert_eq!(stored.zstd.as_deref(), Some(&b"zstd"[..]));
    let state = store.topic_states().await.expect("states").remove(0);
    assert_eq!((state.behind, state.bytes, state.last_modified), (0, 3, Some(at(1))));
    assert_eq!(store.article_counts().await.expect("counts"), (0, 0));
}
