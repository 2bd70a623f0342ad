//! `/hub`: the WebSub hub for this service's own topics. A page for people on GET.

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use url::Url;

use super::{Desk, answer};
use crate::app::now;
use crate::config::Hub;
use crate::format::page;
use crate::store::{Intent, StoreError, Topic};
use crate::websub::Request;

/// A change that is this young may have come between a reader's look at the feed and its subscription: it is delivered.
const YOUNG: TimeDelta = TimeDelta::seconds(60);

/// `GET` and `POST /hub`.
pub(super) async fn hub(request: HttpRequest, body: web::Bytes, desk: web::Data<Desk>) -> HttpResponse {
    let newsroom = desk.app.newsroom();
    let site = &newsroom.config.site;
    if !newsroom.config.hub.built_in {
        return answer::not_found(&request, site);
    }
    if answer::is_reading(request.method()) {
        return match page::hub(site) {
            Ok(page) => HttpResponse::Ok()
                .insert_header((CACHE_CONTROL, "public, max-age=300"))
                .insert_header(("content-security-policy", answer::PAGE_POLICY))
                .content_type("text/html; charset=utf-8")
                .body(page),
            Err(error) => answer::unavailable(&request, site, &error.to_string()),
        };
    }
    if request.method() != Method::POST {
        return answer::wrong_method(&request, site, "GET, HEAD, POST");
    }
    let refused = |status: StatusCode, why: &str| answer::told(&request, site, status, "The hub refuses", why);
    let (mode, callback, address, lease, secret) = match Request::read(&body) {
        Ok(Request::Publish { topics }) => return published(&desk, &topics).await,
        Ok(Request::Subscription { mode, callback, topic, lease, secret }) => (mode, callback, topic, lease, secret),
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why.to_string()),
    };
    let Some(topic) = newsroom.config.topic_at(&address) else {
        let why =
            format!("this hub does not serve the topic {address}; its topics are the feeds at {}/", site.public_url);
        return refused(StatusCode::NOT_FOUND, &why);
    };
    if let Some(why) = Url::parse(&callback).ok().and_then(|url| newsroom.fetcher.allows(&url).err()) {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &format!("hub.callback: {why}"));
    }
    let lease = granted(&newsroom.config.hub, lease);
    let intent = async {
        let given = given(&desk, &topic).await?;
        let intent = Intent { num: 0, topic, address, callback, mode, secret, lease, given, failures: 0 };
        desk.app.store.intend(&intent, now()).await
    };
    match intent.await {
        Ok(true) => {
            desk.app.wakes.verify.notify_one();
            HttpResponse::Accepted()
                .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                .content_type("text/plain; charset=utf-8")
                .body("Accepted: the callback will be asked to confirm.\n")
        }
        Ok(false) => answer::unavailable(&request, site, "Too many requests wait for verification; try again later."),
        Err(error) => {
            desk.failed(&error, "a subscription could not be taken");
            answer::unavailable(&request, site, "The database does not answer; try again in a moment.")
        }
    }
}

/// `hub.mode=publish`: the topics are looked at again. PHP publishers take anything but 204 for a failure.
async fn published(desk: &Desk, addresses: &[String]) -> HttpResponse {
    let newsroom = desk.app.newsroom();
    let topics: Vec<Topic> =
        addresses.iter().take(1000).filter_map(|address| newsroom.config.topic_at(address)).collect();
    if let Err(error) = desk.app.store.want(&topics).await {
        desk.failed(&error, "a ping could not be taken");
        return HttpResponse::ServiceUnavailable().insert_header(("retry-after", "2")).finish();
    }
    desk.app.wakes.publish.notify_one();
    HttpResponse::NoContent().finish()
}

/// The lease that is granted to one that is asked for.
fn granted(hub: &Hub, asked: Option<u64>) -> TimeDelta {
    let lease = asked.filter(|seconds| *seconds > 0).map_or(hub.lease_default, std::time::Duration::from_secs);
    TimeDelta::from_std(lease.clamp(hub.lease_min, hub.lease_max)).unwrap_or(TimeDelta::days(10))
}

/// The version that a new subscriber is taken to have.
async fn given(desk: &Desk, topic: &Topic) -> Result<i64, StoreError> {
    let head = desk.app.store.document_head(topic).await?;
    Ok(head.map_or(0, |(_, version, modified)| if now() - modified < YOUNG { version - 1 } else { version }))
}
