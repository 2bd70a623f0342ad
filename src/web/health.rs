//! `/livez`, `/readyz`, `/metrics`: for whoever runs the service.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{Desk, answer};

/// The process is up.
pub(super) async fn live(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    if let Some(refused) = only_reading(&request, &desk) {
        return refused;
    }
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// The database answers, and what was owed at the start is there.
pub(super) async fn ready(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    if let Some(refused) = only_reading(&request, &desk) {
        return refused;
    }
    let told = match desk.app.store.ping().await {
        Ok(()) if desk.app.is_loaded() => {
            return HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n");
        }
        Ok(()) => "documents are being made\n".to_owned(),
        Err(error) => format!("{error}\n"),
    };
    HttpResponse::ServiceUnavailable()
        .insert_header(("retry-after", "2"))
        .content_type("text/plain; charset=utf-8")
        .body(told)
}

/// Prometheus text.
pub(super) async fn metrics(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    if let Some(refused) = only_reading(&request, &desk) {
        return refused;
    }
    match desk.metrics.written(&desk.app).await {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        Err(error) => {
            desk.failed(&error, "metrics could not be made");
            answer::unavailable(&request, &desk.app.newsroom().config.site, "The database does not answer.")
        }
    }
}

fn only_reading(request: &HttpRequest, desk: &Desk) -> Option<HttpResponse> {
    let refused = || answer::wrong_method(request, &desk.app.newsroom().config.site, "GET, HEAD");
    (!answer::is_reading(request.method())).then(refused)
}
