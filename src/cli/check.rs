//! `courant check`

use serde::Serialize;

use super::preview::Nothing;
use super::silent::silent_feeds;
use super::{Common, Failed, counted, draw, print_json};
use crate::app::Newsroom;
use crate::config::{Config, Mistake, Mistakes};
use crate::source::{Cursor, Rejection};
use crate::store::Store;

/// Read the newsroom's files and tell every mistake
#[derive(clap::Args)]
pub(super) struct Check {
    /// Also ask each source whether it answers
    #[arg(long)]
    live: bool,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Default)]
struct Report {
    ok: bool,
    mistakes: Vec<Mistake>,
    sources: Vec<Asked>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Asked {
    source: String,
    ok: bool,
    told: String,
    /// Articles that can't be read, and why.
    left_out: Vec<String>,
}

impl Check {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let config = match common.config() {
            Ok(config) if config.doubts.0.is_empty() => config,
            Ok(Config { doubts: mistakes, .. }) | Err(mistakes) => {
                if self.json {
                    print_json(&Report { mistakes: mistakes.0, ..Report::default() })?;
                } else {
                    draw(&mistakes);
                }
                return Err(Failed::Told);
            }
        };
        let summary = format!(
            "{} and {} are right",
            counted(config.sources.len(), "source"),
            counted(config.feeds.len(), "feed")
        );
        let newsroom = Newsroom::new(config)?;
        let mut report = Report { ok: true, ..Report::default() };
        if self.live {
            for source in &newsroom.config.sources {
                let pulled = source.source.pull(&newsroom.fetcher, Cursor::default(), &Nothing).await;
                let asked = match pulled {
                    Ok(pulled) => {
                        let more = if pulled.more { " and there are more" } else { "" };
                        let note = pulled.note.map(|note| format!("; {note}")).unwrap_or_default();
                        let told = format!("answers with {}{more}{note}", counted(pulled.items.len(), "article"));
                        let told_of = |rejection: Rejection| format!("{}: {}", rejection.key, rejection.why);
                        let left_out = pulled.rejected.into_iter().map(told_of).collect();
                        Asked { source: source.name.clone(), ok: true, told, left_out }
                    }
                    Err(error) => {
                        Asked { source: source.name.clone(), ok: false, told: error.to_string(), left_out: Vec::new() }
                    }
                };
                if !self.json {
                    say!("{}: {}", asked.source, asked.told);
                    for article in &asked.left_out {
                        say!("    left out: {article}");
                    }
                }
                report.ok &= asked.ok;
                report.sources.push(asked);
            }
        }
        report.notes = advice(&newsroom);
        report.notes.extend(silent(&newsroom, &common.database()?).await);
        if self.json {
            print_json(&report)?;
        } else {
            say!("{}: {summary}", common.feeds.display());
            for note in &report.notes {
                say!("note: {note}");
            }
        }
        if report.ok { Ok(()) } else { Err(Failed::Told) }
    }
}

/// What is no mistake, and yet not meant.
fn advice(newsroom: &Newsroom) -> Vec<String> {
    let mut advice = Vec::new();
    if newsroom.config.feeds.is_empty() {
        advice.push("there is no feed; a file such as feeds/all.toml with title = \"…\" makes one".to_owned());
    }
    if newsroom.config.sources.is_empty() {
        advice.push("there is no source; `courant add https://your-site/` writes one".to_owned());
    }
    if newsroom.config.site.public_url.contains("//127.0.0.1")
        || newsroom.config.site.public_url.contains("//localhost")
    {
        advice.push(
            "public_url is an address of this machine alone: fine for trying, but readers elsewhere can't use it"
                .to_owned(),
        );
    }
    advice
}

/// The feeds that show nothing, if there is a database to ask. Looking makes none.
async fn silent(newsroom: &Newsroom, database: &str) -> Vec<String> {
    if !Store::is_there(database) {
        return Vec::new();
    }
    let silent = async {
        let store = Store::open(database).await?;
        let silent = silent_feeds(&store, &newsroom.config.feeds).await;
        store.close().await;
        silent
    };
    match silent.await {
        Ok(silent) => silent.into_iter().map(|(feed, why)| format!("the feed {feed} selects nothing: {why}")).collect(),
        Err(error) => vec![format!("whether the feeds select anything is not known: {error}")],
    }
}

impl From<Mistakes> for Failed {
    fn from(mistakes: Mistakes) -> Self {
        Failed::Mistakes(mistakes)
    }
}
