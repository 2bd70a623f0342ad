//! WebSub in all its roles: the hub and its subscribers, pings to other hubs, and a newsroom that subscribes to another.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use url::{Url, form_urlencoded};

use crate::harness::{NEVER, Newsroom, eventually};
use crate::http::{self, Answer};

pub(crate) const TOPIC: &str = "https://feeds.example.org/feeds/all.rss";
const PATH: &str = "/feeds/all.rss";
const PRIVATE: &str = "[fetch]\nallow_private = [\"127.0.0.0/8\"]\n";
pub(crate) const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// What a callback does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    /// Confirms, and takes deliveries.
    Well,
    /// Answers verification with another challenge.
    Lies,
    /// Answers verification with 404.
    Unwilling,
    /// Answers deliveries with this status.
    Answers(u16),
    /// Never answers, but for verification.
    Hangs,
    /// Never answers, not even verification.
    HangsAlways,
    /// Takes deliveries with an answer that never ends.
    Floods,
}

/// What came to a callback, or to a hub.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// What the query says.
    fn query(&self) -> BTreeMap<String, String> {
        pairs(self.target.split_once('?').map_or("", |(_, query)| query).as_bytes())
    }

    fn delivered(&self) -> (&str, &[u8]) {
        (&self.target, &self.body)
    }

    /// What the form in the body says.
    fn form(&self) -> BTreeMap<String, String> {
        pairs(&self.body)
    }
}

fn pairs(encoded: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

/// Many subscribers, each with a path of its own, and their memory.
pub(crate) struct Subscribers {
    at: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    let_go: Condvar,
}

#[derive(Default)]
struct State {
    /// By path; the others do well.
    manners: BTreeMap<String, Manner>,
    requests: Vec<Request>,
    /// Connections that wait for an answer that never comes.
    hanging: usize,
    /// How much of an endless answer was taken, for each.
    poured: Vec<usize>,
    /// Deliveries after so many wait for their answer.
    hold_after: Option<usize>,
    answered: usize,
    ended: bool,
}

impl Subscribers {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if all.state().ended {
                    return;
                }
                let all = Arc::clone(&all);
                // A hub that went away is no matter of the subscriber's.
                thread::spawn(move || all.answer(&stream));
            }
        });
        Self { at, shared }
    }

    pub(crate) fn callback(&self, target: &str) -> String {
        format!("http://{}{target}", self.at)
    }

    fn behaves(&self, path: &str, manner: Manner) {
        self.shared.state().manners.insert(path.to_owned(), manner);
    }

    /// What came by this method, to addresses that begin so.
    fn requests(&self, method: &str, target: &str) -> Vec<Request> {
        let state = self.shared.state();
        let fits = |request: &&Request| request.method == method && request.target.starts_with(target);
        state.requests.iter().filter(fits).cloned().collect()
    }

    /// What was delivered to exactly this callback.
    pub(crate) fn deliveries(&self, target: &str) -> Vec<Request> {
        let mut deliveries = self.requests("POST", target);
        deliveries.retain(|delivery| delivery.target == target);
        deliveries
    }

    /// Waits until this callback was asked so many times, and tells what it was asked last.
    #[track_caller]
    fn asked(&self, target: &str, times: usize) -> Request {
        eventually(&format!("{target} is asked {times} times"), || {
            let asked = self.requests("GET", target);
            (asked.len() >= times).then(|| asked.last().cloned())?
        })
    }

    /// Waits until what this callback got last is the document as it is now, which it tells.
    #[track_caller]
    pub(crate) fn has_the_newest(&self, newsroom: &Newsroom, target: &str) -> Request {
        newsroom.settled();
        let newest = newsroom.document(PATH).body;
        eventually(&format!("{target} has the newest"), || {
            self.deliveries(target).pop().filter(|delivery| delivery.body == newest)
        })
    }

    /// The same for many, and waits once.
    #[track_caller]
    pub(crate) fn all_have_the_newest(&self, newsroom: &Newsroom, targets: &[String]) {
        newsroom.settled();
        let newest = newsroom.document(PATH).body;
        eventually("everybody has the newest", || {
            let state = self.shared.state();
            let last: BTreeMap<&str, &[u8]> =
                state.requests.iter().filter(|request| request.method == "POST").map(Request::delivered).collect();
            targets.iter().all(|target| last.get(target.as_str()) == Some(&newest.as_slice())).then_some(())
        });
    }

    /// How many deliveries came, to whomever.
    pub(crate) fn delivered(&self) -> usize {
        self.shared.state().requests.iter().filter(|request| request.method == "POST").count()
    }

    fn hanging(&self) -> usize {
        self.shared.state().hanging
    }

    /// Answers so many more deliveries, and lets the others wait.
    pub(crate) fn hold_after(&self, deliveries: usize) {
        let mut state = self.shared.state();
        state.hold_after = Some(state.answered + deliveries);
    }

    /// Waits until it has answered as many as it was told to.
    fn is_held(&self) {
        eventually("deliveries wait", || {
            let state = self.shared.state();
            state.hold_after.is_some_and(|most| state.answered >= most).then_some(())
        });
    }

    pub(crate) fn let_go(&self) {
        self.shared.state().hold_after = None;
        self.shared.let_go.notify_all();
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.let_go();
        // Wakes the listener, so that it sees the end.
        let _ = TcpStream::connect(self.at);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the subscribers")
    }

    fn answer(&self, mut stream: &TcpStream) -> Option<()> {
        let request = read(stream)?;
        let path = request.target.split('?').next().unwrap_or_default();
        let is_delivery = request.method == "POST";
        let challenge = request.query().get("hub.challenge").cloned().unwrap_or_default();
        let manner = {
            let mut state = self.state();
            let manner = state.manners.get(path).copied().unwrap_or(Manner::Well);
            state.requests.push(request);
            manner
        };
        let (status, field, body) = match manner {
            Manner::HangsAlways => return self.hang(stream),
            Manner::Hangs if is_delivery => return self.hang(stream),
            Manner::Floods if is_delivery => return self.flood(stream),
            Manner::Answers(status) if is_delivery => (status, "Location: /elsewhere\r\n", String::new()),
            Manner::Lies if !is_delivery => (200, "", format!("{challenge}x")),
            Manner::Unwilling if !is_delivery => (404, "", challenge),
            _ => (200, "", challenge),
        };
        if is_delivery {
            self.take_turn();
        }
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} So\r\nConnection: close\r\n{field}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(head.as_bytes()).ok()
    }

    fn take_turn(&self) {
        let waits = |state: &mut State| state.hold_after.is_some_and(|most| state.answered >= most);
        let mut state = self.let_go.wait_while(self.state(), waits).expect("the subscribers");
        state.answered += 1;
    }

    /// Until the other side has had enough.
    fn hang(&self, mut stream: &TcpStream) -> Option<()> {
        self.state().hanging += 1;
        let _ = stream.read(&mut [0]);
        self.state().hanging -= 1;
        Some(())
    }

    fn flood(&self, mut stream: &TcpStream) -> Option<()> {
        let mut poured = 0;
        let mut written = stream.write_all(b"HTTP/1.1 200 So\r\nConnection: close\r\n\r\n");
        while written.is_ok() {
            written = stream.write_all(&[b'x'; 1 << 16]);
            poured += 1 << 16;
        }
        self.state().poured.push(poured);
        Some(())
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, fields, body: Vec::new() };
    let length = request.all("content-length").first().map_or(Ok(0), |length| length.parse()).ok()?;
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// A newsroom with a hub that may call back to this machine, and one article. `hub` is what its table says.
fn with_hub(hub: &str) -> Newsroom {
    let newsroom = Newsroom::new(&format!("{PRIVATE}[hub]\n{hub}\n{}", folder()));
    newsroom.article("First", "2025-06-01 10:00", "Text.");
    newsroom
}

