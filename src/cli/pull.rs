//! `courant pull`

use std::collections::BTreeMap;

use futures_util::future::join_all;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Common, Failed, counted, print_json, stopped, work};
use crate::app::App;
use crate::config::SourceConfig;
use crate::store::Outcome;
use crate::worker::{Failure, Progress, Tally, pull};

/// Pull now, once, and say what changed
#[derive(clap::Args)]
pub(super) struct Pull {
    /// The sources to pull; all of them if none is named
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// A source's name, and what pulling it came to.
type Pulled = (String, (Tally, Result<(), Failure>));

#[derive(Serialize)]
struct Report {
    sources: BTreeMap<String, Line>,
}

#[derive(Serialize)]
struct Line {
    new: usize,
    corrected: usize,
    withdrawn: usize,
    unchanged: usize,
    rejected: usize,
    waiting: usize,
    error: Option<String>,
    note: Option<String>,
}

impl Pull {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let app = App::open_to_pull(common.place()?).await?;
        let newsroom = app.newsroom();
        let sources = named(&newsroom.config.sources, &self.sources)?;
        let stop = CancellationToken::new();
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let pulls = sources.iter().map(|source| {
            let bar = bars.add(bar(&source.name));
            let (app, stop) = (&app, &stop);
            async move {
                let watch = |progress: Progress| {
                    bar.set_position(progress.done);
                    bar.set_length(progress.expected.unwrap_or(progress.done).max(progress.done));
                };
                let result = pull(app, source, stop, &watch).await;
                bar.finish_and_clear();
                (source.name.clone(), result)
            }
        });
        let results = tokio::select! {
            results = join_all(pulls) => results,
            // The pulls see it too, and end after the batch that they are at.
            () = async { stopped(stop.clone()).await; std::future::pending().await } => Vec::new(),
        };
        app.store.close().await;
        self.tell(results)
    }

    fn tell(&self, results: Vec<Pulled>) -> Result<(), Failed> {
        let failed = results.iter().any(|(_, (_, result))| result.is_err());
        let mut report = Report { sources: BTreeMap::new() };
        for (name, (tally, result)) in results {
            let error = result.err().map(|failure| failure.to_string());
            // What went wrong is told beside a script's document too.
            for (key, why) in tally.rejected.iter().take(20) {
                eprintln!("{name}: left out {key}: {why}");
            }
            tally.note.iter().for_each(|note| eprintln!("{name}: note: {note}"));
            error.iter().for_each(|error| eprintln!("{name}: failed: {error}"));
            let line = Line {
                new: tally.count(Outcome::New),
                corrected: tally.count(Outcome::Corrected),
                withdrawn: tally.count(Outcome::Withdrawn),
                unchanged: tally.count(Outcome::Unchanged),
                rejected: tally.rejected.len(),
                waiting: tally.waiting.len(),
                error,
                note: tally.note,
            };
            // What failed has been told, and may have brought something before.
            if !self.json && (line.error.is_none() || line.new + line.corrected + line.withdrawn > 0) {
                say!("{name}: {}", told(&line));
            }
            report.sources.insert(name, line);
        }
        if self.json {
            print_json(&report)?;
        }
        if failed { Err(Failed::Told) } else { Ok(()) }
    }
}

fn told(line: &Line) -> String {
    let parts = [
        (line.new, "new"),
        (line.corrected, "corrected"),
        (line.withdrawn, "withdrawn"),
        (line.unchanged, "unchanged"),
        (line.rejected, "rejected"),
        (line.waiting, if line.waiting == 1 { "waits for its hour" } else { "wait for their hour" }),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "nothing new".to_owned() } else { parts.join(", ") }
}

/// The sources of these names, or all.
pub(super) fn named<'a>(sources: &'a [SourceConfig], names: &[String]) -> Result<Vec<&'a SourceConfig>, Failed> {
    for name in names {
        if !sources.iter().any(|source| source.name == *name) {
            let known = sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Failed::Usage(format!(
                "newsroom.toml has no source `{name}`; it has {}: {known}",
                counted(sources.len(), "source")
            )));
        }
    }
    Ok(sources.iter().filter(|source| names.is_empty() || names.contains(&source.name)).collect())
}

fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::no_length().with_message(name.to_owned());
    if let Ok(style) =
        ProgressStyle::with_template("{msg:16} {wide_bar} {human_pos}/{human_len} articles, {per_sec}, {eta} left")
            .map_err(work)
    {
        bar.set_style(style);
    }
    bar
}
