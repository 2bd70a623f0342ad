//! `courant serve`

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Common, Failed, stopped, work};
use crate::web;
use crate::worker::{self, Role};

/// How long duties may take to end.
const GRACE: Duration = Duration::from_secs(15);

/// Serve the feeds, pull the sources, publish every change
#[derive(clap::Args)]
pub(super) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", env = "COURANT_LISTEN")]
    listen: String,
    /// What this process is for: web serves readers, worker pulls and publishes
    #[arg(long, value_name = "ROLE", default_value = "all", env = "COURANT_ROLE")]
    role: RoleWord,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum RoleWord {
    All,
    Web,
    Worker,
}

impl Serve {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let app = common.open().await?;
        let role = match self.role {
            RoleWord::All => Role::All,
            RoleWord::Web => Role::Web,
            RoleWord::Worker => Role::Worker,
        };
        let stop = CancellationToken::new();
        let mut server = None;
        if role.serves() {
            let bound = web::server(app.clone(), &self.listen, stop.clone());
            let (started, addresses) = bound.map_err(|error| {
                Failed::Work(format!("can't listen on {}: {error}; --listen takes another address", self.listen))
            })?;
            let at = addresses.iter().map(|address| format!("http://{address}/")).collect::<Vec<_>>().join(" ");
            let newsroom = app.newsroom();
            let (feeds, sources) = (newsroom.config.feeds.len(), newsroom.config.sources.len());
            info!(
                at,
                public_url = newsroom.config.site.public_url,
                feeds,
                sources,
                "serving {}",
                newsroom.config.site.title
            );
            server = Some(started);
        }
        if !role.works() {
            app.set_loaded();
        }
        let mut duties = worker::start(&app, role, &stop);
        let serving = async {
            match server {
                Some(server) => server.await.map_err(work),
                None => {
                    stop.cancelled().await;
                    Ok(())
                }
            }
        };
        let ended = tokio::select! {
            ended = async { tokio::join!(serving, stopped(stop.clone())).0 } => ended,
            // A duty ends before it is asked to only if it panicked.
            Some(Err(died)) = duties.join_next() => Err(work(died)),
        };
        stop.cancel();
        info!("stopping");
        if tokio::time::timeout(GRACE, async { while duties.join_next().await.is_some() {} }).await.is_err() {
            warn!("some work did not end in time; it is done again at the next start");
        }
        app.store.close().await;
        ended
    }
}
