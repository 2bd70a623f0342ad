//! The duty to compress: Brotli and Zstandard, when the document is up already.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Duty, DutyError, Next};
use crate::app::App;
use crate::document::smaller;

pub(super) struct Compress;

#[async_trait]
impl Duty for Compress {
    fn name(&self) -> &'static str {
        "compress"
    }

    fn wake<'a>(&self, app: &'a App) -> &'a Notify {
        &app.wakes.compress
    }

    async fn step(&self, app: &Arc<App>, _stop: &CancellationToken) -> Result<Next, DutyError> {
        if compress_one(app).await? { Ok(Next::Now) } else { Ok(Next::At(None)) }
    }
}

/// Gives all documents their smaller encodings.
pub async fn compress_all(app: &App) -> Result<(), DutyError> {
    while compress_one(app).await? {}
    Ok(())
}

/// Gives one document its smaller encodings. `false`: all have them.
async fn compress_one(app: &App) -> Result<bool, DutyError> {
    let Some((topic, etag, plain)) = app.store.uncompressed().await? else {
        return Ok(false);
    };
    let (brotli, zstd) = tokio::task::spawn_blocking(move || smaller(&plain)).await??;
    app.store.compressed(&topic, &etag, &brotli, &zstd).await?;
    if let Some(document) = app.store.document(&topic).await? {
        app.shelf.put(topic, document.into());
    }
    Ok(true)
}
