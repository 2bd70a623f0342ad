//! `kind = "folder"`: articles as files, in Markdown or HTML with front matter (TOML between `+++`, YAML between `---`), or JSON.
//!
//! A file that is deleted is an article withdrawn. While any file can't be read, nothing is withdrawn: a slip in a front
//! matter must not take an article away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use toml::de::{Error as TomlError, ValueDeserializer};

use super::files::{self, Batch, File};
use super::{Cursor, Held, Kind, Place, PullError, Pulled, Source};
use crate::article::{Image, Item, SourceKey, Text, date};
use crate::fetch::Fetcher;

pub(super) const KIND: Kind = Kind {
    name: "folder",
    precedence: 30,
    read,
};

const ENDINGS: &[&str] = &["md", "markdown", "html", "htm", "json"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    path: PathBuf,
}

fn read(settings: ValueDeserializer<'_>, place: &Place) -> Result<Arc<dyn Source>, TomlError> {
    let Settings { path } = Settings::deserialize(settings)?;
    Ok(Arc::new(Folder {
        path: place.feeds.join(path),
        zone: place.zone,
    }))
}

struct Folder {
    path: PathBuf,
    zone: Tz,
}

#[async_trait]
impl Source for Folder {
    async fn pull(&self, _net: &Fetcher, since: Cursor, held: &dyn Held) -> Result<Pulled, PullError> {
        let zone = self.zone;
        files::pull(
            self.path.clone(),
            ENDINGS,
            since,
            held,
            move |file, batch| match article(file, zone) {
                Ok(item) => batch.items.push(item),
                Err(why) => batch.reject(file, why),
            },
        )
        .await
    }
}

/// What stands above an article, or around it in JSON.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct FrontMatter {
    /// A permanent key; without one, the file's name is it.
    id: Option<Word>,
    title: Option<Word>,
    #[serde(alias = "url", alias = "permalink")]
    link: Option<String>,
    #[serde(alias = "date")]
    published: Option<When>,
    #[serde(alias = "modified")]
    updated: Option<When>,
    #[serde(alias = "author")]
    authors: Words,
    #[serde(alias = "section", alias = "categories", alias = "category")]
    sections: Words,
    #[serde(alias = "tag")]
    tags: Words,
    image: Option<Picture>,
    #[serde(alias = "lang")]
    language: Option<String>,
    #[serde(alias = "description", alias = "excerpt")]
    summary: Option<String>,
    /// The body, where it is not what follows the front matter (JSON): HTML.
    #[serde(alias = "html", alias = "content_html")]
    content: Option<String>,
    /// The body as plain text.
    #[serde(alias = "text")]
    content_text: Option<String>,
}

/// A text that may look like a number or a date to TOML and YAML.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Whole(i64),
    Number(f64),
}

impl Word {
    fn into_text(self) -> String {
        match self {
            Word::Text(text) => text,
            Word::Whole(number) => number.to_string(),
            Word::Number(number) => number.to_string(),
        }
    }
}

/// One word, or a list of words.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Words {
    #[default]
    None,
    One(String),
    Many(Vec<Word>),
}

impl Words {
    fn into_vec(self) -> Vec<String> {
        match self {
            Words::None => Vec::new(),
            Words::One(word) => vec![word],
            Words::Many(words) => words.into_iter().map(Word::into_text).collect(),
        }
    }
}

/// A date: TOML has a type for it, YAML and JSON have texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum When {
    Toml(toml::value::Datetime),
    Text(String),
}

