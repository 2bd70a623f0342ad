//! A newsroom of its own for each test: a directory, a database, maybe a server.
//!
//! A server is held to two things beside what its test asks: it logs no warning and no error that the test did not expect,
//! and when it stops, no document is behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{self, Answer};
use crate::postgres::Database;

/// A source with this schedule is pulled when it is new, and then only when somebody asks.
pub(crate) const NEVER: &str = "0 0 1 1 *";

const HEAD: &str = "title = \"The Test Paper\"
home = \"https://paper.example/\"
public_url = \"https://feeds.example.org\"
language = \"en\"
timezone = \"Asia/Karachi\"
";

/// Longer than anything takes: it ends a test that would hang, and is no measure of speed.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `look` sees something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < DEADLINE, "it never came that {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// New, corrected, withdrawn, unchanged, rejected.
pub(crate) type Counts = [u64; 5];

pub(crate) struct Newsroom {
    dir: Arc<TempDir>,
    /// The default is a file in the directory.
    database: Option<Arc<Database>>,
    server: Option<Server>,
    expected: Vec<&'static str>,
}

struct Server {
    child: Child,
    /// `None`: it serves no readers.
    at: Option<SocketAddr>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Newsroom {
    /// A newsroom with one feed of everything, `all`. `more` is what its newsroom.toml has besides its head.
    pub(crate) fn new(more: &str) -> Self {
        let dir = Arc::new(TempDir::new().expect("a directory"));
        let newsroom = Self { dir, database: None, server: None, expected: Vec::new() };
        newsroom.write("feeds/newsroom.toml", &format!("{HEAD}\n{more}"));
        newsroom.write("feeds/all.toml", "title = \"Everything\"\n[show]\nlimit = 1000\n");
        newsroom
    }

    /// A newsroom whose articles are files in `articles/`.
    pub(crate) fn of_files() -> Self {
        let newsroom =
            Self::new(&format!("[source.desk]\nkind = \"folder\"\npath = \"../articles\"\nschedule = \"{NEVER}\"\n"));
        fs::create_dir(newsroom.path("articles")).expect("a directory");
        newsroom
    }

    /// With one article, of the title `Rain`, pulled.
    pub(crate) fn with_rain(self) -> Self {
        self.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
        self.pull("desk");
        self
    }

    /// The same on PostgreSQL. `None`: there is none here, and the test has to be skipped.
    pub(crate) fn on_postgres(self) -> Option<Self> {
        let mut newsroom = self.beside();
        newsroom.database = Some(Arc::new(Database::new(false)?));
        Some(newsroom)
    }

    /// The address of its database on PostgreSQL.
    pub(crate) fn database(&self) -> String {
        self.database.as_ref().expect("a PostgreSQL").url()
    }

    /// The same on a PostgreSQL of its own, which can be stopped.
    pub(crate) fn on_its_own_postgres(self) -> Option<Self> {
        let mut newsroom = self.beside();
        newsroom.database = Some(Arc::new(Database::alone()?));
        Some(newsroom)
    }

    pub(crate) fn postgres(&self) -> &Database {
        self.database.as_ref().expect("it is on PostgreSQL")
    }

    /// One more node of this newsroom: the same files, the same database, a server of its own.
    pub(crate) fn beside(&self) -> Self {
        let database = self.database.clone();
        Self { dir: Arc::clone(&self.dir), database, server: None, expected: Vec::new() }
    }

    /// Writes one article as a file. `date` is as front matter has it.
    pub(crate) fn article(&self, name: &str, date: &str, text: &str) {
        self.write(&format!("articles/{name}.md"), &format!("---\ntitle: {name}\ndate: {date}\n---\n{text}\n"));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// The command, ready to run in the newsroom's directory, where its defaults find everything.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COURANT_")) {
            command.env_remove(name);
        }
        if let Some(database) = &self.database {
            command.env("COURANT_DATABASE_URL", database.url());
        }
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let output = self.command(args).output().expect("the command runs");
        Output {
            status: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Pulls one source, which must succeed, and tells what became of its articles.
    #[track_caller]
    pub(crate) fn pull(&self, source: &str) -> Counts {
        let output = self.run(&["pull", source, "--json"]);
        assert_eq!(output.status, 0, "{output:?}");
        counts(&output, source)
    }

    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let output = self.run(&["status", "--json"]);
        assert_eq!(output.status, 0, "{output:?}");
        output.json()
    }

    /// Waits until every document is up to date.
    pub(crate) fn settled(&self) {
        eventually("no document is behind", || {
            let status = self.status();
            let feeds = status["feeds"].as_array().expect("feeds");
            feeds.iter().all(|document| document["behind"] == 0).then_some(())
        });
    }

    /// Declares that the server warns of this, and that it would be wrong not to.
    pub(crate) fn expect_log(&mut self, text: &'static str) {
        self.expected.push(text);
    }

    /// Starts the server and waits until it is ready.
    #[track_caller]
    pub(crate) fn serve(&mut self) {
        self.serve_as("all");
    }

    /// The same in a role. A worker serves nobody, so it is not waited for.
    #[track_caller]
    pub(crate) fn serve_as(&mut self, role: &str) {
        assert!(self.server.is_none(), "one server is enough");
        let mut command = self.command(&["serve", "--role", role, "--listen", "127.0.0.1:0", "--log-format", "json"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (stderr, lines) = (child.stderr.take().expect("a pipe"), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().expect("the log").push(line);
            }
        });
        if role == "worker" {
            self.server = Some(Server { child, at: None, log });
            return;
        }
        let at = eventually("the server says where it listens", || {
            assert!(child.try_wait().expect("its state").is_none(), "the server ended: {log:?}");
            log.lock().expect("the log").iter().find_map(|line| address(line))
        });
        self.server = Some(Server { child, at: Some(at), log });
        eventually("the server is ready", || (self.get("/readyz")?.status == 200).then_some(()));
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.as_ref().and_then(|server| server.at).expect("a server that serves")
    }

    /// Asks the server; `None` if it does not answer.
    pub(crate) fn get(&self, path: &str) -> Option<Answer> {
        http::ask(self.address(), "GET", path, &[])
    }

    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        http::ask(self.address(), method, path, fields).expect("the server answers")
    }

