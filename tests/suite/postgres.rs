//! A PostgreSQL for tests: a database of its own for each.
//!
//! With `COURANT_TEST_POSTGRES_URL`, on the server that it names, as a user who may create databases. Otherwise on a server that
//! this process starts from installed binaries, in a temporary folder, without TCP, as an ordinary user, and that ends with it.
//! Without either, the test says that it is skipped; with `COURANT_TEST_NO_SKIP=1` it fails.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A database that is gone when this is dropped.
pub(crate) struct Database {
    server: Arc<Server>,
    name: String,
}

impl Database {
    /// A new, empty one; `fsync`: a server that is started for it waits for the disk. `None`: the test has to be skipped, which
    /// is said here.
    pub(crate) fn new(fsync: bool) -> Option<Self> {
        static SERVER: OnceLock<Result<Arc<Server>, String>> = OnceLock::new();
        Self::on(SERVER.get_or_init(|| Server::find(fsync).map(Arc::new)).clone())
    }

    /// The same on a server of its own, which can be stopped.
    pub(crate) fn alone() -> Option<Self> {
        Self::on(Server::installed(false).map(Arc::new))
    }

    fn on(server: Result<Arc<Server>, String>) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = match server {
            Ok(server) => server,
            Err(why) => {
                let must = std::env::var_os("COURANT_TEST_NO_SKIP").is_some_and(|value| value == "1");
                assert!(!must, "no PostgreSQL: {why}");
                // Straight to the terminal: what passes is not shown otherwise.
                let test = thread::current().name().unwrap_or("a test").to_owned();
                let _ = writeln!(std::io::stderr(), "SKIPPED {test}, which needs a PostgreSQL: {why}");
                return None;
            }
        };
        let name = format!("courant_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        run(&server.url, format!("CREATE DATABASE {name}")).expect("a database");
        Some(Self { server, name })
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        let mut url = url::Url::parse(&self.server.url).expect("an address");
        url.set_path(&self.name);
        url.into()
    }

    /// Runs a statement in it.
    pub(crate) fn run(&self, sql: &str) {
        run(&self.url(), sql.to_owned()).expect("the statement runs");
    }

    /// Ends its server in the middle of whatever it does.
    pub(crate) fn stop(&self) {
        self.server.tell("stop");
        self.server.wait(false);
    }

    /// Starts its server again, at the same address.
    pub(crate) fn start(&self) {
        self.server.tell("start");
        self.server.wait(true);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = run(&self.server.url, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)) {
            eprintln!("{} stays behind: {error}", self.name);
        }
    }
}

/// Runs a statement on a server, whatever the caller is: a thread of its own can wait in a runtime of its own.
fn run(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let work = async {
        let mut connection = PgConnection::connect(server).await?;
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    };
    let wait = || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work);
    thread::scope(|scope| scope.spawn(wait).join().expect("no panic"))
}

struct Server {
    url: String,
    /// When this process ends, however it does, the pipe closes and the server ends.
    life: Option<Mutex<ChildStdin>>,
}

/// Starts a server in the folder $2 with the binaries in $1, and stops and starts it as standard input says; when that ends, ends it
/// and removes the folder.
const LIFE: &str = r#"
start() {
    "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync="$3" -c full_page_writes="$3" -c shared_buffers=32MB \
        -c max_connections=200 >>"$2/log" 2>&1 &
}
start "$@"
while read -r told; do
    if [ "$told" = stop ]; then kill -QUIT $!; wait; else start "$@"; fi
done
kill -QUIT $!
wait
rm -rf "$2"
"#;

impl Server {
    fn find(fsync: bool) -> Result<Self, String> {
        if let Ok(url) = std::env::var("COURANT_TEST_POSTGRES_URL") {
            return Ok(Self { url, life: None });
        }
        Self::installed(fsync)
    }