fn folder() -> String {
    format!("[source.desk]\nkind = \"folder\"\npath = \"../articles\"\nschedule = \"{NEVER}\"\n")
}

/// The same, served and up to date.
fn served() -> Newsroom {
    let mut newsroom = with_hub("");
    newsroom.serve();
    newsroom.shows(&["First"]);
    newsroom
}

/// Brings a new article.
#[track_caller]
fn publish(newsroom: &Newsroom, name: &str) {
    newsroom.article(name, "2025-06-02 10:00", "More text.");
    assert_eq!(newsroom.pull("desk")[0], 1, "one new article");
    eventually("the article shows", || newsroom.titles().iter().any(|title| title == name).then_some(()));
}

#[track_caller]
pub(crate) fn hub(newsroom: &Newsroom, pairs: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    http::send(newsroom.address(), "POST", "/hub", &[FORM], form.as_bytes()).expect("the hub answers")
}

/// Asks the hub, which must accept.
#[track_caller]
pub(crate) fn ask(newsroom: &Newsroom, mode: &str, callback: &str, more: &[(&str, &str)]) {
    let mut pairs = vec![("hub.mode", mode), ("hub.topic", TOPIC), ("hub.callback", callback)];
    pairs.extend(more);
    let answer = hub(newsroom, &pairs);
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// Subscribes, and waits until that stands and the subscriber has what is there now.
#[track_caller]
pub(crate) fn subscribe(newsroom: &Newsroom, subscribers: &Subscribers, target: &str, more: &[(&str, &str)]) {
    ask(newsroom, "subscribe", &subscribers.callback(target), more);
    subscribers.has_the_newest(newsroom, target);
}

pub(crate) fn subscriptions(newsroom: &Newsroom) -> Vec<Value> {
    let output = newsroom.run(&["subscriptions", "--json"]);
    assert_eq!(output.status, 0, "{output:?}");
    output.json().as_array().expect("a list").clone()
}

fn subscription(newsroom: &Newsroom, callback: &str) -> Option<Value> {
    subscriptions(newsroom).into_iter().find(|subscription| subscription["callback"] == callback)
}

/// Waits until this subscription is listed as failing with this error.
#[track_caller]
fn fails(newsroom: &Newsroom, callback: &str, error: &str) {
    eventually(&format!("{callback} fails with {error}"), || {
        let state = subscription(newsroom, callback)?;
        let told = state["error"].as_str().is_some_and(|told| told.contains(error));
        (told && state["state"] == "failing" && state["failures"].as_u64() > Some(0)).then_some(())
    });
}

fn signed(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[test]
fn who_subscribes_and_confirms_gets_each_change_as_it_is_published() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    let plain = "/plain?own=%2f&hub.own=a+b";
    ask(
        &newsroom,
        "subscribe",
        &subscribers.callback(plain),
        &[("hub.lease_seconds", "86400"), ("hub.verify", "sync")],
    );
    let asked = subscribers.asked("/plain", 1);
    assert!(asked.target.starts_with(&format!("{plain}&hub.")), "its own query, to the letter: {}", asked.target);
    let query = asked.query();
    assert_eq!(query["hub.mode"], "subscribe");
    assert_eq!(query["hub.topic"], TOPIC);
    assert_eq!(query["hub.lease_seconds"], "86400");
    assert!(query["hub.challenge"].len() >= 16, "{query:?}");
    let secret = "a secret / of ours";
    subscribe(&newsroom, &subscribers, "/signed", &[("hub.secret", secret)]);
    let other = subscribers.asked("/signed", 1).query();
    assert_ne!(other["hub.challenge"], query["hub.challenge"]);

    publish(&newsroom, "Second");
    let topic = newsroom.document(PATH);
    for target in [plain, "/signed"] {
        let delivery = subscribers.has_the_newest(&newsroom, target);
        assert!(delivery.body == topic.body, "what is delivered is what is published");
        assert_eq!(delivery.all("content-type"), [topic.must("content-type")]);
        let [link] = delivery.all("link")[..] else { panic!("one Link field: {delivery:?}") };
        assert_eq!(link, format!("<https://feeds.example.org/hub>; rel=\"hub\", <{TOPIC}>; rel=\"self\""));
    }
    let delivery = subscribers.has_the_newest(&newsroom, "/signed");
    assert_eq!(delivery.all("x-hub-signature"), [signed(secret, &delivery.body)]);
    assert!(subscribers.has_the_newest(&newsroom, plain).all("x-hub-signature").is_empty());
}

#[test]
fn a_malformed_request_is_refused_with_a_reason() {
    let newsroom = served();
    let long = "s".repeat(200);
    let (mode, topic) = (("hub.mode", "subscribe"), ("hub.topic", TOPIC));
    let callback = ("hub.callback", "http://127.0.0.1:9/callback");
    for (form, told) in [
        (&[][..], "hub.mode is missing"),
        (&[("hub.mode", "dance"), topic, callback], "dance"),
        (&[mode, topic], "hub.callback is missing"),
        (&[mode, callback], "hub.topic is missing"),
        (&[("hub.mode", "unsubscribe"), topic], "hub.callback is missing"),
        (&[mode, topic, ("hub.callback", "not an address")], "hub.callback"),
        (&[mode, topic, ("hub.callback", "ftp://127.0.0.1/")], "hub.callback"),
        (&[mode, topic, callback, ("hub.secret", &long)], "hub.secret"),
        (&[mode, topic, callback, ("hub.lease_seconds", "long")], "hub.lease_seconds"),
        (&[mode, ("hub.topic", "https://feeds.example.org/feeds/none.rss"), callback], "none.rss"),
        (&[mode, ("hub.topic", "https://elsewhere.example/feeds/all.rss"), callback], "elsewhere.example"),
        (&[("hub.mode", "publish")], "hub.url is missing"),
    ] {
        let answer = hub(&newsroom, form);
        assert!((400..500).contains(&answer.status), "{form:?}: {}", answer.status);
        assert!(answer.text().contains(told), "{form:?}: {}", answer.text());
        assert!(answer.must("content-type").starts_with("text/plain"), "{form:?}");
    }
    assert!(subscriptions(&newsroom).is_empty());
}

#[test]
fn a_ping_is_answered_with_204() {
    let newsroom = served();
    for form in [
        &[("hub.mode", "publish"), ("hub.url", TOPIC)][..],
        &[("hub.mode", "publish"), ("hub.topic", TOPIC)],
        &[("hub.mode", "publish"), ("hub.url", TOPIC), ("hub.url", "https://elsewhere.example/")],
    ] {
        let answer = hub(&newsroom, form);
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{form:?}");
    }
}

#[test]
fn who_does_not_confirm_is_not_subscribed() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    subscribers.behaves("/lies", Manner::Lies);
    subscribers.behaves("/unwilling", Manner::Unwilling);
    for target in ["/lies", "/unwilling"] {
        ask(&newsroom, "subscribe", &subscribers.callback(target), &[]);
        subscribers.asked(target, 1);
    }
    subscribe(&newsroom, &subscribers, "/well", &[]);
    publish(&newsroom, "Second");
    subscribers.has_the_newest(&newsroom, "/well");
    assert_eq!(subscriptions(&newsroom).len(), 1);
    assert!(subscribers.deliveries("/lies").is_empty() && subscribers.deliveries("/unwilling").is_empty());
}

