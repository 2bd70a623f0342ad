//! Following the newsroom's files: a change is taken up while the service runs. A file with a mistake is refused, and what
//! was there before goes on.

use std::sync::Arc;
use std::time::Duration;

use notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, new_debouncer};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{AGAIN, DutyError};
use crate::app::{App, SetupError};

/// Editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(300);

/// Follows the files until `stop`. Without a watcher, the service still runs.
pub(super) async fn follow(app: Arc<App>, stop: CancellationToken) {
    if let Err(error) = watch(&app, &stop).await {
        warn!(%error, "changes in the newsroom's files will be seen at the next start only");
    }
}

async fn watch(app: &App, stop: &CancellationToken) -> Result<(), DutyError> {
    let (changed, mut changes) = mpsc::channel(1);
    let told = move |result: DebounceEventResult| {
        let matters =
            |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "toml" || ending == "key");
        let any = result.is_ok_and(|events| {
            events.iter().any(|event| !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(matters))
        });
        if any {
            // Full means that a change is noted already.
            let _ = changed.try_send(());
        }
    };
    let mut debouncer = new_debouncer(SETTLE, None, told)?;
    debouncer.watch(&app.place.feeds, RecursiveMode::NonRecursive)?;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            change = changes.recv() => if change.is_none() { return Ok(()) },
        }
        loop {
            match app.reload().await {
                Ok(()) => info!("the newsroom's files were read again"),
                Err(SetupError::Store(error)) if app.found_away(&error) => {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(AGAIN) => continue,
                    }
                }
                Err(error) => error!(%error, "the newsroom's files have a mistake; the configuration before it stays"),
            }
            break;
        }
    }
}
