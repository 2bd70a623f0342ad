//! `courant export`

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::{Common, Failed, counted, work};
use crate::document::{Coding, Document};
use crate::format::FORMATS;
use crate::store::Topic;
use crate::worker::{compress_all, publish_all};

/// Write every public document as a file, with .gz, .br and .zst beside it
///
/// The files lie as their addresses do: DIR/index.html, DIR/feeds.opml, DIR/feeds/NAME.rss, .atom, .json, and
/// DIR/feeds/NAME/index.html. Files that have not changed are not written again, so that a sync has little to do.
#[derive(clap::Args)]
pub(super) struct Export {
    /// Where to write
    dir: PathBuf,
}

impl Export {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        if self.dir.exists() && !self.dir.is_dir() {
            let told = "is a file; export writes many, so give it a directory";
            return Err(Failed::Usage(format!("{}: {told}", self.dir.display())));
        }
        let app = common.open().await?;
        let stop = CancellationToken::new();
        publish_all(&app, &stop).await.map_err(work)?;
        compress_all(&app).await.map_err(work)?;
        let newsroom = app.newsroom();
        let bar = ProgressBar::new((newsroom.config.feeds.len() * FORMATS.len()) as u64 + 2);
        let mut written = 0;
        written += write(&self.dir.join("index.html"), &newsroom.home)?;
        written += write(&self.dir.join("feeds.opml"), &newsroom.opml)?;
        for feed in &newsroom.config.feeds {
            for format in FORMATS {
                let name = &feed.info.name;
                let file =
                    if format.is_feed { format!("{name}.{}", format.ending) } else { format!("{name}/index.html") };
                let topic = Topic { feed: name.clone(), format: format.ending.to_owned() };
                let document = app.document(&topic).await.map_err(work)?;
                let document = document
                    .ok_or_else(|| Failed::Work(format!("feed {name} has no document yet; see courant status")))?;
                written += write(&self.dir.join("feeds").join(file), &document)?;
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        app.store.close().await;
        say!("{}: {} written, the rest is as it was", self.dir.display(), counted(written, "file"));
        Ok(())
    }
}

/// Writes a document and its encodings, as far as they differ from what is there. Tells how many files.
fn write(path: &Path, document: &Document) -> Result<usize, Failed> {
    let mut written = usize::from(replace(path, &document.plain, document)?);
    for (coding, bytes) in &document.encoded {
        let ending = match coding {
            Coding::Gzip => "gz",
            Coding::Brotli => "br",
            Coding::Zstd => "zst",
        };
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{ending}"));
        written += usize::from(replace(Path::new(&beside), bytes, document)?);
    }
    Ok(written)
}

/// Puts a whole file in place of the one before: no reader sees half of it.
fn replace(path: &Path, bytes: &[u8], document: &Document) -> Result<bool, Failed> {
    let told = |error: std::io::Error| Failed::Work(format!("{}: {error}", path.display()));
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(told)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, bytes).map_err(told)?;
    if let Some(seconds) = document.last_modified.and_then(|at| u64::try_from(at.timestamp()).ok()) {
        // Web servers make Last-Modified of it.
        let file = fs::File::options().append(true).open(&beside).map_err(told)?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).map_err(told)?;
    }
    fs::rename(&beside, path).map_err(told)?;
    Ok(true)
}
