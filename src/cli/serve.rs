//! `courant serve`

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Common, Failed, stopped, work};
use crate::app::{App, Place, SetupError};
use crate::web;
use crate::worker::{self, Role};

/// How long duties may take to end.
const GRACE: Duration = Duration::from_secs(15);

/// How long a database is waited for that is away: it may be starting together with us.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is asked meanwhile.
const AGAIN: Duration = Duration::from_millis(500);

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
        let stop = CancellationToken::new();
        let mut stopping = std::pin::pin!(stopped(stop.clone()));
        let app = tokio::select! {
            // First, so that a signal is heard from the beginning.
            biased;
            () = &mut stopping => return Ok(()),
            app = opened(common.place()?) => app?,
        };
        let role = match self.role {
            RoleWord::All => Role::All,
            RoleWord::Web => Role::Web,
            RoleWord::Worker => Role::Worker,
        };
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
        } else {
            let sources = app.newsroom().config.sources.len();
            info!(sources, "working, without a web server: that is for the role web");
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
            ended = async { tokio::join!(serving, stopping).0 } => ended,
            // A duty ends before it is asked to only if it panicked.
            Some(Err(died)) = duties.join_next() => Err(work(died)),
        };
        stop.cancel();
        info!("stopping");
        let end = async {
            while duties.join_next().await.is_some() {}
            app.store.close().await;
        };
        if tokio::time::timeout(GRACE, end).await.is_err() {
            warn!("some work did not end in time; it is done again at the next start");
        }
        ended
    }
}

/// The newsroom, with its documents on the shelf. A database that is away is waited for.
async fn opened(place: Place) -> Result<Arc<App>, Failed> {
    let start = Instant::now();
    let mut told = false;
    loop {
        let opened = async {
            let app = App::open(place.clone()).await?;
            app.refresh_shelf().await?;
            Ok::<_, SetupError>(app)
        };
        match opened.await {
            Err(SetupError::Store(error)) if error.is_away() && start.elapsed() < PATIENCE => {
                if !std::mem::replace(&mut told, true) {
                    warn!(%error, "waiting for the database, for {} seconds", PATIENCE.as_secs());
                }
            }
            opened => return Ok(opened?),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
