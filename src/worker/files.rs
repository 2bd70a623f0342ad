//! Following the newsroom's files: a change is taken up while the service runs. A file with a mistake is refused, and what
//! was there before goes on.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, new_debouncer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{AGAIN, DutyError};
use crate::app::{App, SetupError};

/// Editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(300);

/// How often the folder itself is looked at: another may have been put in its place, of which its watcher learns nothing.
const LOOK: Duration = Duration::from_secs(2);

/// Follows the files until `stop`. Without a watcher, the service still runs.
pub(super) async fn follow(app: Arc<App>, stop: CancellationToken) {
    if let Err(error) = watch(&app, &stop).await {
        warn!(%error, "changes in the newsroom's files will be seen at the next start only");
    }
}

async fn watch(app: &App, stop: &CancellationToken) -> Result<(), DutyError> {
    let (changed, mut changes) = mpsc::channel(1);
    let mut asked = signal(SignalKind::hangup())?;
    let mut look = tokio::time::interval(LOOK);
    let mut folder = identity(&app.place.feeds);
    let watched = || {
        watcher(&app.place.feeds, changed.clone())
            .inspect_err(|error| warn!(%error, "changes in the newsroom's files will be seen at a SIGHUP only"))
    };
    let mut _watcher = watched();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = changes.recv() => {}
            _ = asked.recv() => {}
            _ = look.tick() => {
                let now = identity(&app.place.feeds);
                if now.is_none() || now == folder {
                    continue;
                }
                folder = now;
                _watcher = watched();
            }
        }
        reload(app, stop).await;
    }
}

/// What tells a folder from another in its place.
fn identity(folder: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(folder).ok().map(|folder| (folder.dev(), folder.ino()))
}

/// Tells of changes to the files in a folder, as long as it lives.
fn watcher(folder: &Path, changed: mpsc::Sender<()>) -> Result<impl Sized, notify::Error> {
    let told = move |result: DebounceEventResult| {
        let matters = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml" || ending == "key");
        let any = result.is_ok_and(|events| {
            events.iter().any(|event| !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(matters))
        });
        if any {
            // Full means that a change is noted already.
            let _ = changed.try_send(());
        }
    };
    let mut debouncer = new_debouncer(SETTLE, None, told)?;
    debouncer.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(debouncer)
}

/// Reads the files again. A database that is away is waited for.
async fn reload(app: &App, stop: &CancellationToken) {
    loop {
        match app.reload().await {
            Ok(()) => info!("the newsroom's files were read again"),
            Err(SetupError::Store(error)) if app.found_away(&error) => {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(AGAIN) => continue,
                }
            }
            Err(error) => error!(%error, "the newsroom's files have a mistake; the configuration before it stays"),
        }
        return;
    }
}