#[test]
fn a_renewal_counts_when_it_is_confirmed_and_not_before() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    let renew = |secret| ask(&newsroom, "subscribe", &subscribers.callback("/reader"), &[("hub.secret", secret)]);
    let is_signed_by = |secret| {
        let delivery = subscribers.has_the_newest(&newsroom, "/reader");
        assert_eq!(delivery.all("x-hub-signature"), [signed(secret, &delivery.body)], "signed by {secret:?}");
    };
    subscribe(&newsroom, &subscribers, "/reader", &[("hub.secret", "old")]);
    let before = subscription(&newsroom, &subscribers.callback("/reader")).expect("it stands");

    for (times, manner) in [(2, Manner::Lies), (3, Manner::Unwilling)] {
        subscribers.behaves("/reader", manner);
        renew("wrong");
        subscribers.asked("/reader", times);
        publish(&newsroom, &format!("Number {times}"));
        is_signed_by("old");
        let after = subscription(&newsroom, &subscribers.callback("/reader")).expect("it stands");
        assert_eq!(before["lease_until"], after["lease_until"]);
    }

    subscribers.behaves("/reader", Manner::Well);
    renew("new");
    subscribers.asked("/reader", 4);
    // The subscriber has answered; the hub writes it down a moment later.
    let mut number = 4;
    eventually("the new secret counts", || {
        publish(&newsroom, &format!("Number {number}"));
        number += 1;
        let delivery = subscribers.has_the_newest(&newsroom, "/reader");
        (delivery.all("x-hub-signature") == [signed("new", &delivery.body)]).then_some(())
    });
    assert_eq!(subscriptions(&newsroom).len(), 1, "renewed, not doubled");
}

