//! `courant move`: a newsroom goes to another database, and its readers and subscribers don't notice.

use std::process::Stdio;

use crate::harness::{Newsroom, Output, eventually};
use crate::postgres::Database;
use crate::websub::{Subscribers, subscribe, subscriptions};
use crate::wordpress::WordPress;

const EVERY_DOCUMENT: [&str; 4] = ["/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/feeds/all"];

fn moved(newsroom: &Newsroom, from: &str, to: &str) -> Output {
    newsroom.run(&["move", "--from", from, "--to", to])
}

#[track_caller]
fn moves(newsroom: &Newsroom, from: &str, to: &str) -> String {
    let output = moved(newsroom, from, to);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{output:?}");
    output.stdout
}

/// Every document in every encoding, with the fields that readers keep.
fn documents(newsroom: &Newsroom) -> Vec<(String, String, String, Vec<u8>)> {
    let ask = |path: &str, coding: &'static str| {
        eventually(&format!("{path} in {coding}"), || {
            let answer = newsroom.ask("GET", path, &[("Accept-Encoding", coding), ("Accept", "text/html")]);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            // The small encodings come a moment later.
            let told = answer.field("Content-Encoding") == Some(coding) || coding == "identity";
            let [etag, modified] = ["ETag", "Last-Modified"].map(|name| answer.must(name).to_owned());
            told.then(|| (format!("{path} {coding}"), etag, modified, answer.body))
        })
    };
    EVERY_DOCUMENT.iter().flat_map(|path| ["identity", "gzip", "br", "zstd"].map(|coding| ask(path, coding))).collect()
}

#[test]
fn a_newsroom_moves_to_postgresql_and_back_and_nobody_notices() {
    let site = WordPress::start();
    let mut newsroom = Newsroom::new(&site.source());
    let Some(mut there) = newsroom.beside().on_postgres() else { return };
    let url = there.database();
    let [rain, sugar] = ["Rain", "Sugar"].map(|title| site.publish(title, "<p>Much of it.</p>"));
    site.publish("Cotton", "<p>Cheap. بارش</p>");
    newsroom.pull("website");
    site.edit(rain, |post| post.title = "Heavy rain".to_owned());
    site.edit(sugar, |post| post.status = "trash");
    assert_eq!(newsroom.pull("website"), [0, 1, 1, 0, 0]);
    newsroom.serve();
    let subscribers = Subscribers::start();
    subscribe(&newsroom, &subscribers, "/one", &[("hub.secret", "secret")]);

    // Once beside the service, and once more after what has happened since.
    moves(&newsroom, "sqlite:courant.db", &url);
    site.edit(rain, |post| post.title = "Very heavy rain".to_owned());
    site.publish("Wheat", "<p>Ripe.</p>");
    assert_eq!(newsroom.pull("website"), [1, 1, 0, 0, 0]);
    subscribe(&newsroom, &subscribers, "/two", &[]);
    subscribers.has_the_newest(&newsroom, "/one");
    let (before, subscribed) = (documents(&newsroom), subscriptions(&newsroom));
    newsroom.stop();
    let told = moves(&newsroom, "sqlite:courant.db", &url);
    assert!(told.contains("read back, each the same in both databases"), "{told}");

    let delivered = ["/one", "/two"].map(|target| subscribers.deliveries(target).len());
    there.serve();
    assert!(documents(&there) == before, "other documents, or other fields");
    assert_eq!(subscriptions(&there), subscribed);
    assert_eq!(there.pull("website"), [0; 5], "its cursor came along");
    there.settled();
    assert_eq!(["/one", "/two"].map(|target| subscribers.deliveries(target).len()), delivered, "nothing was owed");
    site.publish("Maize", "<p>Dear.</p>");
    assert_eq!(there.pull("website"), [1, 0, 0, 0, 0]);
    for target in ["/one", "/two"] {
        let delivery = subscribers.has_the_newest(&there, target);
        assert_eq!(!delivery.all("X-Hub-Signature").is_empty(), target == "/one", "with the secret that it had");
    }
    let refused = moved(&newsroom, "sqlite:courant.db", &url);
    assert_eq!(refused.status, 1, "it has worked there: {refused:?}");

    let (before, subscribed) = (documents(&there), subscriptions(&there));
    there.stop();
    moves(&newsroom, &url, "sqlite:back.db");
    std::fs::rename(newsroom.path("back.db"), newsroom.path("courant.db")).expect("a file");
    newsroom.serve();
    assert!(documents(&newsroom) == before, "other documents, or other fields");
    assert_eq!(subscriptions(&newsroom), subscribed);
    assert_eq!(newsroom.pull("website"), [0; 5]);
}

/// How many articles a database has.
fn articles(newsroom: &Newsroom, database: &str) -> u64 {
    let output = newsroom.run(&["status", "--json", "--database", database]);
    assert_eq!(output.status, 0, "{output:?}");
    output.json()["articles"].as_u64().expect("a count")
}

