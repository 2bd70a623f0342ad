//! The life of an article: what a pull says became of it, and what readers see.

use crate::harness::{NEVER, Newsroom, counts, eventually};
use crate::wordpress::{Trouble, WordPress};

const EVERY_DOCUMENT: [&str; 4] = ["/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/feeds/all"];

#[test]
fn an_article_keeps_its_id_from_first_sight_to_restoration_and_every_pull_counts_exactly() {
    let site = WordPress::start();
    let mut newsroom = Newsroom::new(&site.source());
    let rain = site.publish("Rain", "<p>Much of it.</p>");
    assert_eq!(newsroom.pull("website"), [1, 0, 0, 0, 0]);
    newsroom.serve();
    newsroom.shows(&["Rain"]);
    let id = newsroom.items()[0]["id"].clone();

    site.publish("Cotton", "<p>Cheap.</p>");
    assert_eq!(newsroom.pull("website"), [1, 0, 0, 0, 0], "a new post");
    newsroom.shows(&["Cotton", "Rain"]);
    assert_eq!(newsroom.pull("website"), [0; 5], "nothing happened");

    let before = newsroom.items()[1].clone();
    site.edit(rain, |post| post.title = "Heavy rain".to_owned());
    assert_eq!(newsroom.pull("website"), [0, 1, 0, 0, 0], "an edit");
    newsroom.shows(&["Cotton", "Heavy rain"]);
    let edited = newsroom.items()[1].clone();
    assert_eq!(edited["id"], id);
    assert_eq!(edited["date_published"], before["date_published"]);
    assert!(edited["date_modified"].as_str() > before["date_modified"].as_str(), "{edited} after {before}");

    site.edit(rain, |post| {
        post.slug = "heavy-rain".to_owned();
        post.guid = Some("https://another.example/?p=1".to_owned());
    });
    assert_eq!(newsroom.pull("website"), [0, 1, 0, 0, 0], "another address, and a guid that a move has rewritten");
    eventually("the address changes", || {
        let moved = newsroom.items()[1]["url"].as_str().is_some_and(|url| url.ends_with("/wp/heavy-rain/"));
        moved.then_some(())
    });
    assert_eq!(newsroom.items()[1]["id"], id);

    newsroom.settled();
    let documents = EVERY_DOCUMENT.map(|path| newsroom.document(path).body);
    site.edit(rain, |_| {});
    assert_eq!(newsroom.pull("website"), [0, 0, 0, 1, 0], "a re-save without a change");
    newsroom.settled();
    assert!(documents == EVERY_DOCUMENT.map(|path| newsroom.document(path).body), "a re-save moved a document");

    site.edit(rain, |post| post.status = "trash");
    assert_eq!(newsroom.pull("website"), [0, 0, 1, 0, 0], "in the bin");
    newsroom.shows(&["Cotton"]);

    site.edit(rain, |post| post.status = "publish");
    assert_eq!(newsroom.pull("website"), [0, 1, 0, 0, 0], "out of the bin");
    newsroom.shows(&["Cotton", "Heavy rain"]);
    assert_eq!(newsroom.items()[1]["id"], id);
    assert_eq!(newsroom.status()["withdrawn"], 0);
}

#[test]
fn all_formats_tell_of_an_article_by_the_same_id() {
    let site = WordPress::start();
    let mut newsroom = Newsroom::new(&site.source());
    site.publish("Rain", "<p>Much of it.</p>");
    newsroom.pull("website");
    newsroom.serve();
    let id = newsroom.items()[0]["id"].as_str().expect("an id").to_owned();
    let rss = newsroom.document("/feeds/all.rss").text();
    assert!(rss.contains(&format!("<guid isPermaLink=\"false\">{id}</guid>")), "{id} in {rss}");
    let atom = newsroom.document("/feeds/all.atom").text();
    assert!(atom.contains(&format!("<id>{id}</id>")), "{id} in {atom}");
}

#[test]
fn what_is_protected_or_private_is_never_shown_and_goes_when_it_becomes_so() {
    let site = WordPress::start();
    let mut newsroom = Newsroom::new(&site.source());
    site.publish("Open", "<p>For all.</p>");
    let [later_protected, later_private] =
        ["Later behind a password", "Later private"].map(|title| site.publish(title, "<p>secret-soon</p>"));
    let [protected, private] = ["Password", "Private"].map(|title| site.publish(title, "<p>secret-now</p>"));
    site.edit(protected, |post| post.protected = true);
    site.edit(private, |post| post.status = "private");
    assert_eq!(newsroom.pull("website"), [3, 0, 0, 0, 0]);
    newsroom.serve();
    newsroom.shows(&["Later private", "Later behind a password", "Open"]);

    site.edit(later_protected, |post| post.protected = true);
    assert_eq!(newsroom.pull("website"), [0, 0, 1, 0, 0]);
    site.edit(later_private, |post| post.status = "private");
    assert_eq!(newsroom.pull("website"), [0, 0, 1, 0, 0]);
    newsroom.shows(&["Open"]);
    newsroom.settled();
    for path in EVERY_DOCUMENT {
        let document = newsroom.document(path).text();
        for word in ["secret-now", "secret-soon", "Password", "Private", "Later"] {
            assert!(!document.contains(word), "{path} shows {word}: {document}");
        }
    }
    assert_eq!(newsroom.pull("website"), [0; 5], "what is hidden is hidden once");
}