#[test]
fn who_unsubscribes_is_asked_and_gets_nothing_more() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    let (one, two) = ("/reader?of=one", "/reader?of=two");
    subscribe(&newsroom, &subscribers, one, &[]);
    subscribe(&newsroom, &subscribers, two, &[]);
    assert_eq!(subscriptions(&newsroom).len(), 2, "callbacks that differ in their query are two");

    // Somebody else asks: the subscriber does not confirm.
    subscribers.behaves("/reader", Manner::Unwilling);
    ask(&newsroom, "unsubscribe", &subscribers.callback(one), &[]);
    let query = subscribers.asked(one, 2).query();
    assert_eq!((query["hub.mode"].as_str(), query["hub.topic"].as_str()), ("unsubscribe", TOPIC));
    assert!(query.contains_key("hub.challenge") && !query.contains_key("hub.lease_seconds"), "{query:?}");
    publish(&newsroom, "Second");
    subscribers.has_the_newest(&newsroom, one);

    subscribers.behaves("/reader", Manner::Well);
    ask(&newsroom, "unsubscribe", &subscribers.callback(one), &[]);
    eventually("one is gone", || (subscriptions(&newsroom).len() == 1).then_some(()));
    let before = subscribers.deliveries(one).len();
    publish(&newsroom, "Third");
    subscribers.has_the_newest(&newsroom, two);
    assert_eq!(subscribers.deliveries(one).len(), before);

    // What does not exist is unsubscribed politely.
    ask(&newsroom, "unsubscribe", &subscribers.callback(one), &[]);
}

