//! Fan-out: one change to many subscribers, against a bare `reqwest` loop that posts the same bytes, in one run on loopback.
//!
//! `cargo bench --bench fanout`. Each round publishes an article through the newsroom's webhook; each subscriber must get the
//! change exactly once. Deliveries per second count from the first to the last receipt, of both. The receiver is in this
//! process: a thread for each connection, and no HTTP library.
//!
//!   SUBSCRIBERS   that answer at once                                                        1000
//!   HANGING       beside them; in every second round they do not answer while it lasts       0
//!   HANGING_HOST  where these are; the answering ones are at 127.0.0.1                       127.0.0.1
//!   SIGNED=1      subscribers have secrets: each delivery is signed                          not signed

#![allow(clippy::disallowed_methods, reason = "a program of its own, with an environment, threads and clients")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use tempfile::TempDir;

const AT_ONCE: usize = 128;
const ROUNDS: u64 = 5;
const ARTICLES: u64 = 30;
const TOPIC: &str = "https://feeds.example.org/feeds/all.rss";
const KEY: &str = "a-key-of-at-least-thirty-two-characters";
const TITLE: &[u8] = b"Change number ";

/// Ends a run that would hang; no measure of speed.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long a round waits, when all is there, for what must not come.
const QUIET: Duration = Duration::from_millis(700);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// All subscribers.
#[derive(Default)]
struct Receiver {
    seen: Mutex<Seen>,
    verified: AtomicUsize,
}

/// What they got of the change that is expected; of any other, strays.
#[derive(Default)]
struct Seen {
    change: u64,
    hang: bool,
    hung: usize,
    counts: Vec<u32>,
    arrived: usize,
    strays: usize,
    times: Option<(Instant, Instant)>,
}

