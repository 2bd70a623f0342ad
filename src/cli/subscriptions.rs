//! `courant subscriptions`

use serde::Serialize;

use super::{Common, Failed, counted, print_json, stamp, table, work};
use crate::app::{App, now};
use crate::store::{Delivery, Intent, Receiver, SubscriptionState};

/// List WebSub subscriptions and requests that wait, show their last deliveries, or end one
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Subscriptions {
    #[command(subcommand)]
    action: Option<Action>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show the last deliveries, newest first
    ///
    /// Of a change that goes to very many callbacks, those that failed are in the log, and a few that arrived.
    Log {
        /// Only those to this address
        callback: Option<String>,
        /// How many to show
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        /// One JSON document on standard output
        #[arg(long)]
        json: bool,
    },
    /// End every subscription of a callback; it is not told
    End {
        /// The callback's address
        callback: String,
    },
}

/// Requests that wait are shown, as far as these many.
const WAITING: i64 = 20;

#[derive(Serialize)]
struct Line {
    feed: String,
    format: String,
    callback: String,
    kind: &'static str,
    state: &'static str,
    behind: i64,
    delivered: i64,
    delivered_at: Option<String>,
    latency_ms: Option<i64>,
    failures: i64,
    error: Option<String>,
    lease_until: Option<String>,
}

#[derive(Serialize)]
struct Logged {
    at: String,
    feed: String,
    format: String,
    callback: String,
    latency_ms: i64,
    error: Option<String>,
}

impl Subscriptions {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let app = common.look().await?;
        let result = match self.action {
            None => list(&app, self.json).await,
            Some(Action::Log { callback, limit, json }) => log(&app, callback.as_deref(), limit, json).await,
            Some(Action::End { callback }) => end(&app, &callback).await,
        };
        app.store.close().await;
        result
    }
}

async fn end(app: &App, callback: &str) -> Result<(), Failed> {
    let ended = app.store.end_callback(callback).await.map_err(work)?;
    if ended == 0 {
        return Err(Failed::Work(format!("{callback}: no such subscription; `courant subscriptions` lists them")));
    }
    say!("{callback}: {} ended", counted(ended, "subscription"));
    Ok(())
}

async fn log(app: &App, callback: Option<&str>, limit: u32, json: bool) -> Result<(), Failed> {
    let deliveries = app.store.deliveries(callback, i64::from(limit)).await.map_err(work)?;
    if json {
        return print_json(&deliveries.into_iter().map(logged).collect::<Vec<_>>());
    }
    let zone = app.newsroom().config.site.timezone;
    let mut table = table(["at", "topic", "callback", "took", "result"]);
    for delivery in &deliveries {
        table.add_row([
            delivery.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string(),
            format!("{}.{}", delivery.topic.feed, delivery.topic.format),
            delivery.callback.clone(),
            format!("{} ms", delivery.latency),
            delivery.error.clone().unwrap_or_else(|| "arrived".to_owned()),
        ]);
    }
    say!("{table}\n{}", counted(deliveries.len(), "delivery"));
    Ok(())
}

async fn list(app: &App, json: bool) -> Result<(), Failed> {
    let lines: Vec<Line> = app.store.subscription_states(now()).await.map_err(work)?.into_iter().map(line).collect();
    if json {
        return print_json(&lines);
    }
    let mut table = table(["topic", "callback", "state", "delivered", "lease until"]);
    for line in &lines {
        table.add_row([
            format!("{}.{}", line.feed, line.format),
            line.callback.clone(),
            line.error.as_ref().map_or(line.state.to_owned(), |error| format!("{}: {error}", line.state)),
            line.delivered.to_string(),
            line.lease_until.clone().unwrap_or_default(),
        ]);
    }
    say!("{table}\n{}", counted(lines.len(), "subscription"));
    for Intent { topic, callback, mode, failures, .. } in app.store.waiting_intents(WAITING).await? {
        let mode = mode.word();
        let asked = if failures == 0 {
            "not asked yet".to_owned()
        } else {
            format!("asked {} in vain", counted(failures, "time"))
        };
        say!("{mode} of {}.{} by {callback} waits for that callback's answer: {asked}", topic.feed, topic.format);
    }
    Ok(())
}

/// In one word, how a subscription stands.
fn state(subscription: &SubscriptionState) -> &'static str {
    match (subscription.failures, subscription.behind) {
        (1.., _) => "failing",
        (_, 1..) => "behind",
        _ => "fine",
    }
}

fn logged(delivery: Delivery) -> Logged {
    Logged {
        at: stamp(delivery.at),
        feed: delivery.topic.feed,
        format: delivery.topic.format,
        callback: delivery.callback,
        latency_ms: delivery.latency,
        error: delivery.error,
    }
}

fn line(subscription: SubscriptionState) -> Line {
    let state = state(&subscription);
    let is_hub = subscription.receiver == Receiver::Hub;
    Line {
        feed: subscription.topic.feed,
        format: subscription.topic.format,
        callback: subscription.callback,
        kind: if is_hub { "hub" } else { "subscriber" },
        state,
        behind: subscription.behind,
        delivered: subscription.delivered,
        delivered_at: subscription.delivered_at.map(stamp),
        latency_ms: subscription.latency,
        failures: subscription.failures,
        error: subscription.error,
        lease_until: (!is_hub).then(|| stamp(subscription.lease_until)),
    }
}
