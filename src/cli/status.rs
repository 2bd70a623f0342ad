//! `courant status`

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use comfy_table::Table;
use serde::Serialize;

use super::silent::silent_feeds;
use super::{Common, Failed, NO_DATABASE, counted, print_json, stamp, table};
use crate::app::now;
use crate::config::{Config, Mistake};
use crate::store::{SourceState, Store, StoreError, SubscriptionTotals, TopicState};

/// Sources, feeds, subscriptions, what is owed: at a glance
#[derive(clap::Args)]
pub(super) struct Status {
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    articles: i64,
    withdrawn: i64,
    sources: Vec<Source>,
    feeds: Vec<Document>,
    subscriptions: SubscriptionTotals,
    mistakes: Vec<Mistake>,
}

#[derive(Serialize)]
struct Source {
    name: String,
    articles: i64,
    pulling: bool,
    pulled_at: Option<String>,
    changed_at: Option<String>,
    due_at: String,
    failures: i64,
    error: Option<String>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Document {
    feed: String,
    format: String,
    behind: i64,
    bytes: i64,
    last_modified: Option<String>,
    error: Option<String>,
    note: Option<String>,
}

impl Status {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let database = common.database()?;
        let is_there = Store::is_there(&database);
        // With a mistake in the files the service goes on as it was, and so does its status.
        let (config, mistakes) = match common.config() {
            Ok(config) => (Some(config), Vec::new()),
            Err(mistakes) if is_there => (None, mistakes.0),
            Err(mistakes) => return Err(mistakes.into()),
        };
        let seen = if is_there {
            let store = Store::open(&database).await?;
            let seen = Seen::read(&store, config.as_ref()).await;
            store.close().await;
            seen?
        } else {
            eprintln!("courant: {database}: {NO_DATABASE}");
            Seen::default()
        };
        let Seen { articles, withdrawn, sources, abandoned, topics, silent, subscriptions } = seen;
        if self.json {
            return print_json(&Report {
                articles,
                withdrawn,
                sources: sources.into_iter().map(source).collect(),
                feeds: topics.into_iter().map(|topic| document(topic, &silent)).collect(),
                subscriptions,
                mistakes,
            });
        }
        say!("{}, {withdrawn} withdrawn\n", counted(articles, "article"));
        say!("{}\n", sources_table(&sources));
        say!("{}\n", topics_table(&topics, &silent));
        let SubscriptionTotals { all, behind, failing, delivered, slowest_ms } = subscriptions;
        say!(
            "{}: {behind} behind, {failing} failing; {}, the slowest of the last took {slowest_ms} ms (courant subscriptions lists them)",
            counted(all, "subscription"),
            counted(delivered, "delivery")
        );
        let told = sources.iter().filter_map(|source| Some((&source.name, source.error.as_ref()?)));
        for (name, error) in told {
            say!("\n{name} failed: {error}");
        }
        for (name, articles) in &abandoned {
            let held = counted(*articles, "article");
            say!("\n{name} is in newsroom.toml no more; the {held} that it brought stay as they are");
        }
        for source in &sources {
            source.note.iter().for_each(|note| say!("\n{}: {note}", source.name));
        }
        for (feed, why) in &silent {
            say!("\n{feed} selects nothing: {why}");
        }
        for topic in &topics {
            topic.error.iter().for_each(|error| say!("\n{}.{}: {error}", topic.topic.feed, topic.topic.format));
        }
        if let Some(first) = mistakes.first() {
            say!(
                "\nthe files have mistakes, and a running service stays as it was; the first, and courant check tells all:"
            );
            say!("{}", first.line());
        }
        Ok(())
    }
}

/// What the database tells.
#[derive(Default)]
struct Seen {
    articles: i64,
    withdrawn: i64,
    sources: Vec<SourceState>,
    /// Sources that were taken out of newsroom.toml, with how many articles they brought.
    abandoned: Vec<(String, i64)>,
    topics: Vec<TopicState>,
    silent: BTreeMap<String, String>,
    subscriptions: SubscriptionTotals,
}