#[test]
fn a_post_that_gets_a_password_does_not_cover_for_one_that_goes() {
    let site = WordPress::start();
    let newsroom = Newsroom::new(&site.source());
    let [protected, private] = ["Protected", "Private"].map(|title| site.publish(title, "<p>For all, today.</p>"));
    assert_eq!(newsroom.pull("website"), [2, 0, 0, 0, 0]);
    site.edit(protected, |post| post.protected = true);
    site.edit(private, |post| post.status = "private");
    assert_eq!(newsroom.pull("website"), [0, 0, 2, 0, 0]);
}

#[test]
fn a_closed_rest_api_is_read_by_its_feed_which_is_told_and_doubles_nothing() {
    let site = WordPress::start();
    let newsroom = Newsroom::new(&site.source());
    let rain = site.publish("Rain", "<p>Much of it.</p>");
    assert_eq!(newsroom.pull("website"), [1, 0, 0, 0, 0]);

    site.suffers(Trouble::RestClosed);
    site.publish("Cotton", "<p>Cheap.</p>");
    let hidden = site.publish("Password", "<p>secret</p>");
    site.edit(hidden, |post| post.protected = true);
    let output = newsroom.run(&["pull", "website", "--json"]);
    assert_eq!(output.status, 0, "{output:?}");
    let [new, corrected, withdrawn, _, rejected] = counts(&output, "website");
    assert_eq!([new, corrected, withdrawn, rejected], [1, 0, 0, 0], "{output:?}");
    let note = format!("reading the feed http://{}/wp/feed/ instead", site.at);
    for told in [&output.stdout, &output.stderr] {
        assert!(told.contains("answered 401") && told.contains(&note), "{note:?} in {output:?}");
    }

    site.suffers(Trouble::None);
    site.edit(rain, |post| post.title = "Heavy rain".to_owned());
    let output = newsroom.run(&["pull", "website", "--json"]);
    assert_eq!(counts(&output, "website")[..3], [0, 1, 0], "{output:?}");
    assert!(output.json()["sources"]["website"]["note"].is_null(), "{output:?}");
    assert_eq!(newsroom.status()["articles"], 2);
}

const EDITION: &str = include_str!("../fixtures/edition/rahbar-2026-04-25.txt");
const PUTIN: &str = "https://rahbarkisan.com/wp/putin-acknowledges-north-korean-troops-role-in-ukraine-war/";

fn edition_and_website(site: &WordPress) -> Newsroom {
    let id = site.publish("Putin acknowledges role", "<p>As the website has it.</p>");
    site.edit(id, |post| post.link = Some(PUTIN.to_owned()));
    let edition = format!("[source.edition]\nkind = \"edition\"\npath = \"editions\"\nschedule = \"{NEVER}\"\n");
    let newsroom = Newsroom::new(&format!("{}\n{edition}", site.source()));
    newsroom.write("feeds/editions/2026-04-25.txt", EDITION);
    newsroom
}

#[test]
fn the_printed_article_and_the_post_at_its_permalink_are_one_and_the_post_wins() {
    let site = WordPress::start();
    let newsroom = edition_and_website(&site);
    assert_eq!(newsroom.pull("edition"), [1, 0, 0, 0, 0]);
    let printed = newsroom.exported_items();
    let [printed] = &printed[..] else { panic!("{printed:?}") };
    assert_eq!(printed["title"], "Putin acknowledges North Korean Troops role");
    assert!(printed["content_html"].as_str().is_some_and(|text| text.contains("courageous and heroic")), "{printed}");

    assert_eq!(newsroom.pull("website"), [0, 1, 0, 0, 0]);
    let posted = newsroom.exported_items();
    let [posted] = &posted[..] else { panic!("{posted:?}") };
    assert_eq!(posted["id"], printed["id"]);
    assert_eq!(posted["title"], "Putin acknowledges role");
    assert_eq!(posted["content_html"], "<p>As the website has it.</p>");
    assert_eq!(posted["url"], PUTIN);
}

#[test]
fn the_post_wins_over_the_printed_article_that_comes_later_too() {
    let site = WordPress::start();
    let newsroom = edition_and_website(&site);
    assert_eq!(newsroom.pull("website"), [1, 0, 0, 0, 0]);
    assert_eq!(newsroom.pull("edition"), [0, 0, 0, 1, 0]);
    let items = newsroom.exported_items();
    let [item] = &items[..] else { panic!("{items:?}") };
    assert_eq!(item["title"], "Putin acknowledges role");
    assert_eq!(item["content_html"], "<p>As the website has it.</p>");
}
