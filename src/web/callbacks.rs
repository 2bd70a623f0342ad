//! `/websub/KEY`: our own callbacks, as a subscriber of upstream feeds.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use url::form_urlencoded;

use super::{Desk, answer};
use crate::app::now;
use crate::store::{StoreError, Upstream};
use crate::websub::is_signed;
use crate::worker;

/// `GET` verifies what was asked for, `POST` brings a change.
pub(super) async fn callback(request: HttpRequest, body: web::Bytes, desk: web::Data<Desk>) -> HttpResponse {
    let newsroom = desk.app.newsroom();
    let site = &newsroom.config.site;
    let key = request.match_info().get("key").unwrap_or_default();
    let upstream = match desk.app.store.upstream_at(key).await {
        Ok(Some(upstream)) => upstream,
        Ok(None) => return answer::not_found(&request, site),
        Err(error) => return failed(&request, &desk, error.into()),
    };
    match *request.method() {
        Method::GET => match verified(&desk, &upstream, request.query_string()).await {
            Ok(Some(challenge)) => HttpResponse::Ok()
                .insert_header(("x-content-type-options", "nosniff"))
                .content_type("text/plain; charset=utf-8")
                .body(challenge),
            Ok(None) => answer::not_found(&request, site),
            Err(error) => failed(&request, &desk, error.into()),
        },
        Method::POST => {
            let signature =
                request.headers().get("x-hub-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
            if !upstream.wanted || !is_signed(signature, &upstream.secret, &body) {
                // A forger learns nothing (section 7.1).
                tracing::debug!(source = upstream.source, "a push without a right signature was ignored");
                return HttpResponse::Accepted().finish();
            }
            match worker::push(&desk.app, &upstream.source, body).await {
                Ok(()) => HttpResponse::NoContent().finish(),
                Err(worker::Failure::Source(why)) => {
                    // It was received, and sent again it would be no better.
                    tracing::warn!(source = upstream.source, %why, "a push can't be read");
                    HttpResponse::Accepted().finish()
                }
                Err(failure) => failed(&request, &desk, failure),
            }
        }
        _ => answer::wrong_method(&request, site, "GET, POST"),
    }
}

/// The challenge to answer with, if we want what the hub says that we want.
async fn verified(desk: &Desk, upstream: &Upstream, query: &str) -> Result<Option<String>, StoreError> {
    let fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if field("hub.topic") != Some(upstream.topic.as_str()) {
        return Ok(None);
    }
    let challenge = field("hub.challenge").map(str::to_owned);
    match field("hub.mode") {
        Some("subscribe") if upstream.wanted => {
            let seconds =
                field("hub.lease_seconds").and_then(|lease| lease.parse::<i64>().ok()).filter(|lease| *lease > 0);
            let lease = TimeDelta::seconds(seconds.unwrap_or(864_000).min(31_536_000));
            desk.app.store.upstream_confirmed(upstream, lease, now()).await?;
            // It is renewed before it ends, which may be soon.
            desk.app.wakes.subscribe.notify_one();
            tracing::info!(source = upstream.source, hub = upstream.hub, days = lease.num_days(), "subscribed");
            Ok(challenge)
        }
        Some("unsubscribe") if !upstream.wanted => {
            desk.app.store.upstream_ended(upstream).await?;
            Ok(challenge)
        }
        Some("denied") => {
            let why = field("hub.reason").unwrap_or("no reason given");
            tracing::warn!(
                source = upstream.source,
                hub = upstream.hub,
                why,
                "the hub denies; the source is polled as scheduled"
            );
            desk.app
                .store
                .upstream_failed(upstream, &format!("denied: {why}"), now() + TimeDelta::days(1), true)
                .await?;
            Ok(Some(String::new()))
        }
        _ => Ok(None),
    }
}

/// The hub sends it again later.
fn failed(request: &HttpRequest, desk: &Desk, why: worker::Failure) -> HttpResponse {
    const WHAT: &str = "a push could not be taken";
    match why {
        worker::Failure::Store(error) => desk.failed(&error, WHAT),
        why => tracing::error!(%why, "{WHAT}"),
    }
    answer::unavailable(request, &desk.app.newsroom().config.site, "This can't be taken now; try again in a moment.")
}
