//! The newsroom's webhook: pull now, for who knows the key.

use crate::harness::Newsroom;
use crate::wordpress::{Trouble, WordPress};

const KEY: &str = "a-key-of-more-than-thirty-two-letters";

fn with_key(site: &WordPress) -> Newsroom {
    Newsroom::new(&format!(
        "{}webhook_key = \"{KEY}\"\n\n[source.desk]\nkind = \"folder\"\npath = \".\"\n",
        site.source()
    ))
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

#[test]
fn the_right_key_brings_what_is_new_at_once() {
    let site = WordPress::start();
    let mut newsroom = with_key(&site);
    newsroom.pull("website");
    newsroom.serve();
    site.publish("Rain", "<p>Much of it.</p>");
    let answer = newsroom.ask("POST", "/sources/website/pull", &[("Authorization", &bearer(KEY))]);
    assert_eq!(answer.status, 202, "{}", answer.text());
    newsroom.shows(&["Rain"]);
}

#[test]
fn what_the_webhook_accepts_during_a_pull_is_not_forgotten_at_its_end() {
    let site = WordPress::start();
    let mut newsroom = with_key(&site);
    let rain = site.publish("Rain", "<p>Much of it.</p>");
    newsroom.pull("website");
    newsroom.serve();
    let told = || newsroom.ask("POST", "/sources/website/pull", &[("Authorization", &bearer(KEY))]).status;
    // Changes and arrivals are read; the count is held.
    site.hold_after(2);
    assert_eq!(told(), 202);
    site.is_waited_for();
    site.edit(rain, |post| post.title = "Heavy rain".to_owned());
    assert_eq!(told(), 202);
    site.let_go();
    newsroom.shows(&["Heavy rain"]);
}

#[test]
fn a_wrong_key_is_401_and_a_source_without_one_looks_like_none() {
    let site = WordPress::start();
    let mut newsroom = with_key(&site);
    newsroom.serve();
    let ask = |method: &str, source: &str, key: &str| {
        newsroom.ask(method, &format!("/sources/{source}/pull"), &[("Authorization", &bearer(key))])
    };
    for wrong in ["", "wrong", &KEY[1..], &format!("{KEY}x")] {
        let answer = ask("POST", "website", wrong);
        assert_eq!(answer.status, 401, "{wrong:?}");
        assert!(answer.must("www-authenticate").starts_with("Bearer"));
    }
    assert_eq!(newsroom.ask("POST", "/sources/website/pull", &[]).status, 401, "no key at all");
    assert_eq!(ask("POST", "desk", KEY).status, 404, "a source without a key");
    assert_eq!(ask("POST", "nobody", KEY).status, 404, "no source");
    let answer = ask("GET", "website", KEY);
    assert_eq!((answer.status, answer.must("allow")), (405, "POST"));
}

#[test]
fn a_server_that_is_stopped_in_the_middle_of_a_pull_ends_well_and_leaves_the_source_free() {
    let site = WordPress::start();
    let mut newsroom = with_key(&site);
    site.publish("Rain", "<p>Much of it.</p>");
    site.hold_after(0);
    newsroom.serve();
    site.is_waited_for();
    newsroom.stop_at_once();
    site.let_go();
    let status = newsroom.status();
    let website = status["sources"].as_array().expect("sources").iter().find(|source| source["name"] == "website");
    assert_eq!(website.map(|source| &source["pulling"]), Some(&false.into()), "{status}");
    assert_eq!(newsroom.pull("website"), [1, 0, 0, 0, 0]);
}

#[test]
fn a_pull_of_the_servers_own_that_fails_is_logged_and_counted() {
    let site = WordPress::start();
    let mut newsroom = with_key(&site);
    site.suffers(Trouble::Broken);
    newsroom.expect_log("answered 500");
    newsroom.serve();
    newsroom.logged("answered 500");
    assert_eq!(newsroom.ask("GET", "/readyz", &[]).status, 200);
    let metrics = newsroom.document("/metrics").text();
    assert!(metrics.contains("website"), "{metrics}");
}
