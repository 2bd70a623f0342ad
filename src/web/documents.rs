//! Documents: `/feeds/NAME.rss` and its like, `/feeds/NAME` by `Accept`, `/` and `/feeds.opml`.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use actix_web::http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LINK, LOCATION, USER_AGENT,
    VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use quick_cache::sync::Cache;

use super::Desk;
use super::answer::{self, PAGE_POLICY, READING};
use super::negotiation::{Accepted, Encoding, encoding, has_it, preferred};
use crate::app::{Newsroom, now};
use crate::document::Document;
use crate::feed::Site;
use crate::format::{self, FRESH_MINUTES, Format};
use crate::store::Topic;

/// Documents whose header fields are kept ready.
const READY: usize = 2000;

/// Documents with their header fields, by file name: so that a request writes nothing that the one before wrote already.
pub(super) struct Served(Cache<String, Arc<Ready>>);

impl Default for Served {
    fn default() -> Self {
        Self(Cache::new(READY))
    }
}

/// The values of a document's header fields.
struct Ready {
    /// Not held on to: what the shelf lets go must go.
    document: Weak<Document>,
    fields: Fields,
    /// One for each encoding, that of the plain bytes last.
    etags: Vec<HeaderValue>,
    /// What it was made ready of.
    of: Option<(Topic, Arc<Newsroom>)>,
}

/// What every answer about a document says, 304 included.
struct Fields {
    media_type: HeaderValue,
    cache: HeaderValue,
    vary: HeaderValue,
    link: Option<HeaderValue>,
    modified: Option<HeaderValue>,
    is_page: bool,
}

impl Ready {
    fn new(document: &Arc<Document>, media_type: &'static str, link: Option<String>, vary: &'static str) -> Self {
        let tag = |suffix: &str| field(format!("\"{}{suffix}\"", document.etag));
        let mut etags: Vec<HeaderValue> =
            document.encoded.iter().map(|(coding, _)| tag(&format!("-{}", coding.name()))).collect();
        etags.push(tag(""));
        let modified = document.last_modified.map(|at| field(at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        let fields = Fields {
            media_type: HeaderValue::from_static(media_type),
            cache: field(format!("public, max-age={}", FRESH_MINUTES * 60)),
            vary: HeaderValue::from_static(vary),
            link: link.map(field),
            modified,
            is_page: media_type.starts_with("text/html"),
        };
        Self { document: Arc::downgrade(document), fields, etags, of: None }
    }

    /// The document, if neither it nor the configuration has changed since.
    fn current(&self, desk: &Desk, newsroom: &Arc<Newsroom>) -> Option<Arc<Document>> {
        let (topic, of) = self.of.as_ref()?;
        let document = desk.app.shelf.get(topic)?;
        (Arc::ptr_eq(of, newsroom) && std::ptr::eq(self.document.as_ptr(), Arc::as_ptr(&document))).then_some(document)
    }

    /// The answer to a GET or HEAD: the document in the encoding that suits the client, or "you have it".
    fn answer(&self, document: &Document, request: &HttpRequest, site: &Site) -> HttpResponse {
        let headers = request.headers();
        let encoding = encoding(text(headers, &ACCEPT_ENCODING).as_deref(), document);
        let (body, etag, coding) = match encoding {
            Encoding::Identity => (&document.plain, self.etags.last(), None),
            Encoding::Coded(place) => {
                let (coding, bytes) = &document.encoded[place];
                (bytes, self.etags.get(place), Some(coding.name()))
            }
            Encoding::Unacceptable => {
                let told =
                    "This document can be had as it is, or with gzip, br or zstd; the request forbids all of them.";
                return answer::told(request, site, StatusCode::NOT_ACCEPTABLE, "Not acceptable", told);
            }
        };
        let known =
            has_it(text(headers, &IF_NONE_MATCH).as_deref(), text(headers, &IF_MODIFIED_SINCE).as_deref(), document);
        let mut response = HttpResponseBuilder::new(if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        self.fields.write(&mut response);
        if let Some(etag) = etag {
            response.insert_header((ETAG, etag.clone()));
        }
        if known {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, self.fields.media_type.clone()));
        if let Some(coding) = coding {
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static(coding)));
        }
        response.body(body.clone())
    }
}