#[test]
fn a_subscriber_that_is_gone_is_forgotten_and_one_that_fails_is_told() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    let paths = ["/gone", "/broken", "/elsewhere-now", "/well"];
    paths.iter().for_each(|path| subscribe(&newsroom, &subscribers, path, &[]));
    subscribers.behaves("/gone", Manner::Answers(410));
    subscribers.behaves("/broken", Manner::Answers(500));
    subscribers.behaves("/elsewhere-now", Manner::Answers(302));
    publish(&newsroom, "Second");
    subscribers.has_the_newest(&newsroom, "/well");
    let gone = subscribers.callback("/gone");
    eventually("410 ends it", || subscription(&newsroom, &gone).is_none().then_some(()));
    fails(&newsroom, &subscribers.callback("/broken"), "500");
    fails(&newsroom, &subscribers.callback("/elsewhere-now"), "302");
    assert!(subscribers.requests("POST", "/elsewhere").iter().all(|request| request.target != "/elsewhere"));
    assert!(subscribers.requests("GET", "/elsewhere").iter().all(|request| request.target != "/elsewhere"));
    let well = subscription(&newsroom, &subscribers.callback("/well")).expect("it stands");
    assert_eq!((&well["state"], &well["error"]), (&Value::from("fine"), &Value::Null), "{well}");
    let log = |more: &[&str]| newsroom.run(&[&["subscriptions", "log"], more].concat());
    let broken = subscribers.callback("/broken");
    let of_broken = log(&[&broken, "--json"]).json();
    assert!(of_broken[0]["error"].as_str().is_some_and(|error| error.contains("500")), "{of_broken}");
    assert!(of_broken.as_array().expect("a list").iter().all(|line| line["callback"] == broken.as_str()));
    let told = log(&["--limit", "1000"]).stdout;
    assert!(told.contains("arrived") && told.contains("PKT") && told.contains("gone (410)"), "{told}");
    assert!(log(&["--limit", "1"]).stdout.ends_with("1 delivery\n"));

    // A renewal is a new start.
    subscribers.behaves("/broken", Manner::Well);
    let before = subscribers.deliveries("/broken").len();
    ask(&newsroom, "subscribe", &subscribers.callback("/broken"), &[]);
    eventually("it gets what it missed", || (subscribers.deliveries("/broken").len() > before).then_some(()));
    subscribers.has_the_newest(&newsroom, "/broken");
}

#[test]
fn a_subscriber_that_failed_is_tried_again_and_gets_the_newest_once() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    subscribe(&newsroom, &subscribers, "/broken", &[]);
    subscribe(&newsroom, &subscribers, "/well", &[]);
    subscribers.behaves("/broken", Manner::Answers(503));
    publish(&newsroom, "Second");
    fails(&newsroom, &subscribers.callback("/broken"), "503");
    let before = subscribers.deliveries("/broken").len();
    for name in ["Third", "Fourth"] {
        publish(&newsroom, name);
        subscribers.has_the_newest(&newsroom, "/well");
    }
    assert_eq!(subscribers.deliveries("/broken").len(), before, "a change does not shorten the wait");
    subscribers.behaves("/broken", Manner::Well);
    subscribers.has_the_newest(&newsroom, "/broken");
    assert_eq!(subscribers.deliveries("/broken").len(), before + 1, "the newest, once");
}

#[test]
fn a_subscriber_that_hangs_keeps_nobody_waiting() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    let (hanging, well) = (["/h1", "/h2", "/h3"], ["/w1", "/w2", "/w3"]);
    for path in hanging.iter().chain(&well) {
        subscribe(&newsroom, &subscribers, path, &[]);
    }
    hanging.iter().for_each(|path| subscribers.behaves(path, Manner::Hangs));
    publish(&newsroom, "Second");
    eventually("three hang", || (subscribers.hanging() == 3).then_some(()));
    publish(&newsroom, "Third");
    well.iter().for_each(|path| drop(subscribers.has_the_newest(&newsroom, path)));
    assert_eq!(subscribers.hanging(), 3, "the others have theirs while these hang");
    fails(&newsroom, &subscribers.callback("/h1"), "in time");

    hanging.iter().for_each(|path| subscribers.behaves(path, Manner::Well));
    eventually("no delivery hangs", || (subscribers.hanging() == 0).then_some(()));
    subscribers.behaves("/stuck", Manner::HangsAlways);
    ask(&newsroom, "subscribe", &subscribers.callback("/stuck"), &[]);
    subscribers.asked("/stuck", 1);
    subscribe(&newsroom, &subscribers, "/late", &[]);
    assert_eq!(subscribers.hanging(), 1, "one is confirmed while another hangs");
}

#[test]
fn of_an_endless_answer_little_is_read() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    subscribers.behaves("/flood", Manner::Floods);
    subscribe(&newsroom, &subscribers, "/flood", &[]);
    let poured = eventually("the hub has had enough", || subscribers.shared.state().poured.first().copied());
    assert!(poured < 32 << 20, "{poured} bytes, more than buffers between the two hold");
    let callback = subscribers.callback("/flood");
    eventually("it counts as delivered", || {
        (subscription(&newsroom, &callback)?["delivered"].as_u64() == Some(1)).then_some(())
    });
}