    fn installed(fsync: bool) -> Result<Self, String> {
        let binaries = binaries().ok_or("the programs initdb and postgres are not installed")?;
        Self::start(&binaries, fsync).map_err(|error| format!("{} can't be started: {error}", binaries.display()))
    }

    fn start(binaries: &Path, fsync: bool) -> std::io::Result<Self> {
        let template = template(binaries)?;
        let user = Ordinary::find()?;
        let folder = tempfile::Builder::new().prefix("courant-postgres-").tempdir()?.keep();
        let copied = Command::new("cp").arg("-a").arg(template).arg(folder.join("data")).status()?;
        if !copied.success() {
            return Err(std::io::Error::other("its data can't be copied"));
        }
        user.give(&folder)?;
        let mut shell = user.command("sh");
        shell.args([OsStr::new("-c"), OsStr::new(LIFE), OsStr::new("sh"), binaries.as_ref(), folder.as_ref()]);
        shell
            .arg(if fsync { "on" } else { "off" })
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let life = shell.spawn()?.stdin.take().map(Mutex::new);
        let url = format!("postgres://postgres@localhost/postgres?host={}", folder.display());
        let start = Instant::now();
        while let Err(error) = run(&url, "SELECT 1".to_owned()) {
            if start.elapsed() > Duration::from_secs(30) {
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                return Err(std::io::Error::other(format!("{error}; it says: {log}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { url, life })
    }

    fn tell(&self, word: &str) {
        let life = self.life.as_ref().expect("a server of our own");
        writeln!(life.lock().expect("its input"), "{word}").expect("it listens");
    }

    fn wait(&self, answers: bool) {
        let start = Instant::now();
        while run(&self.url, "SELECT 1".to_owned()).is_ok() != answers {
            assert!(start.elapsed() < Duration::from_secs(30), "the server does not do as it is told");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Where the newest server's programs are.
fn binaries() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = versions.into_iter().map(|(_, folder)| folder).chain(std::env::split_paths(&path));
    folders.into_iter().find(|folder| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()))
}

/// The data of a server that has never run, made once: making it takes seconds, copying it does not.
fn template(binaries: &Path) -> std::io::Result<PathBuf> {
    let target = std::env::current_exe()?;
    let shelf = target.ancestors().nth(3).unwrap_or(Path::new("target")).join("tmp");
    fs::create_dir_all(&shelf)?;
    let name: String = binaries.to_string_lossy().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let (made, lock) = (shelf.join(format!("postgres-{name}")), File::create(shelf.join("postgres.lock"))?);
    lock.lock()?;
    if !made.exists() {
        // The ordinary user may not be able to write there: it is made elsewhere first.
        let user = Ordinary::find()?;
        let folder = tempfile::tempdir()?;
        user.give(folder.path())?;
        let mut initdb = user.command(binaries.join("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        let output =
            initdb.args(["--wal-segsize=1", "--pgdata"]).arg(folder.path().join("data")).current_dir("/").output()?;
        if !output.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let half = made.with_extension("half");
        let _ = fs::remove_dir_all(&half);
        Command::new("cp").arg("-a").arg(folder.path().join("data")).arg(&half).status()?;
        fs::rename(half, &made)?;
    }
    Ok(made)
}

/// Whom a server runs as: it refuses to be root.
struct Ordinary(Option<(u32, u32)>);

impl Ordinary {
    fn find() -> std::io::Result<Self> {
        if fs::metadata("/proc/self")?.uid() != 0 {
            return Ok(Self(None));
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let ids = |name: &str| {
            let mut fields =
                users.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
            Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        let found = ids("postgres").or_else(|| ids("nobody"));
        found.map(|found| Self(Some(found))).ok_or_else(|| std::io::Error::other("there is no user postgres or nobody"))
    }

    fn give(&self, folder: &Path) -> std::io::Result<()> {
        self.0.map_or(Ok(()), |(user, group)| chown(folder, Some(user), Some(group)))
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }
}
