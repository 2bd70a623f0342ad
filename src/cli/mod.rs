//! The command line: one page for each subcommand. The one room that reads the environment.

/// Writes a line to standard output. Whoever reads it may have had enough (`| head`): that is no failure.
macro_rules! say {
    ($($text:tt)*) => { crate::cli::say(format_args!($($text)*)) };
}

mod add;
mod check;
mod export;
mod log;
mod moving;
mod preview;
mod pull;
mod serve;
mod silent;
mod status;
mod subscriptions;
mod validate;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use ipnet::IpNet;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use crate::app::{App, Place, SetupError};
use crate::config::{Config, Mistakes};
use crate::store::{Store, StoreError};

/// The syndication desk of a news publisher: pulls what a newsroom has published, and serves it as RSS, Atom and JSON Feed.
#[derive(Parser)]
#[command(name = "courant", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
First steps:
  courant add https://your-site/   write the files for a site
  courant check --live             are they right, do the sources answer?
  courant serve                    serve at http://127.0.0.1:8080/

Every option is also an environment variable, as shown. A secret can come
from a file: append _FILE to the variable's name.

Exit status: 0 the work is done, 1 it failed or found mistakes,
2 the command line or the configuration is wrong.";

/// What every subcommand understands.
#[derive(Args, Debug, Clone)]
struct Common {
    /// The directory of newsroom.toml and the feeds
    #[arg(long, global = true, value_name = "DIR", default_value = "feeds", env = "COURANT_FEEDS")]
    feeds: PathBuf,
    /// The database: sqlite:FILE or postgres://… [default: sqlite:courant.db]
    #[arg(long, global = true, value_name = "URL", env = "COURANT_DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    /// Where the service is reached from outside; overrides newsroom.toml
    #[arg(long, global = true, value_name = "URL", env = "COURANT_PUBLIC_URL")]
    public_url: Option<String>,
    /// What to log, as a tracing filter [default: info for serve, error otherwise]
    #[arg(long, global = true, value_name = "FILTER", env = "COURANT_LOG", hide_short_help = true)]
    log: Option<String>,
    /// How to write the log
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        env = "COURANT_LOG_FORMAT",
        hide_short_help = true
    )]
    log_format: log::Format,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the feeds, pull the sources, publish every change
    Serve(serve::Serve),
    /// Pull now, once, and say what changed
    Pull(pull::Pull),
    /// Show what a pull would bring; stores nothing
    Preview(preview::Preview),
    /// Read the newsroom's files and tell every mistake
    Check(check::Check),
    /// Find out what a site offers, and write its source and first feed
    Add(add::Add),
    Export(export::Export),
    /// Read a feed document as a strict reader would
    Validate(validate::Validate),
    /// Sources, feeds, subscriptions, what is owed: at a glance
    Status(status::Status),
    /// List WebSub subscriptions, show their last deliveries, or end one
    Subscriptions(subscriptions::Subscriptions),
    Move(moving::Move),
    /// Write a shell's completions to standard output
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

const NO_DATABASE: &str = "there is no such database yet; `courant serve` or `courant pull` makes it";

/// Why a command ended without having done its work.
#[derive(Debug, Error)]
enum Failed {
    /// Exit status 1.
    #[error("{0}")]
    Work(String),
    /// Exit status 1, and everything has been said.
    #[error("")]
    Told,
    /// Exit status 2.
    #[error("{0}")]
    Usage(String),
    /// Exit status 2.
    #[error("{0}")]
    Mistakes(Mistakes),
}

impl From<SetupError> for Failed {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Mistakes(mistakes) => Failed::Mistakes(mistakes),
            SetupError::Store(error) => error.into(),
            other => Failed::Work(other.to_string()),
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Address(_) => Failed::Usage(error.to_string()),
            other => Failed::Work(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Failed::Work(error.to_string())
    }
}

/// For the errors of rooms that a command can do nothing about.
fn work(error: impl std::fmt::Display) -> Failed {
    Failed::Work(error.to_string())
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let Cli { common, command } = Cli::parse();
    let is_serve = matches!(command, Command::Serve(_));
    if let Err(error) = log::start(common.log.as_deref(), common.log_format, is_serve) {
        return ended(Err(Failed::Usage(error)));
    }
    ended(match command {
        Command::Serve(command) => run(command.run(common)),
        Command::Pull(command) => run(command.run(common)),
        Command::Preview(command) => run(command.run(common)),
        Command::Check(command) => run(command.run(common)),
        Command::Add(command) => run(command.run(common)),
        Command::Export(command) => run(command.run(common)),
        Command::Validate(command) => run(command.run(common)),
        Command::Status(command) => run(command.run(common)),
        Command::Subscriptions(command) => run(command.run(common)),
        Command::Move(command) => run(command.run()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "courant", &mut script);
            say!("{}", String::from_utf8_lossy(&script));
            Ok(())
        }
    })
}