#[test]
fn leases_are_clamped_and_end() {
    let subscribers = Subscribers::start();
    let mut newsroom = with_hub("lease_min = \"2s\"\nlease_default = \"5d\"\nlease_max = \"20d\"");
    newsroom.serve();
    newsroom.shows(&["First"]);
    for (target, wanted, granted) in [
        ("/default", "", "432000"),
        ("/zero", "0", "432000"),
        ("/long", "8640000", "1728000"),
        ("/endless", "18446744073709551615", "1728000"),
        ("/between", "86400", "86400"),
        ("/short", "1", "2"),
    ] {
        ask(&newsroom, "subscribe", &subscribers.callback(target), &[("hub.lease_seconds", wanted)]);
        assert_eq!(subscribers.asked(target, 1).query()["hub.lease_seconds"], granted, "{target}");
    }
    subscribers.has_the_newest(&newsroom, "/short");
    let short = subscribers.callback("/short");
    eventually("the lease ends", || subscription(&newsroom, &short).is_none().then_some(()));
    let before = subscribers.deliveries("/short").len();
    publish(&newsroom, "Second");
    subscribers.has_the_newest(&newsroom, "/default");
    assert_eq!(subscribers.deliveries("/short").len(), before);
    assert_eq!(subscriptions(&newsroom).len(), 5);
}

#[test]
fn a_hub_that_is_killed_in_a_fan_out_ends_with_everybody_at_the_newest() {
    const MANY: usize = 200;
    let subscribers = Subscribers::start();
    let mut newsroom = served();
    let targets: Vec<String> = (0..MANY).map(|number| format!("/reader/{number}/")).collect();
    targets.iter().for_each(|target| ask(&newsroom, "subscribe", &subscribers.callback(target), &[]));
    subscribers.all_have_the_newest(&newsroom, &targets);
    for round in 0..3 {
        subscribers.hold_after(30 + 60 * round);
        newsroom.article(&format!("Number {}", 2 * round + 1), "2025-06-02 10:00", "Text.");
        newsroom.pull("desk");
        subscribers.is_held();
        newsroom.kill();
        subscribers.let_go();
        newsroom.article(&format!("Number {}", 2 * round + 2), "2025-06-02 10:00", "Text.");
        newsroom.pull("desk");
        newsroom.serve();
        subscribers.all_have_the_newest(&newsroom, &targets);
    }
    for target in &targets {
        // Each document has one article more than the one before.
        let articles = |delivery: &Request| String::from_utf8_lossy(&delivery.body).matches("<item>").count();
        let order: Vec<usize> = subscribers.deliveries(target).iter().map(articles).collect();
        assert!(order.is_sorted(), "{target} got an older one after a newer: {order:?}");
    }
}

#[test]
fn changes_that_follow_each_other_closely_reach_everybody_soon() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    let targets: Vec<String> = (0..100).map(|number| format!("/reader/{number}/")).collect();
    targets.iter().for_each(|target| ask(&newsroom, "subscribe", &subscribers.callback(target), &[]));
    subscribers.all_have_the_newest(&newsroom, &targets);
    for number in 0..10 {
        newsroom.article(&format!("Number {number}"), "2025-06-02 10:00", "Text.");
        newsroom.pull("desk");
    }
    subscribers.all_have_the_newest(&newsroom, &targets);
    for target in &targets {
        let bodies: Vec<Vec<u8>> = subscribers.deliveries(target).into_iter().map(|delivery| delivery.body).collect();
        assert!(bodies.windows(2).all(|two| two[0] != two[1]), "{target} got a document twice");
    }
}

#[test]
fn a_callback_in_a_private_network_is_refused_with_the_name_of_the_setting() {
    let subscribers = Subscribers::start();
    let mut newsroom = Newsroom::of_files();
    newsroom.serve();
    for host in ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:127.0.0.1]"] {
        let callback = format!("http://{host}:{}/reader", subscribers.at.port());
        let answer = hub(&newsroom, &[("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", &callback)]);
        assert!((400..500).contains(&answer.status), "{host}: {}", answer.status);
        assert!(answer.text().contains("fetch.allow_private"), "{host}: {}", answer.text());
    }
    assert!(subscribers.requests("GET", "/").is_empty());
}

