//! `courant subscriptions`

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::{Common, Failed, counted, print_json, stamp, work};
use crate::app::now;
use crate::store::{Receiver, SubscriptionState};

/// List WebSub subscriptions, or end one
#[derive(clap::Args)]
pub(super) struct Subscriptions {
    #[command(subcommand)]
    action: Option<Action>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// End every subscription of a callback; it is not told
    End {
        /// The callback's address
        callback: String,
    },
}

#[derive(Serialize)]
pub(super) struct Line {
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

impl Subscriptions {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let app = common.look().await?;
        if let Some(Action::End { callback }) = self.action {
            let ended = app.store.end_callback(&callback).await.map_err(work)?;
            app.store.close().await;
            if ended == 0 {
                return Err(Failed::Work(format!(
                    "{callback}: no such subscription; `courant subscriptions` lists them"
                )));
            }
            say!("{callback}: {} ended", counted(usize::try_from(ended).unwrap_or(usize::MAX), "subscription"));
            return Ok(());
        }
        let lines: Vec<Line> =
            app.store.subscription_states(now()).await.map_err(work)?.into_iter().map(line).collect();
        if self.json {
            return print_json(&lines);
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["topic", "callback", "state", "delivered", "lease until"]);
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
        Ok(())
    }
}

/// In one word, how a subscription stands.
pub(super) fn state(subscription: &SubscriptionState) -> &'static str {
    match (subscription.failures, subscription.behind) {
        (1.., _) => "failing",
        (_, 1..) => "behind",
        _ => "fine",
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
