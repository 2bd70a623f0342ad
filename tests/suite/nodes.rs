//! Several processes on one PostgreSQL, which goes away and comes back, while some of them die.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Newsroom, eventually};
use crate::http::{self, Answer};
use crate::websub::{self, FORM, Subscribers, TOPIC};
use crate::wordpress::WordPress;

/// A node that was not told finds out by itself after five seconds: what shows sooner was told.
const TOLD: Duration = Duration::from_secs(3);

fn one_article() -> Option<Newsroom> {
    Some(Newsroom::of_files().on_postgres()?.with_rain())
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
        serve_the_same(&web);
    }
}

const PATHS: [&str; 4] = ["/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/feeds/all"];

/// Waits until both nodes serve all documents alike, to the byte: small encodings come a moment later, and may reach one before
/// the other.
#[track_caller]
fn serve_the_same(web: &[Newsroom; 2]) {
    for path in PATHS {
        for encoding in ["br", "zstd", "gzip", "identity"] {
            eventually("both nodes serve the same", || {
                let fields = [("Accept-Encoding", encoding), ("Accept", "text/html")];
                let [one, two] = web.each_ref().map(|node| node.ask("GET", path, &fields));
                let same =
                    ["ETag", "Last-Modified", "Content-Encoding"].iter().all(|name| one.field(name) == two.field(name));
                let coded = one.field("Content-Encoding").unwrap_or("identity") == encoding;
                (one.status == 200 && one.body == two.body && same && coded).then_some(())
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

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A newsroom on a site that has a webhook.
fn at_a_site(site: &WordPress) -> Newsroom {
    let newsroom = Newsroom::new(&format!("{}webhook_key_file = \"hook.key\"\n", site.source()));
    newsroom.write("feeds/hook.key", KEY);
    newsroom
}

fn web_beside(worker: &Newsroom) -> [Newsroom; 2] {
    let mut web = [worker.beside(), worker.beside()];
    for node in &mut web {
        node.serve_as("web");
    }
    web
}

fn webhook(node: &Newsroom) -> Answer {
    node.ask("POST", "/sources/website/pull", &[("Authorization", &format!("Bearer {KEY}"))])
}

/// Subscribes so many, and waits until all are verified.
#[track_caller]
fn subscribed(nodes: &[Newsroom; 2], subscribers: &Subscribers, count: usize) -> Vec<String> {
    let targets: Vec<String> = (0..count).map(|number| format!("/{number}")).collect();
    for (target, node) in targets.iter().zip(nodes.iter().cycle()) {
        websub::ask(node, "subscribe", &subscribers.callback(target), &[]);
    }
    eventually("all are subscribed", || (websub::subscriptions(&nodes[0]).len() == count).then_some(()));
    targets
}

fn all_are_fine(node: &Newsroom) -> Option<()> {
    websub::subscriptions(node).iter().all(|subscription| subscription["state"] == "fine").then_some(())
}

#[track_caller]
fn shows(node: &Newsroom, title: &str) {
    eventually(&format!("a node shows {title}"), || {
        node.document("/feeds/all.rss").text().contains(&format!("<title>{title}</title>")).then_some(())
    });
}

/// The number of the last change that a document shows.
fn last_change(document: &[u8]) -> usize {
    let text = String::from_utf8_lossy(document);
    let numbers = text.split("<title>Change ").skip(1).filter_map(|rest| rest.split('<').next()?.parse().ok());
    numbers.max().unwrap_or(0)
}

#[test]
fn workers_that_are_killed_leave_no_subscriber_behind_and_give_none_an_older_document() {
    const SUBSCRIBERS: usize = 300;
    let (site, subscribers) = (WordPress::start(), Subscribers::start());
    site.publish("Change 0", "<p>Text.</p>");
    let Some(worker) = at_a_site(&site).on_postgres() else { return };
    let mut workers = [worker.beside(), worker.beside()];
    for worker in &mut workers {
        worker.serve_as("worker");
    }
    let web = web_beside(&worker);
    shows(&web[1], "Change 0");
    let targets = subscribed(&web, &subscribers, SUBSCRIBERS);

    for change in 1..=20 {
        let title = format!("Change {change}");
        site.publish(&title, "<p>Text.</p>");
        assert_eq!(webhook(&web[change % 2]).status, 202);
        if change % 3 == 0 {
            // In the middle of whatever it is at: the pull, the document, the deliveries.
            thread::sleep(Duration::from_millis(change as u64 * 10));
            let worker = &mut workers[change / 3 % 2];
            worker.kill();
            worker.serve_as("worker");
        }
        shows(&web[change % 2], &title);
    }
    subscribers.all_have_the_newest(&web[0], &targets);
    serve_the_same(&web);
    for target in &targets {
        let changes: Vec<usize> =
            subscribers.deliveries(target).iter().map(|delivery| last_change(&delivery.body)).collect();
        assert!(changes.is_sorted(), "{target} got an older document after a newer one: {changes:?}");
    }
    assert!(!site.was_pulled_twice_at_once());
}

#[test]
fn while_the_database_is_away_everything_is_served_and_nothing_that_was_sent_is_forgotten() {
    const SUBSCRIBERS: usize = 100;
    let (site, subscribers) = (WordPress::start(), Subscribers::start());
    site.publish("Change 0", "<p>Text.</p>");
    let Some(mut worker) = at_a_site(&site).on_its_own_postgres() else { return };
    worker.serve_as("worker");
    worker.settled();
    let mut web = web_beside(&worker);
    let targets = subscribed(&web, &subscribers, SUBSCRIBERS);
    subscribers.all_have_the_newest(&web[0], &targets);
    eventually("it is noted who has what", || all_are_fine(&worker));

    // Nobody has asked these nodes for anything but RSS.
    let (reading, reads) = (AtomicBool::new(true), AtomicUsize::new(0));
    thread::scope(|scope| {
        let readers: Vec<_> = web
            .iter()
            .map(|node| {
                let at = node.address();
                let (reading, reads) = (&reading, &reads);
                scope.spawn(move || {
                    let mut failed = BTreeMap::new();
                    for path in PATHS.iter().chain(&["/", "/feeds.opml", "/livez"]).cycle() {
                        if !reading.load(Ordering::Relaxed) {
                            break;
                        }
                        let status = http::ask(at, "GET", path, &[("Accept", "text/html")]).map(|answer| answer.status);
                        reads.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(2));
                        if status != Some(200) {
                            *failed.entry((*path, status)).or_insert(0) += 1;
                        }
                    }
                    failed
                })
            })
            .collect();

        // The deliveries of a change are on their way when the database goes, and arrive while it is away.
        subscribers.hold_after(0);
        site.publish("Change 1", "<p>Text.</p>");
        assert_eq!(webhook(&web[0]).status, 202);
        eventually("the change is delivered", || (subscribers.delivered() == 2 * SUBSCRIBERS).then_some(()));
        worker.postgres().stop();
        subscribers.let_go();
        site.publish("Change 2", "<p>Text.</p>");
        for node in &web {
            let start = Instant::now();
            assert_eq!(node.ask("GET", "/livez", &[]).status, 200);
            let callback = subscribers.callback("/late");
            let form = [("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", &callback)];
            for answer in [
                node.ask("GET", "/readyz", &[]),
                websub::hub(node, &form),
                http::send(node.address(), "POST", "/hub", &[FORM], b"hub.mode=publish").expect("an answer"),
                webhook(node),
                node.ask("GET", "/websub/0123", &[]),
            ] {
                // One that publishes nothing is refused before the database is asked.
                if answer.status != 400 {
                    assert_eq!((answer.status, answer.field("Retry-After")), (503, Some("2")), "{}", answer.text());
                }
            }
            assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        }
        // Several tries of every duty.
        thread::sleep(Duration::from_secs(3));
        let before = reads.load(Ordering::Relaxed);
        eventually("the nodes go on serving", || (reads.load(Ordering::Relaxed) > before + 100).then_some(()));

        worker.postgres().start();
        eventually("the nodes are ready again", || {
            web.iter().all(|node| node.get("/readyz").is_some_and(|answer| answer.status == 200)).then_some(())
        });
        reading.store(false, Ordering::Relaxed);
        for reader in readers {
            assert_eq!(reader.join().expect("no panic"), BTreeMap::new(), "no read failed");
        }
    });

    // What arrived was noted, however late: it is not sent again.
    worker.settled();
    eventually("it is noted who has what", || all_are_fine(&worker));
    assert_eq!(subscribers.delivered(), 2 * SUBSCRIBERS);
    // What the site told in vain it tells again.
    assert_eq!(webhook(&web[0]).status, 202);
    shows(&web[1], "Change 2");
    subscribers.all_have_the_newest(&web[0], &targets);
    serve_the_same(&web);
    for node in web.iter_mut().chain([&mut worker]) {
        assert_eq!(node.troubles().len(), 1, "an outage is one line: {:#?}", node.troubles());
        node.expect_log("all duties wait");
    }
}

#[test]
fn a_server_waits_for_a_database_that_is_away_when_it_starts() {
    let Some(mut newsroom) = Newsroom::of_files().on_its_own_postgres() else { return };
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
    newsroom.pull("desk");
    newsroom.postgres().stop();

    let start = Instant::now();
    let output = newsroom.run(&["status"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("can't open the database"), "{output:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "a command does not wait: {:?}", start.elapsed());

    let mut waiting = newsroom.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut waiting = waiting.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(waiting.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains("waiting for the database"), "{line}");
    let told = Command::new("sh").args(["-c", &format!("kill -TERM {}", waiting.id())]).status();
    assert!(told.expect("a shell").success());
    assert!(waiting.wait().expect("its end").success(), "who is asked to stop stops, and well");

    let beside = newsroom.beside();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(1));
            beside.postgres().start();
        });
        newsroom.serve();
    });
    newsroom.expect_log("waiting for the database");
    newsroom.shows(&["Rain"]);
}

#[test]
fn a_change_that_a_node_was_not_told_of_is_found_all_the_same() {
    let Some(mut worker) = one_article() else { return };
    worker.serve_as("worker");
    worker.settled();
    let web = web_beside(&worker);
    web[0].shows(&["Rain"]);
    let unheard =
        "UPDATE documents SET plain = 'unheard', version = version + 1, etag = 'unheard' WHERE format = 'rss'";
    worker.postgres().run(unheard);
    for node in &web {
        eventually("a node looks by itself", || (node.document("/feeds/all.rss").text() == "unheard").then_some(()));
    }

    // Nobody listens while this is written.
    let deaf = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')";
    for title in ["Tea", "Rice", "Salt"] {
        worker.postgres().run(deaf);
        worker.article(title, "2025-06-02T08:00:00Z", "Hot.");
        worker.pull("desk");
        for node in &web {
            shows(node, title);
        }
    }
}

#[test]
fn documents_that_a_node_of_another_version_wanted_are_made_when_that_is_gone() {
    let Some(mut worker) = one_article() else { return };
    worker.serve_as("worker");
    worker.logged("working, without a web server");
    worker.settled();
    worker.postgres().run("UPDATE topics SET made_of = 'another version', wanted = wanted + 1");
    worker.logged("documents that no node makes");
    worker.settled();
}

#[test]
fn a_database_that_a_later_version_has_changed_is_used() {
    let Some(mut newsroom) = one_article() else { return };
    newsroom.postgres().run("ALTER TABLE topics ADD COLUMN later BIGINT NOT NULL DEFAULT 0");
    newsroom.postgres().run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, '', 0)",
    );
    newsroom.serve();
    newsroom.shows(&["Rain"]);
}
