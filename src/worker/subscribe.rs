//! The duty to subscribe: sources whose feed announces a hub have it push (WebSub section 5.1, from the other side).

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::{Host, Url};

use super::{Duty, DutyError, Next};
use crate::app::{App, Newsroom, now, unguessable};
use crate::store::Upstream;

/// The lease that we ask for, in seconds: ten days.
const LEASE: &str = "864000";

const BACK_OFF: TimeDelta = TimeDelta::minutes(1);
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::hours(12);

pub(super) struct Subscribe;

#[async_trait]
impl Duty for Subscribe {
    fn name(&self) -> &'static str {
        "subscribe"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.subscribe
    }

    async fn step(&self, app: &Arc<App>, _stop: &CancellationToken) -> Result<Next, DutyError> {
        // Without random numbers, nothing that must be unguessable is made.
        let Ok(key) = unguessable() else { return Ok(Next::At(Some(now() + BACK_OFF))) };
        let Some(upstream) = app.store.claim_upstream(&key, now()).await? else {
            return Ok(Next::At(app.store.next_upstream().await?));
        };
        let newsroom = app.newsroom();
        if let Err(why) = ask(&newsroom, &upstream).await {
            let wait = (BACK_OFF * (1 << (upstream.failures - 1).clamp(0, 10))).min(LONGEST_BACK_OFF);
            // Said once: the feed is polled all the same.
            if upstream.failures == 1 {
                warn!(
                    source = upstream.source,
                    hub = upstream.hub,
                    why,
                    "can't subscribe; the source is polled as scheduled"
                );
            }
            app.store.upstream_failed(&upstream, &why, now() + wait, false).await?;
        }
        Ok(Next::Now)
    }
}

/// Asks the hub. It verifies later, at our callback.
async fn ask(newsroom: &Newsroom, upstream: &Upstream) -> Result<(), String> {
    let site = &newsroom.config.site;
    let hub = Url::parse(&upstream.hub).map_err(|error| error.to_string())?;
    if is_local(&site.public_url) && !is_local(&upstream.hub) {
        return Err(format!("public_url is {}, where no hub can reach us", site.public_url));
    }
    let callback = format!("{}/websub/{}", site.public_url, upstream.key);
    let mode = if upstream.wanted { "subscribe" } else { "unsubscribe" };
    let mut pairs = vec![("hub.mode", mode), ("hub.topic", &upstream.topic), ("hub.callback", &callback)];
    if upstream.wanted {
        pairs.extend([("hub.secret", upstream.secret.as_str()), ("hub.lease_seconds", LEASE)]);
    }
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    match newsroom.fetcher.submit(&hub, form).await {
        Ok(200..=299) => {
            info!(source = upstream.source, hub = upstream.hub, mode, "asked the hub");
            Ok(())
        }
        Ok(status) => Err(format!("the hub answered {status}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether an address is of this machine or its network.
fn is_local(address: &str) -> bool {
    match Url::parse(address).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => {
            address.is_loopback() || address.is_private() || address.is_unspecified() || address.is_link_local()
        }
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => true,
    }
}
