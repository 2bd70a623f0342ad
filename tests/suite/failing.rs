//! A source that fails: readers see what they saw, the operator sees one clear line.

use crate::harness::{NEVER, Newsroom};
use crate::wordpress::{Trouble, WordPress};

/// A site with two posts that the newsroom has pulled, and a third change that only a good pull would see.
fn pulled(site: &WordPress) -> Newsroom {
    let newsroom = Newsroom::new(&site.source());
    let rain = site.publish("Rain", "<p>Much of it.</p>");
    site.publish("Cotton", "<p>Cheap.</p>");
    assert_eq!(newsroom.pull("website"), [2, 0, 0, 0, 0]);
    site.edit(rain, |post| post.status = "trash");
    newsroom
}

fn a_failure_changes_nothing(trouble: Trouble, told: &str) {
    let site = WordPress::start();
    let mut newsroom = pulled(&site);
    newsroom.serve();
    newsroom.shows(&["Cotton", "Rain"]);
    newsroom.settled();
    let seen = || ["rss", "atom", "json"].map(|format| newsroom.document(&format!("/feeds/all.{format}")));
    let before = seen();

    site.suffers(trouble.clone());
    let output = newsroom.run(&["pull"]);
    assert_eq!(output.status, 1, "{trouble:?}: {output:?}");
    let lines: Vec<&str> = output.stderr.lines().collect();
    let place = format!("http://{}/wp/", site.at);
    let [line] = lines[..] else { panic!("{trouble:?} is told in one line: {output:?}") };
    assert!(
        line.starts_with("website: failed: ") && line.contains(&place) && line.contains(told),
        "{trouble:?}: {line}"
    );

    newsroom.settled();
    for (before, after) in before.iter().zip(seen()) {
        assert!(before.body == after.body, "{trouble:?} changed a document");
        assert_eq!(before.field("etag"), after.field("etag"), "{trouble:?}");
        assert_eq!(before.field("last-modified"), after.field("last-modified"), "{trouble:?}");
    }
    let status = newsroom.status();
    assert_eq!(status["sources"][0]["failures"], 1, "{status}");
    assert!(status["sources"][0]["error"].as_str().is_some_and(|error| error.contains(told)), "{status}");

    site.suffers(Trouble::None);
    assert_eq!(
        newsroom.pull("website"),
        [0, 0, 1, 0, 0],
        "what happened meanwhile is caught up with after {trouble:?}"
    );
}

#[test]
fn a_site_that_answers_500_changes_nothing_that_readers_see() {
    a_failure_changes_nothing(Trouble::Broken, "answered 500");
}

#[test]
fn a_page_of_html_in_place_of_json_changes_nothing_that_readers_see() {
    a_failure_changes_nothing(Trouble::Html, "HTML, not JSON");
}

#[test]
fn a_site_that_hangs_up_changes_nothing_that_readers_see() {
    a_failure_changes_nothing(Trouble::Silent, "");
}

#[test]
fn an_answer_that_is_cut_off_changes_nothing_that_readers_see() {
    a_failure_changes_nothing(Trouble::CutOff, "");
}

#[test]
fn a_site_that_closes_rest_and_feed_changes_nothing_that_readers_see() {
    a_failure_changes_nothing(Trouble::AllClosed, "no open WordPress REST API here (answered 401)");
}

#[test]
fn a_malformed_post_is_left_out_alone_and_told() {
    let site = WordPress::start();
    let mut newsroom = Newsroom::new(&site.source());
    let rain = site.publish("Rain", "<p>Much of it.</p>");
    newsroom.pull("website");
    site.edit(rain, |post| post.malformed = true);
    site.publish("Cotton", "<p>Cheap.</p>");
    let output = newsroom.run(&["pull", "website", "--json"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(output.json()["sources"]["website"]["new"], 1, "{output:?}");
    assert_eq!(output.json()["sources"]["website"]["rejected"], 1, "{output:?}");
    assert!(output.stderr.starts_with(&format!("website: left out {rain}: ")), "{output:?}");
    newsroom.serve();
    newsroom.shows(&["Cotton", "Rain"]);
}

#[test]
fn one_failing_source_does_not_hold_up_another() {
    let site = WordPress::start();
    let desk = format!("[source.desk]\nkind = \"folder\"\npath = \"../articles\"\nschedule = \"{NEVER}\"\n");
    let mut newsroom = Newsroom::new(&format!("{}\n{desk}", site.source()));
    newsroom.article("Tea", "2025-06-01", "Hot.");
    site.suffers(Trouble::Broken);
    // The server pulls both by itself, because both are new.
    newsroom.expect_log("a pull failed");
    newsroom.serve();
    newsroom.shows(&["Tea"]);
    newsroom.logged("a pull failed");
}
