//! The service: routes, negotiation, errors as answers. It serves documents that are there; it never renders.

mod answer;
mod callbacks;
mod documents;
mod health;
mod hub;
mod metrics;
mod negotiation;
mod readers;
mod sources;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as Actix, HttpRequest, HttpResponse, HttpServer, web};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::store::StoreError;

pub use metrics::Metrics;

/// How long requests that are under way may take to end when the process is asked to stop, in seconds.
const GRACE: u64 = 10;

/// Bytes of a feed that a hub may push.
const MAX_PUSH: usize = 16 << 20;

/// What handlers share.
struct Desk {
    app: Arc<App>,
    metrics: Metrics,
    served: documents::Served,
}

impl Desk {
    /// Logs why a request could not be served.
    fn failed(&self, error: &StoreError, what: &str) {
        if !self.app.found_away(error) {
            tracing::error!(%error, "{what}");
        }
    }
}

/// The service at `listen`, and the addresses that this came to. It ends in good order when `stop` is cancelled.
pub fn server(app: Arc<App>, listen: &str, stop: CancellationToken) -> std::io::Result<(Server, Vec<SocketAddr>)> {
    let desk = web::Data::new(Desk { metrics: Metrics::new(), served: documents::Served::default(), app });
    let server = HttpServer::new(move || {
        Actix::new()
            .app_data(desk.clone())
            .app_data(web::PayloadConfig::new(64 << 10))
            // First, because it is asked for most.
            .service(web::resource("/feeds/{file}").to(documents::feed))
            .service(web::resource("/").to(documents::home))
            .service(web::resource("/feeds.opml").to(documents::opml))
            .service(web::resource("/hub").to(hub::hub))
            .service(web::resource("/websub/{key}").app_data(web::PayloadConfig::new(MAX_PUSH)).to(callbacks::callback))
            .service(web::resource("/sources/{name}/pull").to(sources::pull))
            .service(web::resource("/livez").to(health::live))
            .service(web::resource("/readyz").to(health::ready))
            .service(web::resource("/metrics").to(health::metrics))
            .default_service(web::to(not_found))
    })
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(GRACE)
    .shutdown_signal(stop.cancelled_owned())
    .bind(listen)?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

async fn not_found(request: HttpRequest, desk: web::Data<Desk>) -> HttpResponse {
    answer::not_found(&request, &desk.app.newsroom().config.site)
}
