//! The gate: what can't be parsed back is not published.

use thiserror::Error;

use crate::feed::{Site, Snapshot};
use crate::format::{Format, Seen, Unrenderable};

/// A document that passed.
#[derive(Debug)]
pub struct Made {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The ids of articles that had to be left out, each with the reason.
    pub left_out: Vec<(String, String)>,
}

/// Why nothing could be published: the last good document stays.
#[derive(Debug, Error)]
pub enum Unpublishable {
    /// It could not be written.
    #[error(transparent)]
    Unrenderable(#[from] Unrenderable),
    /// It could not be read back, and no single article is to blame.
    #[error("the document can't be read back: {0}")]
    Unreadable(String),
}

/// The feed's document in a format, read back before anybody sees it. If that fails, each article is tried by itself: those
/// that fail are left out, and the feed goes on without them.
pub fn made(format: &Format, feed: &Snapshot, site: &Site) -> Result<Made, Unpublishable> {
    let told = match checked(format, feed, site) {
        Ok(bytes) => {
            return Ok(Made { bytes, left_out: Vec::new() });
        }
        Err(told) => told,
    };
    let mut left_out = Vec::new();
    let mut good = feed.clone();
    good.articles.retain(|article| {
        let alone = Snapshot { articles: vec![article.clone()], ..feed.clone() };
        match checked(format, &alone, site) {
            Ok(_) => true,
            Err(why) => {
                left_out.push((article.id.0.clone(), why.to_string()));
                false
            }
        }
    });
    // Where every article is to blame, none is.
    if left_out.is_empty() || good.articles.is_empty() {
        return Err(told);
    }
    Ok(Made { bytes: checked(format, &good, site)?, left_out })
}

fn checked(format: &Format, feed: &Snapshot, site: &Site) -> Result<Vec<u8>, Unpublishable> {
    let bytes = (format.render)(feed, site)?;
    if format.is_feed {
        let seen = (format.read_back)(&bytes).map_err(Unpublishable::Unreadable)?;
        let same = seen.len() == feed.articles.len()
            && seen.iter().zip(&feed.articles).all(|(seen, article)| {
                let Seen { id, title, published } = seen;
                *id == article.id.0 && *title == article.title && *published == article.published
            });
        if !same {
            return Err(Unpublishable::Unreadable("a reader would see other articles than were written".to_owned()));
        }
    }
    Ok(bytes)
}