impl Seen {
    async fn read(store: &Store, config: Option<&Config>) -> Result<Self, StoreError> {
        let (articles, withdrawn) = store.article_counts().await?;
        let is_there = |source: &SourceState| config.is_none_or(|config| config.source(&source.name).is_some());
        let (sources, abandoned): (Vec<_>, Vec<_>) = store.source_states(now()).await?.into_iter().partition(is_there);
        let feeds = config.map_or(&[][..], |config| &config.feeds);
        Ok(Self {
            articles,
            withdrawn,
            sources,
            abandoned: abandoned
                .into_iter()
                .filter(|source| source.articles > 0)
                .map(|source| (source.name, source.articles))
                .collect(),
            topics: store.topic_states().await?,
            silent: silent_feeds(store, feeds).await?.into_iter().collect(),
            subscriptions: store.subscription_totals(now()).await?,
        })
    }
}

fn sources_table(sources: &[SourceState]) -> Table {
    let mut table = table(["source", "articles", "last pull", "last change", "next pull", "state"]);
    for source in sources {
        let state = match (source.claimed, source.failures) {
            (true, _) => "pulling".to_owned(),
            (false, 0) if source.note.is_some() => "see below".to_owned(),
            (false, 0) => "fine".to_owned(),
            (false, failures) => format!("failing ({failures} in a row)"),
        };
        table.add_row([
            source.name.clone(),
            source.articles.to_string(),
            ago(source.pulled_at),
            ago(source.changed_at),
            ago(Some(source.due_at)),
            state,
        ]);
    }
    table
}

fn topics_table(topics: &[TopicState], silent: &BTreeMap<String, String>) -> Table {
    let mut table = table(["document", "size", "last change", "state"]);
    for topic in topics {
        let state = match (topic.behind, &topic.error) {
            (0, None) if silent.contains_key(&topic.topic.feed) => "selects nothing".to_owned(),
            (0, None) => "up to date".to_owned(),
            (0, Some(_)) => "see below".to_owned(),
            (behind, None) => format!("behind ({behind})"),
            (behind, Some(_)) => format!("failing ({behind} behind)"),
        };
        let size = format!("{} KB", topic.bytes.div_euclid(1024) + i64::from(topic.bytes % 1024 > 0));
        table.add_row([format!("{}.{}", topic.topic.feed, topic.topic.format), size, ago(topic.last_modified), state]);
    }
    table
}

/// How long ago, or how long until.
fn ago(at: Option<DateTime<Utc>>) -> String {
    let Some(at) = at else { return "never".to_owned() };
    let seconds = (now() - at).num_seconds();
    let (number, unit) = match seconds.abs() {
        0..60 => (seconds.abs(), "s"),
        60..3600 => (seconds.abs() / 60, "min"),
        3600..172_800 => (seconds.abs() / 3600, "h"),
        _ => (seconds.abs() / 86_400, "days"),
    };
    if seconds >= 0 { format!("{number} {unit} ago") } else { format!("in {number} {unit}") }
}

fn source(state: SourceState) -> Source {
    Source {
        name: state.name,
        articles: state.articles,
        pulling: state.claimed,
        pulled_at: state.pulled_at.map(stamp),
        changed_at: state.changed_at.map(stamp),
        due_at: stamp(state.due_at),
        failures: state.failures,
        error: state.error,
        note: state.note,
    }
}

fn document(state: TopicState, silent: &BTreeMap<String, String>) -> Document {
    Document {
        note: silent.get(&state.topic.feed).map(|why| format!("selects nothing: {why}")),
        feed: state.topic.feed,
        format: state.topic.format,
        behind: state.behind,
        bytes: state.bytes,
        last_modified: state.last_modified.map(stamp),
        error: state.error,
    }
}