/// Starts a move and ends it with SIGKILL when the target has more articles than these. Tells how many it has then.
fn killed_past(newsroom: &Newsroom, to: &str, past: u64) -> u64 {
    let mut command = newsroom.command(&["move", "--from", "sqlite:courant.db", "--to", to]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the move starts");
    eventually("articles arrive", || (articles(newsroom, to) > past).then_some(()));
    child.kill().expect("it was still at work");
    assert_eq!(child.wait().expect("its end").code(), None, "a signal ended it");
    articles(newsroom, to)
}

/// So many that a move can be caught between the first and the last.
const ARTICLES: u64 = 9000;

fn a_move_that_is_killed_goes_on(to: &str) {
    let newsroom = Newsroom::of_files();
    for number in 0..ARTICLES {
        newsroom.article(&format!("Article {number}"), "2025-06-01T08:00:00Z", "Text and more text.");
    }
    assert_eq!(newsroom.pull("desk")[0], ARTICLES);
    assert_eq!(newsroom.run(&["export", "out"]).status, 0);

    let half = killed_past(&newsroom, to, 0);
    assert!(half < ARTICLES, "it was killed too late");
    let refused = newsroom.run(&["pull", "--database", to]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("run the same `courant move` again"), "{refused:?}");
    assert!(killed_past(&newsroom, to, half) > half, "it goes on where it was");

    // What happens at the source meanwhile comes along.
    newsroom.article("Article 7", "2025-06-01T08:00:00Z", "Corrected.");
    std::fs::remove_file(newsroom.path("articles/Article 8.md")).expect("a file");
    assert_eq!(newsroom.pull("desk"), [0, 1, 1, ARTICLES - 2, 0]);
    assert_eq!(newsroom.run(&["export", "out"]).status, 0);
    moves(&newsroom, "sqlite:courant.db", to);
    assert_eq!(articles(&newsroom, to), ARTICLES - 1);
    let same = newsroom.run(&["export", "out", "--database", to]);
    assert!(same.stdout.contains("0 files written"), "{same:?}");
    assert_eq!(
        newsroom.command(&["pull", "--json", "--database", to]).output().expect("a pull").status.code(),
        Some(0)
    );
}

#[test]
fn a_move_to_postgresql_that_is_killed_goes_on_and_ends_right() {
    if let Some(database) = Database::new(false) {
        a_move_that_is_killed_goes_on(&database.url());
    }
}

#[test]
fn a_move_to_sqlite_that_is_killed_goes_on_and_ends_right() {
    a_move_that_is_killed_goes_on("sqlite:new.db");
}

#[test]
fn a_database_with_a_newsroom_of_its_own_is_not_moved_over() {
    let newsroom = Newsroom::of_files();
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
    for database in ["sqlite:courant.db", "sqlite:other.db"] {
        assert_eq!(newsroom.run(&["pull", "--database", database]).status, 0);
    }
    let before = newsroom.run(&["status", "--json", "--database", "sqlite:other.db"]).json();
    let output = moved(&newsroom, "sqlite:courant.db", "sqlite:other.db");
    assert_eq!(output.status, 1, "{output:?}");
    for told in ["sqlite:other.db holds a newsroom already", "articles: 1", "Name another database"] {
        assert!(output.stderr.contains(told), "{output:?}");
    }
    assert_eq!(newsroom.run(&["status", "--json", "--database", "sqlite:other.db"]).json(), before);
}

#[test]
fn a_move_from_nowhere_or_to_itself_is_refused_and_makes_nothing() {
    let newsroom = Newsroom::of_files();
    let output = moved(&newsroom, "sqlite:courant.db", "sqlite:new.db");
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("sqlite:courant.db: there is no such file"), "{output:?}");
    newsroom.pull("desk");
    assert_eq!(moved(&newsroom, "sqlite:courant.db", "sqlite:courant.db").status, 2);
    assert_eq!(moved(&newsroom, "sqlite:courant.db", "nonsense:x").status, 2);
    assert_eq!(newsroom.run(&["move", "--to", "sqlite:new.db"]).status, 2);
    assert!(!newsroom.path("new.db").exists());
}

#[test]
fn a_move_needs_no_files_and_no_variable_means_either_database() {
    let newsroom = Newsroom::of_files();
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
    newsroom.pull("desk");
    let elsewhere = newsroom.path("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let mut command = newsroom.command(&["move", "--from", "sqlite:../courant.db", "--to", "sqlite:new.db"]);
    let status = command.current_dir(&elsewhere).env("COURANT_DATABASE_URL", "sqlite:third.db").stdout(Stdio::null());
    assert_eq!(status.status().expect("it runs").code(), Some(0));
    assert!(elsewhere.join("new.db").exists() && !elsewhere.join("third.db").exists());
}