fn run(command: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

fn ended(result: Result<(), Failed>) -> ExitCode {
    let Err(failed) = result else { return ExitCode::SUCCESS };
    match &failed {
        Failed::Told => {}
        Failed::Mistakes(mistakes) => draw(mistakes),
        Failed::Work(_) | Failed::Usage(_) => eprintln!("courant: {failed}"),
    }
    match failed {
        Failed::Work(_) | Failed::Told => ExitCode::from(1),
        Failed::Usage(_) | Failed::Mistakes(_) => ExitCode::from(2),
    }
}

/// Mistakes as a compiler shows them.
fn draw(mistakes: &Mistakes) {
    use std::io::IsTerminal;
    let coloured = std::io::stderr().is_terminal();
    for mistake in &mistakes.0 {
        eprintln!("{}\n", mistake.drawn(coloured));
    }
    let count = mistakes.0.len();
    eprintln!("courant: {count} mistake{} in the newsroom's files", if count == 1 { "" } else { "s" });
}

impl Common {
    fn place(&self) -> Result<Place, Failed> {
        Ok(Place { feeds: self.feeds.clone(), database: self.database()?, public_url: self.public_url.clone() })
    }

    /// The database's address: the option or variable, else the file that a variable names, else beside us.
    fn database(&self) -> Result<String, Failed> {
        if let Some(database) = &self.database {
            return Ok(database.clone());
        }
        #[expect(clippy::disallowed_methods, reason = "the command line is the room that reads the environment")]
        let file = std::env::var_os("COURANT_DATABASE_URL_FILE");
        match file {
            Some(file) => std::fs::read_to_string(&file)
                .map(|text| text.trim().to_owned())
                .map_err(|error| Failed::Usage(format!("COURANT_DATABASE_URL_FILE: {}: {error}", file.display()))),
            None => Ok("sqlite:courant.db".to_owned()),
        }
    }

    /// For what publishes what is there.
    async fn open(&self) -> Result<Arc<App>, Failed> {
        Ok(App::open(self.there()?).await?)
    }

    /// For commands that only look: what others have made of the configuration stays as it is.
    async fn look(&self) -> Result<Arc<App>, Failed> {
        Ok(App::look(self.there()?).await?)
    }

    /// The newsroom's place, if its database is there: of a mistyped one an empty newsroom would be made.
    fn there(&self) -> Result<Place, Failed> {
        let place = self.place()?;
        if !Store::is_there(&place.database) {
            self.config()?;
            return Err(Failed::Usage(format!("{}: {NO_DATABASE}", place.database)));
        }
        Ok(place)
    }

    fn config(&self) -> Result<Config, Mistakes> {
        Config::read(&self.feeds, self.public_url.as_deref())
    }
}

/// A token that is cancelled by Ctrl-C or `kill`, and the future that waits for those.
async fn stopped(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    stop.cancel();
}

/// The network of an address that is not public, as `fetch.allow_private` takes it. Who types an address means it, on this
/// very machine too; what the address redirects to is another matter.
fn private_network(url: &Url) -> Option<IpNet> {
    let net = match url.host()? {
        Host::Ipv4(address) if address.is_loopback() => "127.0.0.0/8".to_owned(),
        Host::Ipv4(address) if address.is_private() => format!("{address}/32"),
        Host::Ipv6(address) if address.is_loopback() => "::1/128".to_owned(),
        Host::Domain("localhost") => "127.0.0.0/8".to_owned(),
        _ => return None,
    };
    net.parse().ok()
}

fn say(text: std::fmt::Arguments<'_>) {
    use std::io::Write;
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Writes a document for scripts to standard output.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failed> {
    say!("{}", serde_json::to_string_pretty(value).map_err(work)?);
    Ok(())
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_header(head);
    table
}

/// An instant for scripts.
fn stamp(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// "1 article", "2 articles", "2 deliveries".
fn counted<N: std::fmt::Display + PartialEq + From<u8>>(count: N, word: &str) -> String {
    match word.strip_suffix('y') {
        _ if count == N::from(1) => format!("1 {word}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {word}s"),
    }
}
