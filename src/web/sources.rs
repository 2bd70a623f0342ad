//! `POST /sources/NAME/pull`: the newsroom's webhook.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::{Desk, answer};
use crate::app::now;

/// Makes the source due now, and answers at once.
pub(super) async fn pull(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    let newsroom = desk.app.newsroom();
    let site = &newsroom.config.site;
    if request.method() != actix_web::http::Method::POST {
        return answer::wrong_method(&request, site, "POST");
    }
    let name = request.match_info().get("name").unwrap_or_default();
    // A source without a key has no webhook, and looks like one that is not there.
    let Some(key) = newsroom.config.source(name).and_then(|source| source.webhook_key.as_ref()) else {
        return answer::not_found(&request, site);
    };
    let given =
        request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer).unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(key.as_bytes())) {
        let told = "The webhook needs the source's key: Authorization: Bearer KEY.";
        let mut response = answer::told(&request, site, StatusCode::UNAUTHORIZED, "Unauthorized", told);
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    match desk.app.store.make_due(name, now()).await {
        Ok(()) => {
            desk.app.wakes.pull.notify_one();
            HttpResponse::Accepted().json(json!({"source": name, "pull": "due"}))
        }
        Err(error) => {
            desk.failed(&error, "a webhook could not be taken");
            answer::unavailable(&request, site, "The database does not answer; try again in a moment.")
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
