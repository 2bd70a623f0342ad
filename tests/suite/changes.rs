//! What happens while the server runs: other commands, other files, another hour.

use chrono::{DateTime, TimeDelta, Utc};

use crate::harness::{Newsroom, eventually};

#[test]
fn what_a_pull_beside_the_server_brings_is_shown_by_the_server() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    newsroom.shows(&["Rain"]);
    newsroom.article("Tea", "2025-06-02T08:00:00Z", "Hot.");
    assert_eq!(newsroom.pull("desk"), [1, 0, 0, 1, 0]);
    newsroom.shows(&["Tea", "Rain"]);
    newsroom.article("Tea", "2025-06-02T08:00:00Z", "Cold by now.");
    assert_eq!(newsroom.pull("desk"), [0, 1, 0, 1, 0]);
    eventually("the correction is shown in every format", || {
        let shown = |format| newsroom.document(&format!("/feeds/all.{format}")).text().contains("Cold by now.");
        ["rss", "atom", "json"].into_iter().all(shown).then_some(())
    });
}

#[test]
fn a_feed_file_is_followed_and_a_mistake_in_it_is_refused_while_the_old_stays() {
    let mut newsroom = Newsroom::of_files().with_rain();
    let title = |newsroom: &Newsroom| newsroom.document("/feeds/all.json").json()["title"].clone();
    newsroom.expect_log("all.toml:2:1: unknown key `shwo`");
    newsroom.serve();
    assert_eq!(title(&newsroom), "Everything");

    newsroom.write("feeds/all.toml", "title = \"Everything else\"\n");
    eventually("the new title is shown", || (title(&newsroom) == "Everything else").then_some(()));

    newsroom.write("feeds/all.toml", "title = \"A mistake\"\nshwo = 1\n");
    newsroom.logged("unknown key `shwo`");
    assert_eq!(title(&newsroom), "Everything else");
    newsroom.shows(&["Rain"]);

    newsroom.write("feeds/all.toml", "title = \"Mended\"\n");
    eventually("the mended title is shown", || (title(&newsroom) == "Mended").then_some(()));
}

#[test]
fn what_is_made_again_of_the_same_files_and_articles_is_the_same_to_the_byte() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    newsroom.settled();
    let seen =
        |newsroom: &Newsroom| ["rss", "atom", "json"].map(|format| newsroom.document(&format!("/feeds/all.{format}")));
    let before = seen(&newsroom);
    for title in ["Something else", "Everything"] {
        newsroom.write("feeds/all.toml", &format!("title = \"{title}\"\n[show]\nlimit = 1000\n"));
        let shown = |format| newsroom.document(&format!("/feeds/all.{format}")).text().contains(title);
        eventually("the title is shown", || ["rss", "atom", "json"].into_iter().all(shown).then_some(()));
    }
    for (before, after) in before.iter().zip(seen(&newsroom)) {
        assert!(before.body == after.body, "{} became {}", before.text(), after.text());
        assert_eq!(before.must("etag"), after.must("etag"));
        assert_ne!(before.must("last-modified"), after.must("last-modified"), "between the two there was another");
    }
}

#[test]
fn a_feed_that_is_added_is_served_and_one_that_is_removed_is_gone() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    assert_eq!(newsroom.ask("GET", "/feeds/tea.rss", &[]).status, 404);
    newsroom.write("feeds/tea.toml", "title = \"Tea\"\n[select]\nsearch = \"rain\"\n");
    eventually("the new feed is served", || {
        let answer = newsroom.get("/feeds/tea.rss")?;
        (answer.status == 200 && answer.text().contains("<title>Rain</title>")).then_some(())
    });
    std::fs::remove_file(newsroom.path("feeds/tea.toml")).expect("the file goes");
    eventually("the feed is gone", || (newsroom.get("/feeds/tea.rss")?.status == 404).then_some(()));
    assert!(!newsroom.document("/feeds.opml").text().contains("tea.rss"));
}

