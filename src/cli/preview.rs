//! `courant preview`

use std::collections::HashSet;

use async_trait::async_trait;
use chrono_tz::Tz;
use serde::Serialize;

use super::pull::named;
use super::{Common, Failed, print_json, work};
use crate::app::{Newsroom, now};
use crate::article::{Article, SourceKey};
use crate::normalize;
use crate::source::{Cursor, Held, PullError};

/// Show what a pull would bring; stores nothing
#[derive(clap::Args)]
pub(super) struct Preview {
    /// The source to look at
    source: String,
    /// How many articles to show
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: usize,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    source: String,
    articles: Vec<Article>,
    rejected: Vec<Line>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Line {
    key: String,
    why: String,
}

impl Preview {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let newsroom = Newsroom::new(common.config().map_err(Failed::Mistakes)?)?;
        let sources = named(&newsroom.config.sources, std::slice::from_ref(&self.source))?;
        let Some(source) = sources.first() else { return Ok(()) };
        let mut report = Report { source: self.source.clone(), articles: Vec::new(), rejected: Vec::new(), note: None };
        let mut cursor = Cursor::default();
        loop {
            let pulled = source.source.pull(&newsroom.fetcher, cursor, &Nothing).await.map_err(work)?;
            report.note = pulled.note.or(report.note);
            report
                .rejected
                .extend(pulled.rejected.into_iter().map(|rejection| Line { key: rejection.key, why: rejection.why }));
            for item in pulled.items {
                let key = item.key.to_string();
                match normalize::draft(item, &source.house, now()) {
                    Ok(draft) => report.articles.push(draft.article),
                    Err(why) => report.rejected.push(Line { key, why: why.to_string() }),
                }
            }
            if !pulled.more || report.articles.len() >= self.limit {
                break;
            }
            cursor = pulled.next;
        }
        report.articles.truncate(self.limit);
        if self.json { print_json(&report) } else { self.show(&report, newsroom.config.site.timezone) }
    }

    fn show(&self, report: &Report, zone: Tz) -> Result<(), Failed> {
        for article in &report.articles {
            say!("{}", article.title);
            say!(
                "    {}  {}  {}",
                article.published.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z"),
                article.language,
                article.authors.join(", ")
            );
            say!("    {}", article.link.as_deref().unwrap_or("(no link)"));
            say!("    in {}", article.categories().join(", "));
            say!("    {}\n", article.summary.chars().take(200).collect::<String>());
        }
        for line in &report.rejected {
            eprintln!("left out {}: {}", line.key, line.why);
        }
        report.note.iter().for_each(|note| eprintln!("note: {note}"));
        if report.articles.is_empty() {
            eprintln!("{}: nothing to bring", report.source);
        }
        Ok(())
    }
}

/// A preview is like the first pull: nothing is held.
pub(super) struct Nothing;

#[async_trait]
impl Held for Nothing {
    async fn count(&self) -> Result<i64, PullError> {
        Ok(0)
    }

    async fn keys(&self) -> Result<HashSet<SourceKey>, PullError> {
        Ok(HashSet::new())
    }
}