impl When {
    fn instant(&self, zone: Tz) -> Result<DateTime<Utc>, String> {
        let text = match self {
            When::Toml(date) => date.to_string(),
            When::Text(text) => text.clone(),
        };
        date::parse(&text, zone)
            .ok_or_else(|| format!("{text:?} is not a date; write it like 2026-11-24 or 2026-11-24T09:30:00+05:00"))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Picture {
    Address(String),
    Table(PictureTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PictureTable {
    url: String,
    #[serde(default)]
    alt: String,
    width: Option<u32>,
    height: Option<u32>,
    #[serde(rename = "type")]
    mime: Option<String>,
}

impl From<Picture> for Image {
    fn from(picture: Picture) -> Self {
        let table = match picture {
            Picture::Address(url) => PictureTable {
                url,
                alt: String::new(),
                width: None,
                height: None,
                mime: None,
            },
            Picture::Table(table) => table,
        };
        Image {
            url: table.url,
            alt: table.alt,
            width: table.width,
            height: table.height,
            mime: table.mime,
            bytes: None,
        }
    }
}

/// The article that a file holds.
fn article(file: &File, zone: Tz) -> Result<Item, String> {
    let (front, body) = split(&file.path, &file.text)?;
    let content = match (front.content, front.content_text, body) {
        (Some(html), _, _) => Some(Text::Html(html)),
        (None, Some(text), _) => Some(Text::Plain(text)),
        (None, None, body) => body,
    };
    let title = front.title.map(Word::into_text).ok_or("it has no title")?;
    let key = front.id.map_or_else(|| file.name.clone(), Word::into_text);
    Ok(Item {
        guid: Some(key.clone()),
        link: front.link,
        summary: front.summary.map(Text::Html),
        content,
        authors: front.authors.into_vec(),
        sections: front.sections.into_vec(),
        tags: front.tags.into_vec(),
        image: front.image.map(Image::from),
        language: front.language,
        published: front.published.map(|when| when.instant(zone)).transpose()?,
        updated: front.updated.map(|when| when.instant(zone)).transpose()?,
        ..Item::new(SourceKey(key), Text::Plain(title))
    })
}

/// The front matter and the body of a file, by its ending.
fn split(path: &Path, text: &str) -> Result<(FrontMatter, Option<Text>), String> {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if ending == "json" {
        return Ok((serde_json::from_str(text).map_err(|error| error.to_string())?, None));
    }
    let (front, body) = if let Some(rest) = fenced(text, "+++") {
        let (front, body) = rest?;
        (toml::from_str(front).map_err(|error| error.message().to_owned())?, body)
    } else if let Some(rest) = fenced(text, "---") {
        let (front, body) = rest?;
        let front: Option<FrontMatter> = serde_saphyr::from_str(front)
            .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())?;
        (front.unwrap_or_default(), body)
    } else {
        return Err(
            "it does not begin with a front matter: TOML between +++ lines, or YAML between --- lines".to_owned(),
        );
    };
    let html = if matches!(ending.as_str(), "md" | "markdown") {
        from_markdown(body)
    } else {
        body.to_owned()
    };
    Ok((front, Some(Text::Html(html))))
}

/// The parts of a text that begins with a fence line; `None` if it does not.
fn fenced<'a>(text: &'a str, fence: &str) -> Option<Result<(&'a str, &'a str), String>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let rest = text.strip_prefix(fence)?;
    let rest = rest.strip_prefix('\r').unwrap_or(rest).strip_prefix('\n')?;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == fence {
            return Some(Ok((&rest[..at], &rest[at + line.len()..])));
        }
        at += line.len();
    }
    Some(Err(format!("its front matter has no closing {fence} line")))
}

fn from_markdown(text: &str) -> String {
    use pulldown_cmark::{Options, Parser, html};
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut out = String::with_capacity(text.len() * 5 / 4);
    html::push_html(&mut out, Parser::new_ext(text, options));
    out
}

impl Batch {
    fn reject(&mut self, file: &File, why: String) {
        self.rejected.push(super::Rejection {
            key: file.name.clone(),
            why: format!("{}: {why}", file.path.display()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(name: &str, text: &str) -> Result<Item, String> {
        let file = File {
            path: PathBuf::from(name),
            name: "name".to_owned(),
            text: text.to_owned(),
        };
        article(&file, chrono_tz::Asia::Karachi)
    }

    #[test]
    fn both_kinds_of_front_matter_say_the_same() {
        let toml = read(
            "a.md",
            "+++\ntitle = \"Rain\"\ndate = 2026-11-24\nauthor = \"Sana\"\ntags = [\"rain\", 2026]\n+++\n*wet*",
        )
        .expect("toml");
        let yaml = read(
            "a.md",
            "---\ntitle: Rain\ndate: 2026-11-24\nauthor: Sana\ntags: [rain, 2026]\n---\n*wet*",
        )
        .expect("yaml");
        for item in [toml, yaml] {
            assert_eq!(item.title, Text::Plain("Rain".to_owned()));
            assert_eq!(
                item.published.map(|at| at.to_rfc3339()).as_deref(),
                Some("2026-11-23T19:00:00+00:00")
            );
            assert_eq!(
                (item.authors, item.tags),
                (vec!["Sana".to_owned()], vec!["rain".to_owned(), "2026".to_owned()])
            );
            assert_eq!(item.content, Some(Text::Html("<p><em>wet</em></p>\n".to_owned())));
        }
    }

    #[test]
    fn a_mistake_is_told_in_the_editors_words() {
        for (text, told) in [
            ("no front matter", "front matter"),
            ("+++\ntitle = \"x\"\n", "closing +++"),
            ("+++\ntitle = \"x\"\ndate = \"tomorrow\"\n+++\n", "not a date"),
            ("---\nbody: x\n---\n", "unknown field"),
            ("---\ntags: [a]\n---\n", "no title"),
        ] {
            let error = read("a.md", text).expect_err(text);
            assert!(error.contains(told), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(---|\\+\\+\\+|\n|title: x|title = 'x'|\\PC){0,30}") {
            let _ = read("a.md", &text);
        }
    }
}