impl Fields {
    fn write(&self, response: &mut HttpResponseBuilder) {
        response
            .insert_header((CACHE_CONTROL, self.cache.clone()))
            .insert_header((VARY, self.vary.clone()))
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")))
            .insert_header((
                HeaderName::from_static("access-control-expose-headers"),
                HeaderValue::from_static("ETag, Last-Modified, Link"),
            ))
            .insert_header((HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")));
        if let Some(modified) = &self.modified {
            response.insert_header((LAST_MODIFIED, modified.clone()));
        }
        if let Some(link) = &self.link {
            response.insert_header((LINK, link.clone()));
        }
        if self.is_page {
            response.insert_header((
                HeaderName::from_static("content-security-policy"),
                HeaderValue::from_static(PAGE_POLICY),
            ));
        }
    }
}

/// `GET /feeds/NAME.rss`, `.atom`, `.json`, and `/feeds/NAME`.
pub(super) async fn feed(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    let file = request.match_info().get("file").unwrap_or_default();
    if !answer::is_reading(request.method()) {
        return not_reading(&request, &desk.app.newsroom().config.site);
    }
    let response = match file.rsplit_once('.') {
        Some((name, ending)) => {
            one(&request, &desk, file, name, format::by_ending(ending).filter(|format| format.is_feed)).await
        }
        None => by_accept(&request, &desk, file).await,
    };
    desk.metrics.served(response.status());
    if (response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED)
        && let Some(user_agent) = text(request.headers(), &USER_AGENT)
    {
        desk.metrics.readers.heard(&user_agent, file, now().date_naive());
    }
    response
}

/// The formats that `/feeds/NAME` has, as clients name them. For one that does not say, the first.
const OFFERS: [(&str, &str); 8] = [
    ("application/rss+xml", "rss"),
    ("application/atom+xml", "atom"),
    ("application/feed+json", "json"),
    ("application/json", "json"),
    ("application/xml", "rss"),
    ("text/xml", "rss"),
    ("text/html", "html"),
    ("application/xhtml+xml", "html"),
];

async fn by_accept(request: &HttpRequest, desk: &Desk, name: &str) -> HttpResponse {
    let types = OFFERS.map(|(media_type, _)| media_type);
    match preferred(text(request.headers(), &ACCEPT).as_deref(), &types) {
        Accepted::This(place) => {
            let ending = OFFERS[place].1;
            one(request, desk, &format!("{name}/{ending}"), name, format::by_ending(ending)).await
        }
        Accepted::None => {
            let told =
                "This feed comes as application/rss+xml, application/atom+xml, application/feed+json and text/html.";
            answer::told(request, &desk.app.newsroom().config.site, StatusCode::NOT_ACCEPTABLE, "Not acceptable", told)
        }
    }
}

/// A document of a feed. `key` is what it is kept ready under.
async fn one(
    request: &HttpRequest,
    desk: &Desk,
    key: &str,
    name: &str,
    format: Option<&'static Format>,
) -> HttpResponse {
    let newsroom = desk.app.newsroom();
    let site = &newsroom.config.site;
    if let Some(ready) = desk.served.0.get(key)
        && let Some(document) = ready.current(desk, &newsroom)
    {
        return ready.answer(&document, request, site);
    }
    let Some(format) = format else {
        return answer::not_found(request, site);
    };
    if newsroom.config.feed(name).is_none() {
        let ending = if key.contains('/') { String::new() } else { format!(".{}", format.ending) };
        return match newsroom.config.renamed.get(name) {
            Some(now) => HttpResponse::MovedPermanently()
                .insert_header((LOCATION, format!("{}/feeds/{now}{ending}", site.public_url)))
                .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                .insert_header((CACHE_CONTROL, format!("public, max-age={}", FRESH_MINUTES * 60)))
                .finish(),
            None => answer::not_found(request, site),
        };
    }
    let topic = Topic { feed: name.to_owned(), format: format.ending.to_owned() };
    let document = match desk.app.document(&topic).await {
        Ok(Some(document)) => document,
        Ok(None) => return answer::unavailable(request, site, "This feed is being made; come again in a moment."),
        Err(error) => {
            desk.failed(&error, "a document could not be read");
            return answer::unavailable(request, site, "This feed can't be had now; come again in a moment.");
        }
    };
    let vary = if key.contains('/') { "Accept, Accept-Encoding" } else { "Accept-Encoding" };
    let ready = Ready::new(&document, format.media_type, Some(link(site, name, format)), vary);
    let ready = Arc::new(Ready { of: Some((topic, Arc::clone(&newsroom))), ..ready });
    desk.served.0.insert(key.to_owned(), Arc::clone(&ready));
    ready.answer(&document, request, site)
}

fn link(site: &Site, name: &str, format: &Format) -> String {
    if format.is_feed {
        site.link(&site.topic(name, format.ending))
    } else {
        format!("<{}/feeds/{name}>; rel=\"canonical\"", site.public_url)
    }
}

/// `GET /`.
pub(super) async fn home(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    let newsroom = desk.app.newsroom();
    lasting(&request, &newsroom.config.site, &newsroom.home, "text/html; charset=utf-8")
}

/// `GET /feeds.opml`.
pub(super) async fn opml(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    let newsroom = desk.app.newsroom();
    lasting(&request, &newsroom.config.site, &newsroom.opml, "text/x-opml; charset=utf-8")
}

fn lasting(request: &HttpRequest, site: &Site, document: &Arc<Document>, media_type: &'static str) -> HttpResponse {
    if !answer::is_reading(request.method()) {
        return not_reading(request, site);
    }
    Ready::new(document, media_type, None, "Accept-Encoding").answer(document, request, site)
}

/// OPTIONS tells browsers that any page may read this, also conditionally; any other method is refused.
fn not_reading(request: &HttpRequest, site: &Site) -> HttpResponse {
    if request.method() != Method::OPTIONS {
        return answer::wrong_method(request, site, READING);
    }
    HttpResponse::NoContent()
        .insert_header(("allow", READING))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(("access-control-allow-methods", READING))
        .insert_header(("access-control-allow-headers", "If-None-Match, If-Modified-Since, Accept"))
        .insert_header(("access-control-max-age", "86400"))
        .finish()
}

/// The value of a request's field. Several fields of one name are one list (RFC 9110 section 5.3).
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut values = headers.get_all(name).filter_map(|value| value.to_str().ok());
    let first = values.next()?;
    match values.next() {
        None => Some(Cow::Borrowed(first)),
        Some(second) => {
            Some(Cow::Owned(values.fold(format!("{first}, {second}"), |list, value| format!("{list}, {value}"))))
        }
    }
}

/// A header field of our own making. What can't be one (a control character in a configured address) is left empty.
fn field(value: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(value)).unwrap_or_else(|_| HeaderValue::from_static(""))
}
