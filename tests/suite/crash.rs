//! Killed at any instant, nothing is lost and nothing comes twice.

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::harness::{Newsroom, eventually};
use crate::wordpress::WordPress;

const POSTS: usize = 600;

#[test]
fn a_backfill_that_is_killed_again_and_again_still_brings_each_post_once() {
    let site = WordPress::start();
    for number in 1..=POSTS {
        site.publish(&format!("Post {number}"), "<p>Text.</p>");
    }
    let newsroom = Newsroom::new(&site.source());

    // While the third page is under way, the first is stored, and the second is stored or about to be.
    site.hold_after(2);
    killed_when(&newsroom, || site.is_waited_for());
    site.let_go();
    let stored = newsroom.status()["articles"].as_u64().expect("a count");
    assert!(
        stored == 100 || stored == 200,
        "{stored}: a page is asked for while the one before is stored, and no sooner"
    );

    // When it asks for another, wherever that finds the process: before, in or after the transaction of the one before.
    let mut stored = stored;
    for _ in 0..2 {
        let listings = site.listings() + 2;
        site.hold_after(2);
        killed_when(&newsroom, || eventually("two more", || (site.listings() >= listings).then_some(())));
        site.let_go();
        let before = std::mem::replace(&mut stored, newsroom.status()["articles"].as_u64().expect("a count"));
        assert!(
            (before..=before + 200).contains(&stored) && stored.is_multiple_of(100),
            "half a page is stored: {stored}"
        );
    }

    let [new, corrected, withdrawn, _, rejected] = newsroom.pull("website");
    assert_eq!([new + stored, corrected, withdrawn, rejected], [600, 0, 0, 0]);
    let items = newsroom.exported_items();
    let different = |key: &str| items.iter().map(|item| item[key].to_string()).collect::<BTreeSet<_>>().len();
    assert_eq!([items.len(), different("id"), different("title"), different("url")], [POSTS; 4]);
}

#[test]
fn a_server_that_is_killed_in_a_backfill_goes_on_where_it_was() {
    let site = WordPress::start();
    for number in 1..=250 {
        site.publish(&format!("Post {number}"), "<p>Text.</p>");
    }
    let mut newsroom = Newsroom::new(&site.source());
    site.hold_after(2);
    newsroom.serve();
    site.is_waited_for();
    newsroom.kill();
    site.let_go();
    newsroom.serve();
    let titles = eventually("all posts are shown", || Some(newsroom.titles()).filter(|titles| titles.len() >= 250));
    assert_eq!(titles.len(), titles.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(newsroom.status()["articles"], 250);
}

/// Starts a pull, and ends it with SIGKILL when `the_time_has_come`.
fn killed_when(newsroom: &Newsroom, the_time_has_come: impl FnOnce()) {
    let mut pull = newsroom.command(&["pull"]);
    let mut pull = pull.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the pull starts");
    the_time_has_come();
    pull.kill().expect("it was still at work");
    let status = pull.wait().expect("its end");
    assert_eq!(status.code(), None, "a signal ended it");
}