#[test]
fn other_hubs_are_told_of_each_topic_that_changed() {
    let hubs = Subscribers::start();
    let also = ["/hub", "/broken"].map(|path| hubs.callback(path));
    hubs.behaves("/broken", Manner::Answers(500));
    let mut newsroom = with_hub(&format!("also = {also:?}"));
    newsroom.expect_log("a hub was not pinged");
    newsroom.serve();
    newsroom.shows(&["First"]);
    let pinged = |times: usize| {
        for format in ["rss", "atom", "json"] {
            let topic = format!("https://feeds.example.org/feeds/all.{format}");
            eventually(&format!("{topic} is pinged {times} times"), || {
                let mut pings: Vec<_> = hubs.deliveries("/hub").iter().map(Request::form).collect();
                pings.retain(|form| form["hub.url"] == topic);
                assert!(
                    pings.iter().all(|ping| ping["hub.mode"] == "publish" && ping["hub.topic"] == topic),
                    "{pings:?}"
                );
                (pings.len() >= times).then_some(())
            });
        }
    };
    pinged(1);
    let ping = &hubs.deliveries("/hub")[0];
    assert_eq!(ping.all("content-type"), ["application/x-www-form-urlencoded"]);
    let before = hubs.deliveries("/hub").len() / 3;
    publish(&newsroom, "Second");
    pinged(before + 1);
    fails(&newsroom, &also[1], "500");
    let link = newsroom.document(PATH).must("link").to_owned();
    let hubs = ["https://feeds.example.org/hub", &also[0], &also[1]].map(|hub| format!("<{hub}>; rel=\"hub\""));
    assert_eq!(link, format!("{}, <{TOPIC}>; rel=\"self\"", hubs.join(", ")));
}

/// Has a newsroom that is being served call itself by the address where it is.
fn at_home(newsroom: &Newsroom, more: &str) {
    let home = format!("http://{}", newsroom.address());
    let head = format!(
        "title = \"The Test Paper\"\nhome = \"https://paper.example/\"\npublic_url = \"{home}\"\nlanguage = \"en\"\ntimezone = \"UTC\"\n"
    );
    newsroom.write("feeds/newsroom.toml", &format!("{head}{PRIVATE}{more}"));
    eventually("it knows its address", || {
        let link = newsroom.document(PATH).must("link").to_owned();
        link.contains(&format!("<{home}{PATH}>; rel=\"self\"")).then_some(())
    });
}

#[test]
fn a_newsroom_subscribes_to_the_feed_of_another_and_is_told() {
    let publisher = served();
    at_home(&publisher, &folder());
    publisher.settled();
    let mut reader = Newsroom::new(&folder());
    reader.write("articles/Own.md", "---\ntitle: Own\ndate: 2025-05-01\n---\nText.\n");
    reader.serve();
    reader.shows(&["Own"]);
    let upstream = format!("http://{}{PATH}", publisher.address());
    let source = format!("[source.upstream]\nkind = \"feed\"\nurl = \"{upstream}\"\nschedule = \"{NEVER}\"\n");
    at_home(&reader, &format!("{}{source}", folder()));

    let ours = format!("http://{}/websub/", reader.address());
    let callback = eventually("it subscribes", || {
        let known = subscriptions(&publisher).into_iter().find_map(|one| one["callback"].as_str().map(str::to_owned));
        known.filter(|callback| callback.starts_with(&ours))
    });
    reader.shows(&["First", "Own"]);
    let pulled_at = || {
        let status = reader.status();
        let sources = status["sources"].as_array().expect("sources");
        sources.iter().find(|source| source["name"] == "upstream").map(|source| source["pulled_at"].clone())
    };
    let polled = pulled_at();
    publish(&publisher, "Second");
    reader.shows(&["Second", "First", "Own"]);
    assert_eq!(pulled_at(), polled, "told, not polled");

    let path = Url::parse(&callback).expect("an address").path().to_owned();
    assert!(path.len() > "/websub/".len() + 20, "a key that nobody guesses: {path}");
    let forged = publisher.document(PATH).text().replace("Second", "Forged");
    let body = forged.as_bytes();
    for signature in ["", "sha256=00", &signed("a guess", body), &signed("", body)] {
        let fields = [("Content-Type", "application/rss+xml"), ("X-Hub-Signature", signature)];
        let answer = http::send(reader.address(), "POST", &path, &fields, body).expect("an answer");
        assert!((200..300).contains(&answer.status), "a forger learns nothing: {}", answer.status);
    }
    let verify = |path: &str, mode: &str, topic: &str| {
        let query = [("hub.mode", mode), ("hub.topic", topic), ("hub.challenge", "c"), ("hub.lease_seconds", "60")];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        reader.ask("GET", &format!("{path}?{query}"), &[]).status
    };
    assert_eq!(verify(&path, "unsubscribe", &upstream), 404, "it did not ask for that");
    assert_eq!(verify(&path, "subscribe", "http://127.0.0.1/other"), 404, "nor for that");
    assert_eq!(verify("/websub/guess", "subscribe", &upstream), 404);
    publish(&publisher, "Third");
    eventually("what is true still comes", || reader.titles().contains(&"Third".to_owned()).then_some(()));
    assert!(!reader.titles().contains(&"Forged".to_owned()));

    at_home(&reader, &folder());
    eventually("it unsubscribes", || subscriptions(&publisher).is_empty().then_some(()));
    eventually("and its callback is gone", || (verify(&path, "subscribe", &upstream) == 404).then_some(()));
}