    /// A document that must be there.
    #[track_caller]
    pub(crate) fn document(&self, path: &str) -> Answer {
        let answer = self.ask("GET", path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// The articles of the feed `all` as its JSON Feed has them now.
    #[track_caller]
    pub(crate) fn items(&self) -> Vec<Value> {
        self.document("/feeds/all.json").json()["items"].as_array().expect("items").clone()
    }

    /// Their titles, latest first.
    #[track_caller]
    pub(crate) fn titles(&self) -> Vec<String> {
        self.items().iter().map(|item| item["title"].as_str().expect("a title").to_owned()).collect()
    }

    /// The same without a server, as an export has them.
    #[track_caller]
    pub(crate) fn exported_items(&self) -> Vec<Value> {
        let output = self.run(&["export", "out"]);
        assert_eq!(output.status, 0, "{output:?}");
        let feed = fs::read(self.path("out/feeds/all.json")).expect("the feed");
        let feed: Value = serde_json::from_slice(&feed).expect("JSON");
        feed["items"].as_array().expect("items").clone()
    }

    /// Waits until the feed `all` shows exactly these.
    #[track_caller]
    pub(crate) fn shows(&self, titles: &[&str]) {
        eventually(&format!("the feed shows {titles:?}"), || (self.titles() == titles).then_some(()));
    }

    /// Waits until the server has logged this.
    pub(crate) fn logged(&self, text: &str) {
        let log = &self.server.as_ref().expect("the server runs").log;
        eventually(&format!("the server logs {text:?}"), || {
            log.lock().expect("the log").iter().any(|line| line.contains(text)).then_some(())
        });
    }

    /// Asks the server to stop, and holds it to a clean end.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.settled();
        self.stop_at_once();
    }

    /// The same, even if there is work left.
    #[track_caller]
    pub(crate) fn stop_at_once(&mut self) {
        self.signal("TERM");
        let mut server = self.server.take().expect("the server runs");
        let status = eventually("the server stops", || server.child.try_wait().expect("its state"));
        assert_eq!(status.code(), Some(0), "a server that is asked to stop ends well: {:?}", server.log);
        self.is_clean(&server);
    }

    /// Sends the server a signal, such as `TERM`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let process = self.server.as_ref().expect("the server runs").child.id();
        // Standard Rust has no way to do so.
        let told = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
        assert!(told.expect("a shell").success(), "the server can't be told");
    }

    /// The warnings and errors that the server has logged.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let log = &self.server.as_ref().expect("the server runs").log;
        log.lock().expect("the log").iter().filter(|line| is_trouble(line)).cloned().collect()
    }

    /// Ends the server with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().expect("the server runs");
        server.child.kill().expect("it was still at work");
        server.child.wait().expect("its end");
    }

    fn is_clean(&mut self, server: &Server) {
        let log = server.log.lock().expect("the log");
        let expected = std::mem::take(&mut self.expected);
        for line in log.iter().filter(|line| is_trouble(line)) {
            let known = expected.iter().any(|text| line.contains(text));
            assert!(known, "the server logged what its test does not expect: {line}");
        }
        for text in expected {
            assert!(log.iter().any(|line| line.contains(text)), "the server never logged {text:?}: {log:#?}");
        }
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        if !thread::panicking() {
            if self.server.is_some() {
                self.stop();
            }
            return;
        }
        if let Some(mut server) = self.server.take() {
            let _ = server.child.kill();
            let _ = server.child.wait();
            eprintln!("the server's log: {:#?}", server.log);
        }
    }
}

/// What a pull says became of a source's articles.
#[track_caller]
pub(crate) fn counts(output: &Output, source: &str) -> Counts {
    let line = &output.json()["sources"][source];
    ["new", "corrected", "withdrawn", "unchanged", "rejected"]
        .map(|name| line[name].as_u64().unwrap_or_else(|| panic!("no count of {name}: {output:?}")))
}

/// Where the server listens, if this line says so.
fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["fields"]["at"].as_str()?.strip_prefix("http://")?.trim_end_matches('/').parse().ok()
}

/// Whether a log line is a warning or an error. What is no log line at all, such as a panic, is worse. That a statement was slow says
/// only how busy this machine is.
fn is_trouble(line: &str) -> bool {
    let is_slow =
        |line: &Value| line["fields"]["message"].as_str().is_some_and(|text| text.starts_with("slow statement"));
    serde_json::from_str::<Value>(line)
        .map_or(true, |line| (line["level"] == "WARN" || line["level"] == "ERROR") && !is_slow(&line))
}
