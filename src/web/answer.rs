//! Errors as answers: a page for browsers, JSON for programs that ask for it, a line of text for the rest.

use actix_web::http::header::{ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, RETRY_AFTER, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::json;

use super::negotiation::{Accepted, preferred};
use crate::feed::Site;
use crate::format::page;

/// What pages may do: nothing but show themselves, and pictures.
pub(super) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The methods that documents and pages answer.
pub(super) const READING: &str = "GET, HEAD, OPTIONS";

/// 404.
pub(super) fn not_found(request: &HttpRequest, site: &Site) -> HttpResponse {
    told(
        request,
        site,
        StatusCode::NOT_FOUND,
        "Not found",
        "There is nothing at this address. The list of feeds is at /.",
    )
}

/// 405 with what would be allowed.
pub(super) fn wrong_method(request: &HttpRequest, site: &Site, allowed: &'static str) -> HttpResponse {
    let text = format!("{} is not allowed here; allowed: {allowed}.", request.method());
    let mut response = told(request, site, StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", &text);
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static(allowed));
    response
}

/// 503 that says when to come again, in seconds.
pub(super) fn unavailable(request: &HttpRequest, site: &Site, text: &str) -> HttpResponse {
    let mut response = told(request, site, StatusCode::SERVICE_UNAVAILABLE, "Not available now", text);
    response.headers_mut().insert(RETRY_AFTER, actix_web::http::header::HeaderValue::from_static("2"));
    response
}

/// A status with a sentence.
pub(super) fn told(request: &HttpRequest, site: &Site, status: StatusCode, title: &str, text: &str) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(status);
    response
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((VARY, "Accept"))
        .insert_header(("x-content-type-options", "nosniff"));
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    match preferred(accept, &["text/plain", "text/html", "application/json", "application/problem+json"]) {
        Accepted::This(1) => match page::message(site, title, text) {
            Ok(page) => response
                .insert_header(("content-security-policy", PAGE_POLICY))
                .content_type("text/html; charset=utf-8")
                .body(page),
            Err(_) => response.content_type("text/plain; charset=utf-8").body(format!("{text}\n")),
        },
        Accepted::This(2 | 3) => response.json(json!({"status": status.as_u16(), "title": title, "detail": text})),
        _ => response.content_type("text/plain; charset=utf-8").body(format!("{text}\n")),
    }
}

/// Whether the method only reads; OPTIONS is answered apart.
pub(super) fn is_reading(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}