#[test]
fn a_folder_that_takes_the_place_of_the_newsrooms_is_noticed_and_followed() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    let [now, new, old] = ["feeds", "feeds.new", "feeds.old"].map(|name| newsroom.path(name));
    std::fs::create_dir(&new).expect("a folder");
    for file in ["newsroom.toml", "all.toml"] {
        std::fs::copy(now.join(file), new.join(file)).expect("a copy");
    }
    newsroom.write("feeds.new/tea.toml", "title = \"Tea\"");
    std::fs::rename(&now, &old).expect("it goes");
    std::fs::rename(&new, &now).expect("it comes");
    eventually("the new folder's feed is served", || (newsroom.get("/feeds/tea.rss")?.status == 200).then_some(()));
    newsroom.write("feeds/hail.toml", "title = \"Hail\"");
    eventually("a file in it is noticed", || (newsroom.get("/feeds/hail.rss")?.status == 200).then_some(()));
}

#[test]
fn a_server_that_is_told_to_reads_its_files_again() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    newsroom.signal("HUP");
    newsroom.logged("the newsroom's files were read again");
    newsroom.shows(&["Rain"]);
}

#[test]
fn of_two_files_with_one_id_neither_replaces_what_is_published() {
    let mut newsroom = Newsroom::of_files().with_rain();
    let copy = "---\nid: Rain\ntitle: Hail\ndate: 2025-06-03T08:00:00Z\n---\nIce.\n";
    for name in ["articles/A copy.md", "articles/Z copy.md"] {
        newsroom.write(name, copy);
        let output = newsroom.run(&["pull", "desk", "--json"]);
        assert_eq!(output.json()["sources"]["desk"]["rejected"], 1, "{name}: {output:?}");
        assert!(output.stderr.contains("has the same id"), "{output:?}");
        std::fs::remove_file(newsroom.path(name)).expect("the file goes");
    }
    newsroom.serve();
    newsroom.shows(&["Rain"]);
}

#[test]
fn a_withdrawal_moves_last_modified_forward() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.article("Tea", "2025-06-02T08:00:00Z", "Hot.");
    newsroom.pull("desk");
    newsroom.serve();
    newsroom.shows(&["Tea", "Rain"]);
    newsroom.settled();
    let before = newsroom.document("/feeds/all.json").must("last-modified").to_owned();

    std::fs::remove_file(newsroom.path("articles/Tea.md")).expect("the file goes");
    assert_eq!(newsroom.pull("desk"), [0, 0, 1, 1, 0]);
    newsroom.shows(&["Rain"]);
    let known = newsroom.ask("GET", "/feeds/all.json", &[("If-Modified-Since", &before)]);
    assert_eq!(known.status, 200, "who knows dates alone sees the change");
    let [before, after] = [before.as_str(), known.must("last-modified")]
        .map(|date| DateTime::parse_from_rfc2822(date).expect("a date of HTTP"));
    assert!(after > before, "{after} after {before}");
}

#[test]
fn an_article_is_shown_when_its_hour_has_come_and_not_before() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    let hour = DateTime::from_timestamp(Utc::now().timestamp(), 0).expect("now") + TimeDelta::seconds(4);
    newsroom.article("Embargoed", &hour.to_rfc3339(), "At last.");
    assert_eq!(newsroom.pull("desk"), [1, 0, 0, 1, 0]);
    eventually("the hour has come", || {
        let shown = newsroom.titles() == ["Embargoed", "Rain"];
        assert!(!shown || Utc::now() >= hour, "shown before its hour");
        shown.then_some(())
    });
    assert_eq!(newsroom.items()[0]["date_published"], hour.format("%Y-%m-%dT%H:%M:%SZ").to_string());
}

#[test]
fn an_article_that_is_taken_back_before_its_hour_is_never_shown() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.article("Embargoed", "2125-06-01T08:00:00Z", "Never.");
    assert_eq!(newsroom.pull("desk"), [1, 0, 0, 1, 0]);
    newsroom.serve();
    newsroom.shows(&["Rain"]);
    std::fs::remove_file(newsroom.path("articles/Embargoed.md")).expect("the file goes");
    assert_eq!(newsroom.pull("desk"), [0, 0, 1, 1, 0]);
    newsroom.settled();
    for format in ["rss", "atom", "json"] {
        assert!(!newsroom.document(&format!("/feeds/all.{format}")).text().contains("Embargoed"));
    }
}
