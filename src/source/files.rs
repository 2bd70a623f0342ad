//! What the kinds that read files share: walking a folder, its bounds, and what is gone from it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{Error as TomlError, ValueDeserializer};

use super::{Cursor, Held, Place, PullError, Pulled, Rejection};
use crate::article::{Item, SourceKey};

const MAX_FILES: usize = 50_000;
const MAX_FILE: u64 = 8 << 20;
const MAX_BYTES: u64 = 512 << 20;
const MAX_DEPTH: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    path: PathBuf,
}

/// The folder that a source's settings name, relative to the newsroom's files.
pub(super) fn folder(settings: ValueDeserializer<'_>, place: &Place) -> Result<PathBuf, TomlError> {
    Ok(place.feeds.join(Settings::deserialize(settings)?.path))
}

/// One file that was read.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Its path within the folder, without the ending, with `/` between the parts.
    pub(super) name: String,
    pub(super) text: String,
}

/// What a folder's files have come to so far.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) rejected: Vec<Rejection>,
    /// What looks like a slip, and is no reason to leave an article out.
    pub(super) notes: Vec<String>,
    /// Which file each article is in.
    places: HashMap<SourceKey, PathBuf>,
}

impl Batch {
    /// Takes an article that must be in one file alone. Of two with one id neither counts, and what is published stays: which
    /// of them is meant, nobody can tell.
    pub(super) fn take(&mut self, file: &File, item: Item) {
        match self.places.entry(item.key.clone()) {
            Entry::Vacant(place) => {
                place.insert(file.path.clone());
                self.items.push(item);
            }
            Entry::Occupied(place) => {
                let why = format!("{} has the same id; one of the two needs another", place.get().display());
                self.items.retain(|other| other.key != item.key);
                self.reject(file, why);
            }
        }
    }

    pub(super) fn reject(&mut self, file: &File, why: String) {
        self.rejected.push(Rejection { key: file.name.clone(), why: format!("{}: {why}", file.path.display()) });
    }
}

/// Notes that are told of one pull.
const NOTES: usize = 5;

/// Reads every file below `folder` with one of the `endings`, and finds out which articles are no longer there.
pub(super) async fn pull(
    folder: PathBuf,
    endings: &'static [&'static str],
    since: Cursor,
    held: &dyn Held,
    read: impl Fn(&File, &mut Batch) + Send + 'static,
) -> Result<Pulled, PullError> {
    let place = folder.clone();
    let batch = tokio::task::spawn_blocking(move || read_all(&folder, endings, read))
        .await
        .map_err(|error| PullError::Unreadable(format!("reading the files failed: {error}")))??;
    let kept = held.keys().await?;
    if batch.items.is_empty() && batch.rejected.is_empty() && kept.len() > 1 {
        let told = "there is no article here any more, and there were several; if that is meant, leave one, pull, and then remove that one";
        return Err(PullError::Unreadable(format!("{}: {told}", place.display())));
    }
    let present: HashSet<&SourceKey> = batch.items.iter().map(|item| &item.key).collect();
    let missing: Vec<SourceKey> = kept.into_iter().filter(|key| !present.contains(key)).collect();
    let hold_back = !batch.rejected.is_empty() && !missing.is_empty();
    let held_back = hold_back.then(|| "while a file is left out, nothing is withdrawn".to_owned());
    let more = batch.notes.len().saturating_sub(NOTES);
    let more = (more > 0).then(|| format!("and {more} more like these"));
    let notes: Vec<String> = held_back.into_iter().chain(batch.notes.into_iter().take(NOTES)).chain(more).collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    let gone = if hold_back { Vec::new() } else { missing };
    Ok(Pulled { items: batch.items, rejected: batch.rejected, gone, note, next: since, ..Pulled::default() })
}

fn read_all(folder: &Path, endings: &[&str], read: impl Fn(&File, &mut Batch)) -> Result<Batch, PullError> {
    let mut paths = Vec::new();
    walk(folder, endings, 0, &mut paths)?;
    // The order of a directory is chance; ours is not.
    paths.sort_unstable();
    let (mut batch, mut bytes) = (Batch::default(), 0);
    for path in paths {
        let mut file = File { name: name_of(folder, &path), path, text: String::new() };
        match text_of(&file.path) {
            Ok(text) => {
                bytes += text.len() as u64;
                if bytes > MAX_BYTES {
                    return Err(too_much(folder, &format!("{} MB", MAX_BYTES >> 20)));
                }
                file.text = text;
                read(&file, &mut batch);
            }
            Err(why) => batch.reject(&file, why),
        }
    }
    Ok(batch)
}

fn walk(folder: &Path, endings: &[&str], depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), PullError> {
    let told = |error: std::io::Error| PullError::Unreadable(format!("{}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(told)?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&path, endings, depth + 1, paths)?;
        } else if !kind.is_dir() && endings.iter().any(|known| known.eq_ignore_ascii_case(ending)) {
            if paths.len() == MAX_FILES {
                return Err(too_much(folder, &format!("{MAX_FILES} files")));
            }
            paths.push(path);
        }
    }
    Ok(())
}

fn too_much(folder: &Path, what: &str) -> PullError {
    PullError::Unreadable(format!("{}: more than {what}; split it into several sources", folder.display()))
}

fn text_of(path: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("not a file".to_owned());
    }
    if meta.len() > MAX_FILE {
        return Err(format!("larger than {} MB", MAX_FILE >> 20));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))
}

fn name_of(folder: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