impl Receiver {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, listener: TcpListener) {
        let receiver = Arc::clone(self);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let receiver = Arc::clone(&receiver);
                // An error is the end of a connection.
                thread::spawn(move || receiver.serve(&stream));
            }
        });
    }

    /// One connection, request after request.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = (BufReader::with_capacity(1 << 16, stream), stream);
        let (mut line, mut body) = (String::new(), Vec::new());
        while reader.read_line(&mut line)? > 0 {
            let request = std::mem::take(&mut line);
            let target = request.split(' ').nth(1).unwrap_or_default();
            let mut length = 0;
            while reader.read_line(&mut line)? > 2 {
                let (name, value) = line.split_once(':').unwrap_or_default();
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            line.clear();
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
            if let Some((_, query)) = target.split_once('?') {
                let challenge = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "hub.challenge");
                let challenge = challenge.unwrap_or_default().1;
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{challenge}", challenge.len())?;
                self.verified.fetch_add(1, Relaxed);
                continue;
            }
            match target.strip_prefix("/answers/").and_then(|number| number.parse().ok()) {
                Some(subscriber) => self.receipt(subscriber, change(&body)),
                None => self.hangs(),
            }
            writer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        }
        Ok(())
    }

    fn receipt(&self, subscriber: usize, change: Option<u64>) {
        let mut seen = self.seen();
        if change != Some(seen.change) || seen.counts.len() <= subscriber {
            seen.strays += 1;
            return;
        }
        let now = Instant::now();
        seen.times = Some((seen.times.map_or(now, |(first, _)| first), now));
        seen.counts[subscriber] += 1;
        seen.arrived += usize::from(seen.counts[subscriber] == 1);
    }

    fn hangs(&self) {
        let hang = self.seen().hang;
        self.seen().hung += usize::from(hang);
        while self.seen().hang {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// One change to `all` subscribers, which `start` sets off.
    async fn round(
        &self,
        all: usize,
        change: u64,
        hang: bool,
        start: impl Future<Output = Result<(), Failure>>,
    ) -> Result<Round, Failure> {
        *self.seen() = Seen { change, hang, counts: vec![0; all], ..Seen::default() };
        let asked = Instant::now();
        start.await?;
        let done = eventually("each subscriber has the change", async || self.seen().arrived == all).await;
        self.seen().hang = false;
        done?;
        tokio::time::sleep(QUIET).await;
        let seen = self.seen();
        let twice = seen.counts.iter().filter(|count| **count > 1).count();
        if twice + seen.strays > 0 {
            return Err(format!("{twice} got the change more than once, {} receipts of another", seen.strays).into());
        }
        let (first, last) = seen.times.ok_or("nothing was received")?;
        Ok(Round {
            per_second: all as f64 / (last - first).as_secs_f64(),
            milliseconds: (last - asked).as_secs_f64() * 1000.0,
            hung: seen.hung,
        })
    }
}

struct Round {
    per_second: f64,
    milliseconds: f64,
    hung: usize,
}

/// The newest change that a document shows: its article is the first.
fn change(body: &[u8]) -> Option<u64> {
    let head = body.get(..body.len().min(8192))?;
    let at = head.windows(TITLE.len()).position(|window| window == TITLE)? + TITLE.len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// A newsroom of files and its server; both go when it is dropped.
struct Newsroom {
    server: Child,
    at: String,
    dir: TempDir,
    client: Client,
}

impl Newsroom {
    async fn start(client: Client) -> Result<Self, Failure> {
        let dir = TempDir::new()?;
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("feeds"))?;
        fs::create_dir(path("articles"))?;
        let newsroom = format!(
            "title = \"The Bench Paper\"\nhome = \"https://paper.example/\"\npublic_url = \"https://feeds.example.org\"\n\
             language = \"en\"\ntimezone = \"UTC\"\n[fetch]\nallow_private = [\"127.0.0.0/8\"]\n[source.desk]\nkind = \"folder\"\n\
             path = \"../articles\"\nschedule = \"0 0 1 1 *\"\nwebhook_key = \"{KEY}\"\n"
        );
        fs::write(path("feeds/newsroom.toml"), newsroom)?;
        fs::write(path("feeds/all.toml"), format!("title = \"Everything\"\n[show]\nlimit = {ARTICLES}\n"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).current_dir(dir.path());
        let log = fs::File::create(path("log"))?;
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut newsroom = Self { server, at: String::new(), dir, client };
        (0..ARTICLES).try_for_each(|number| newsroom.article(number))?;
        eventually("the server says where it listens", async || {
            newsroom.at = newsroom.log("at").pop().unwrap_or_default();
            !newsroom.at.is_empty()
        })
        .await?;
        newsroom.webhook().await?;
        eventually("the articles are served", async || {
            newsroom.document().await.is_ok_and(|document| change(&document) == Some(ARTICLES - 1))
        })
        .await?;
        Ok(newsroom)
    }

    /// The values that a key has in the server's log.
    fn log(&self, key: &str) -> Vec<String> {
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let value =
            |line: serde_json::Value| Some(line.get(key).or(line.get("fields")?.get(key))?.as_str()?.to_owned());
        lines.filter_map(value).collect()
    }

    /// About 4 KB of text.
    fn article(&self, number: u64) -> io::Result<()> {
        let (hour, minute) = (number / 60, number % 60);
        let paragraph = "The council met by the river & talked of the harvest, the border and the budget. ".repeat(10);
        let text = format!("{paragraph}\n\n").repeat(5);
        let head = format!("---\ntitle: Change number {number}\ndate: 2025-06-01T{hour:02}:{minute:02}:00Z\n---\n");
        fs::write(self.dir.path().join(format!("articles/{number}.md")), head + &text)
    }

    async fn webhook(&self) -> Result<(), Failure> {
        let request = self.client.post(format!("{}sources/desk/pull", self.at)).bearer_auth(KEY);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    async fn document(&self) -> Result<Bytes, Failure> {
        Ok(self.client.get(format!("{}feeds/all.rss", self.at)).send().await?.error_for_status()?.bytes().await?)
    }

    async fn subscribe(&self, callback: &str, signed: bool) -> Result<(), Failure> {
        let mut form = vec![("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", callback)];
        form.extend(signed.then_some(("hub.secret", KEY)));
        self.client.post(format!("{}hub", self.at)).form(&form).send().await?.error_for_status()?;
        Ok(())
    }

    /// The most memory that the server ever had.
    fn memory(&self) -> io::Result<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id()))?;
        Ok(status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned())
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

async fn eventually(what: &str, mut is: impl AsyncFnMut() -> bool) -> Result<(), Failure> {
    let start = Instant::now();
    while !is().await {
        if start.elapsed() > DEADLINE {
            return Err(format!("it never came that {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// The yardstick: nothing but posting.
async fn bare(client: &Client, callbacks: &Arc<Vec<String>>, document: &Bytes) -> Result<(), Failure> {
    let next = Arc::new(AtomicUsize::default());
    let mut crew = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, document) = (client.clone(), document.clone());
        let (callbacks, next) = (Arc::clone(callbacks), Arc::clone(&next));
        crew.spawn(async move {
            while let Some(callback) = callbacks.get(next.fetch_add(1, Relaxed)) {
                let post = client.post(callback).header("content-type", "application/rss+xml").body(document.clone());
                post.send().await?.error_for_status()?;
            }
            Ok::<(), reqwest::Error>(())
        });
    }
    while let Some(ended) = crew.join_next().await {
        ended??;
    }
    Ok(())
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (all, hanging, signed) = (setting("SUBSCRIBERS", 1000), setting("HANGING", 0), setting("SIGNED", 0) > 0);
    let client = Client::builder().no_proxy().build()?;
    let receiver = Arc::new(Receiver::default());
    let at = |host: &str, path: &str, count: usize| -> io::Result<Vec<String>> {
        let listener = TcpListener::bind((host, 0))?;
        let address = listener.local_addr()?;
        receiver.listen(listener);
        Ok((0..count).map(|number| format!("http://{address}/{path}/{number}")).collect())
    };
    let answering = Arc::new(at("127.0.0.1", "answers", all)?);
    let host = std::env::var("HANGING_HOST").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let stuck = at(&host, "hangs", hanging)?;

    let newsroom = Newsroom::start(client.clone()).await?;
    let subscribe = stream::iter(answering.iter().chain(&stuck)).map(|callback| newsroom.subscribe(callback, signed));
    subscribe.buffer_unordered(32).try_collect::<()>().await?;
    eventually("all are verified", async || receiver.verified.load(Relaxed) >= all + hanging).await?;
    // New subscribers may get the document as it is. After that, a first round warms up.
    tokio::time::sleep(Duration::from_secs(3)).await;

    let (mut loops, mut free, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=if hanging > 0 { 2 * ROUNDS } else { ROUNDS } {
        let number = ARTICLES + round;
        let hang = hanging > 0 && round > 0 && round % 2 == 0;
        newsroom.article(number)?;
        let courant = receiver.round(all, number, hang, newsroom.webhook()).await?;
        let document = newsroom.document().await?;
        let yardstick = receiver.round(all, number, false, bare(&client, &answering, &document)).await?;
        let Round { per_second, milliseconds, hung } = courant;
        if round == 0 {
            println!("{all} subscribers, {hanging} beside them, signed: {signed}; {} bytes", document.len());
            continue;
        }
        let told = if hang { format!(", {hung} hanging") } else { String::new() };
        let bare = yardstick.per_second;
        println!(
            "round {round}{told}: {per_second:.0}/s, last receipt after {milliseconds:.0} ms; bare loop {bare:.0}/s"
        );
        loops.push(yardstick);
        if hang { beside.push(courant) } else { free.push(courant) }
    }
    let (ours, bare) = (median(&free, |round| round.per_second), median(&loops, |round| round.per_second));
    let time = median(&free, |round| round.milliseconds);
    println!("medians: bare loop {bare:.0}/s, courant {ours:.0}/s, ratio {:.2}", ours / bare);
    println!("from the webhook to the last receipt: {time:.0} ms");
    if hanging > 0 {
        let slowed = median(&beside, |round| round.milliseconds);
        println!("the same beside {hanging} that hang: {slowed:.0} ms, {:.2} of the time without", slowed / time);
    }
    println!("the server's peak memory: {}", newsroom.memory()?);
    let warned = newsroom.log("level").iter().filter(|level| *level == "WARN" || *level == "ERROR").count();
    println!("warnings and errors in its log: {warned}");
    Ok(())
}
