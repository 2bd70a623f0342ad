//! What an operator's Prometheus wants to know.

use std::sync::atomic::AtomicI64;

use actix_web::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::readers::Readers;
use crate::app::{App, now};
use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSource {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReader {
    product: String,
    feed_id: String,
    file: String,
}

type Number = Gauge<i64, AtomicI64>;

/// Counts what this process serves; the rest is asked of the database when somebody looks.
pub struct Metrics {
    full: Counter,
    unchanged: Counter,
    others: Family<Status, Counter>,
    pub(super) readers: Readers,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let others = Family::<Status, Counter>::default();
        // The two that are counted all the time are looked up once.
        let of = |status: u16| others.get_or_create(&Status { status }).clone();
        Self { full: of(200), unchanged: of(304), others, readers: Readers::default() }
    }

    /// Counts an answer about a feed.
    pub(super) fn served(&self, status: StatusCode) {
        match status.as_u16() {
            200 => self.full.inc(),
            304 => self.unchanged.inc(),
            status => self.others.get_or_create(&Status { status }).inc(),
        };
    }

    /// All figures as text.
    pub(super) async fn written(&self, app: &App) -> Result<String, StoreError> {
        let mut registry = Registry::with_prefix("courant");
        registry.register("feed_responses", "Answers about feeds, by status", self.others.clone());
        let (shown, withdrawn) = app.store.article_counts().await?;
        let number = |registry: &mut Registry, name: &str, help: &str, value: i64| {
            let gauge = Number::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        };
        number(&mut registry, "articles", "Articles that readers may see", shown);
        number(&mut registry, "articles_withdrawn", "Articles that were withdrawn", withdrawn);
        let topics = app.store.topic_states().await?;
        let behind = topics.iter().filter(|topic| topic.behind > 0).count();
        number(
            &mut registry,
            "topics_behind",
            "Documents that must still show a change",
            i64::try_from(behind).unwrap_or(i64::MAX),
        );
        let (failing, age, held) = (
            Family::<OfSource, Number>::default(),
            Family::<OfSource, Number>::default(),
            Family::<OfSource, Number>::default(),
        );
        let newsroom = app.newsroom();
        let mut sources = app.store.source_states(now()).await?;
        // Of one that was taken out of newsroom.toml, no alarm would ever end.
        sources.retain(|source| newsroom.config.source(&source.name).is_some());
        for source in sources {
            let label = OfSource { source: source.name };
            failing.get_or_create(&label).set(source.failures);
            held.get_or_create(&label).set(source.articles);
            if let Some(at) = source.pulled_at {
                age.get_or_create(&label).set((now() - at).num_seconds());
            }
        }
        registry.register("source_failures", "Pulls that failed in a row", failing);
        registry.register("source_articles", "Articles that the source brings", held);
        registry.register("source_last_pull_age_seconds", "Seconds since the last pull that succeeded", age);
        let readers = Family::<OfReader, Number>::default();
        for ((product, feed_id, file), count) in self.readers.today(now().date_naive()) {
            readers.get_or_create(&OfReader { product, feed_id, file }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        registry.register("readers", "Subscribers that a reading service told of today; not to be added up", readers);
        let totals = app.store.subscription_totals(now()).await?;
        number(&mut registry, "subscriptions", "WebSub subscriptions", totals.all);
        let help = "Subscriptions that have not got the newest version yet";
        number(&mut registry, "subscriptions_behind", help, totals.behind);
        number(&mut registry, "subscriptions_failing", "Subscriptions whose last delivery failed", totals.failing);
        let help = "Deliveries that arrived, of the subscriptions that there are";
        number(&mut registry, "deliveries", help, totals.delivered);
        let help = "The longest of the last deliveries";
        number(&mut registry, "delivery_latency_max_milliseconds", help, totals.slowest_ms);
        let mut text = String::new();
        // Writing into a String can't fail.
        let _ = encode(&mut text, &registry);
        Ok(text)
    }
}
