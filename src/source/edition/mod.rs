//! `kind = "edition"`: plain-text pages of a daily edition, as they come out of the layout program.

mod page;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use toml::de::{Error as TomlError, ValueDeserializer};

use self::page::{MAX_PAGE_BYTES, Page, Printed, read_page};
use super::files::{self, Batch, File};
use super::{Cursor, Held, Kind, Place, PullError, Pulled, Source};
use crate::article::{Item, SourceKey, Text, date};
use crate::fetch::Fetcher;

pub(super) const KIND: Kind = Kind { name: "edition", precedence: 40, read };

fn read(settings: ValueDeserializer<'_>, place: &Place) -> Result<Arc<dyn Source>, TomlError> {
    Ok(Arc::new(Edition { path: files::folder(settings, place)?, zone: place.zone }))
}

struct Edition {
    path: PathBuf,
    zone: Tz,
}

#[async_trait]
impl Source for Edition {
    async fn pull(&self, _net: &Fetcher, since: Cursor, held: &dyn Held) -> Result<Pulled, PullError> {
        let zone = self.zone;
        let mut pulled =
            files::pull(self.path.clone(), &["txt", "text"], since, held, move |file, batch| take(file, batch, zone))
                .await?;
        // An article that goes on in the next day's edition is one article.
        let mut seen = HashSet::new();
        pulled.items.reverse();
        pulled.items.retain(|item| seen.insert(item.key.clone()));
        Ok(pulled)
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

fn take(file: &File, batch: &mut Batch, zone: Tz) {
    if file.text.len() > MAX_PAGE_BYTES {
        return batch.reject(file, format!("larger than {} MB, which no page is", MAX_PAGE_BYTES >> 20));
    }
    let page = read_page(&file.text);
    let items = page.articles.iter().map(|printed| item(printed, &page, file, zone));
    batch.items.extend(items);
}

/// An article is known by its address on the web where it has one, for that outlives a corrected headline.
fn item(printed: &Printed, page: &Page, file: &File, zone: Tz) -> Item {
    let key = match &printed.permalink {
        Some(link) => link.clone(),
        None => {
            format!("{}/{}", page.date.map_or_else(|| file.name.clone(), |date| date.to_string()), printed.headline)
        }
    };
    let text: String = printed.paragraphs.iter().map(|paragraph| format!("<p>{}</p>", escaped(paragraph))).collect();
    Item {
        link: printed.permalink.clone(),
        content: Some(Text::Html(text)),
        sections: printed.section.iter().cloned().collect(),
        published: printed.date.or(page.date).map(|day| date::midnight(day, zone)),
        ..Item::new(SourceKey(key), Text::Plain(printed.headline.clone()))
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