#[test]
fn a_newsroom_that_no_hub_can_reach_says_so_and_polls() {
    // It announces its hub at an address of the internet.
    let publisher = served();
    let mut reader = Newsroom::new(&folder());
    reader.write("articles/Own.md", "---\ntitle: Own\ndate: 2025-05-01\n---\nText.\n");
    reader.expect_log("no hub can reach us");
    reader.serve();
    reader.shows(&["Own"]);
    let upstream = format!("http://{}{PATH}", publisher.address());
    let source = format!("[source.upstream]\nkind = \"feed\"\nurl = \"{upstream}\"\nschedule = \"{NEVER}\"\n");
    at_home(&reader, &format!("{}{source}", folder()));
    reader.shows(&["First", "Own"]);
    reader.logged("no hub can reach us");
    publish(&publisher, "Second");
    assert_eq!(reader.pull("upstream")[0], 1);
    reader.shows(&["Second", "First", "Own"]);
}

const OLD: &str = "https://feeds.example.org/feeds/old.atom";

fn subscribe_to_old(newsroom: &Newsroom, callback: &str) {
    let answer = hub(newsroom, &[("hub.mode", "subscribe"), ("hub.topic", OLD), ("hub.callback", callback)]);
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// A newsroom with a feed `old`, to which this callback is subscribed.
fn with_subscriber_of_old(callback: &str) -> Newsroom {
    let mut newsroom = with_hub("");
    newsroom.write("feeds/old.toml", "title = \"Old\"\n");
    newsroom.serve();
    subscribe_to_old(&newsroom, callback);
    eventually("it stands", || subscription(&newsroom, callback));
    newsroom
}

#[test]
fn who_subscribed_to_a_feed_that_is_no_longer_published_is_told() {
    let subscribers = Subscribers::start();
    let callback = subscribers.callback("/reader");
    let newsroom = with_subscriber_of_old(&callback);
    fs::remove_file(newsroom.path("feeds/old.toml")).expect("the file goes");
    let query = subscribers.asked("/reader", 2).query();
    assert_eq!((query["hub.mode"].as_str(), query["hub.topic"].as_str()), ("denied", OLD));
    assert!(query["hub.reason"].len() > 10, "{query:?}");
    assert!(subscription(&newsroom, &callback).is_none());
}

#[test]
fn who_subscribed_to_a_feed_that_has_another_name_now_comes_along() {
    let subscribers = Subscribers::start();
    let callback = subscribers.callback("/reader");
    let newsroom = with_subscriber_of_old(&callback);
    newsroom.write("feeds/new.toml", "title = \"Old\"\nmoved_from = [\"old\"]\n");
    fs::remove_file(newsroom.path("feeds/old.toml")).expect("the file goes");
    eventually("it is told of the new address", || {
        let last = subscribers.deliveries("/reader").pop()?;
        last.all("link").concat().contains("<https://feeds.example.org/feeds/new.atom>; rel=\"self\"").then_some(())
    });
    subscribe_to_old(&newsroom, &callback);
    assert_eq!(subscribers.asked("/reader", 2).query()["hub.topic"], OLD, "as it is known there");
    eventually("it is one subscription", || {
        let all = subscriptions(&newsroom);
        (all.len() == 1 && all[0]["feed"] == "new").then_some(())
    });
}

#[test]
fn the_operator_counts_subscriptions_and_ends_them() {
    let subscribers = Subscribers::start();
    let newsroom = served();
    for path in ["/one", "/two", "/broken"] {
        subscribe(&newsroom, &subscribers, path, &[]);
    }
    subscribers.behaves("/broken", Manner::Answers(500));
    publish(&newsroom, "Second");
    eventually("all is counted", || {
        let status = newsroom.status();
        let counts = ["all", "behind", "failing"].map(|name| status["subscriptions"][name].as_u64());
        let delivered = status["subscriptions"]["delivered"].as_u64() == Some(5);
        (counts == [Some(3), Some(0), Some(1)] && delivered).then_some(())
    });

    let one = subscribers.callback("/one");
    let output = newsroom.run(&["subscriptions", "end", &one]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("1 subscription ended"), "{output:?}");
    assert!(subscription(&newsroom, &one).is_none());
    let before = subscribers.deliveries("/one").len();
    publish(&newsroom, "Third");
    subscribers.has_the_newest(&newsroom, "/two");
    assert_eq!(subscribers.deliveries("/one").len(), before);
    let output = newsroom.run(&["subscriptions", "end", &one]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains(&one), "{output:?}");
    let list = newsroom.run(&["subscriptions"]);
    assert!(list.status == 0 && list.stdout.contains("2 subscriptions"), "{list:?}");
}
