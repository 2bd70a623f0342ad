//! Several processes on one PostgreSQL.

use std::time::{Duration, Instant};

use crate::harness::{Newsroom, eventually};

/// A node that was not told finds out by itself after five seconds: what shows sooner was told.
const TOLD: Duration = Duration::from_secs(3);

fn one_article() -> Option<Newsroom> {
    let newsroom = Newsroom::of_files().on_postgres()?;
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
    newsroom.pull("desk");
    Some(newsroom)
}

#[test]
fn what_a_pull_beside_the_server_brings_is_shown_at_once() {
    let Some(mut newsroom) = one_article() else { return };
    newsroom.serve();
    newsroom.shows(&["Rain"]);
    newsroom.article("Tea", "2025-06-02T08:00:00Z", "Hot.");
    assert_eq!(newsroom.pull("desk"), [1, 0, 0, 1, 0]);
    let pulled = Instant::now();
    newsroom.shows(&["Tea", "Rain"]);
    assert!(pulled.elapsed() < TOLD, "{:?}", pulled.elapsed());
}

#[test]
fn what_a_worker_publishes_every_web_node_serves_to_the_byte() {
    let Some(mut worker) = one_article() else { return };
    let mut web = [worker.beside(), worker.beside()];
    for node in &mut web {
        node.serve_as("web");
    }
    worker.serve_as("worker");
    for text in ["Much of it.", "Less by now.", "Gone."] {
        worker.article("Rain", "2025-06-01T08:00:00Z", text);
        worker.pull("desk");
        let pulled = Instant::now();
        for node in &web {
            let shows = || Some(node.get("/feeds/all.rss")?.text().contains(text)).filter(|shown| *shown);
            eventually(&format!("a node shows {text:?}"), shows);
        }
        // The first document waits for the worker's start.
        assert!(pulled.elapsed() < TOLD || text == "Much of it.", "{:?}", pulled.elapsed());
        worker.settled();
        for path in ["/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/feeds/all"] {
            // Its small encodings come a moment later, and may reach one node before the other.
            eventually("both nodes serve the same", || {
                let fields = [("Accept-Encoding", "br"), ("Accept", "text/html")];
                let [one, two] = web.each_ref().map(|node| node.ask("GET", path, &fields));
                let same =
                    ["ETag", "Last-Modified", "Content-Encoding"].iter().all(|name| one.field(name) == two.field(name));
                (one.body == two.body && same && one.field("Content-Encoding") == Some("br")).then_some(())
            });
        }
    }
}

#[test]
fn two_workers_share_the_work_and_neither_undoes_what_the_other_did() {
    let Some(mut one) = one_article() else { return };
    let mut two = one.beside();
    one.serve();
    two.serve();
    for number in 1..=5 {
        one.article(&format!("Tea {number}"), &format!("2025-06-02T08:00:0{number}Z"), "Hot.");
        two.pull("desk");
    }
    let titles = ["Tea 5", "Tea 4", "Tea 3", "Tea 2", "Tea 1", "Rain"];
    for node in [&one, &two] {
        node.shows(&titles);
    }
    one.settled();
    let [first, second] = [&one, &two].map(|node| node.document("/feeds/all.json"));
    assert_eq!((first.must("ETag"), first.must("Last-Modified")), (second.must("ETag"), second.must("Last-Modified")));
    assert_eq!(one.status()["articles"], 6);
}
