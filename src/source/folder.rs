//! `kind = "folder"`: articles as files, in Markdown or HTML with front matter (TOML between `+++`, YAML between `---`), or JSON.
//!
//! A file that is deleted is an article withdrawn. While any file can't be read, nothing is withdrawn: a slip in a front
//! matter must not take an article away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use toml::de::{Error as TomlError, ValueDeserializer};

use super::files::{self, File};
use super::{Cursor, Held, Kind, Place, PullError, Pulled, Source};
use crate::article::language::{is_language_tag, not_a_tag};
use crate::article::spelling::nearest;
use crate::article::{Image, Item, SourceKey, Text, date};
use crate::fetch::Fetcher;

pub(super) const KIND: Kind = Kind { name: "folder", precedence: 20, read };

const ENDINGS: &[&str] = &["md", "markdown", "html", "htm", "json"];

fn read(settings: ValueDeserializer<'_>, place: &Place) -> Result<Arc<dyn Source>, TomlError> {
    Ok(Arc::new(Folder { path: files::folder(settings, place)?, zone: place.zone }))
}

struct Folder {
    path: PathBuf,
    zone: Tz,
}

#[async_trait]
impl Source for Folder {
    async fn pull(&self, _net: &Fetcher, since: Cursor, held: &dyn Held) -> Result<Pulled, PullError> {
        let zone = self.zone;
        files::pull(self.path.clone(), ENDINGS, since, held, move |file, batch| {
            match article(file, zone, &mut batch.notes) {
                Ok(Some(item)) => batch.take(file, item),
                Ok(None) => {}
                Err(why) => batch.reject(file, why),
            }
        })
        .await
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

const ID: &[&str] = &["id", "guid"];
const TITLE: &[&str] = &["title", "headline"];
const LINK: &[&str] = &["link", "url", "permalink", "canonical"];
const SUMMARY: &[&str] = &["summary", "description", "excerpt"];
const HTML: &[&str] = &["content", "content_html", "html", "body"];
const PLAIN: &[&str] = &["content_text", "text"];
const AUTHORS: &[&str] = &["authors", "author", "byline"];
const SECTIONS: &[&str] = &["sections", "section", "categories", "category"];
const TAGS: &[&str] = &["tags", "tag", "keywords"];
const IMAGE: &[&str] = &["image", "cover", "thumbnail"];
const LANGUAGE: &[&str] = &["language", "lang"];
const PUBLISHED: &[&str] =
    &["published", "date", "date_published", "published_at", "pubDate", "publishDate", "datePublished"];
const UPDATED: &[&str] =
    &["updated", "modified", "date_modified", "lastmod", "updated_at", "updatedDate", "dateModified"];
const STATE: &[&str] = &["draft", "status"];

/// What is one text, and what is one or a list of them.
const TEXTS: &[&[&str]] = &[ID, TITLE, LINK, SUMMARY, HTML, PLAIN, LANGUAGE];
const NAMES: &[&[&str]] = &[AUTHORS, SECTIONS, TAGS];

/// All that a front matter may say.
const KNOWN: &[&[&str]] =
    &[ID, TITLE, LINK, SUMMARY, HTML, PLAIN, AUTHORS, SECTIONS, TAGS, IMAGE, LANGUAGE, PUBLISHED, UPDATED, STATE];

/// The article that a file holds; `None` if it says of itself that it is a draft. `notes`: what looks like a slip.
fn article(file: &File, zone: Tz, notes: &mut Vec<String>) -> Result<Option<Item>, String> {
    let (front, body) = split(&file.path, &file.text)?;
    if front.is_draft() {
        return Ok(None);
    }
    let html = front.text(HTML).map(Text::Html);
    let plain = front.text(PLAIN).map(Text::Plain);
    let title = front.text(TITLE).ok_or("it has no title")?;
    let key = front.text(ID).unwrap_or_else(|| file.name.clone());
    let published = front.date(PUBLISHED, zone)?;
    for (key, meant) in front.misspelt() {
        let told = format!("unknown key `{key}` (did you mean `{meant}`?)");
        // Without its date the article would be published as of now.
        if published.is_none() && PUBLISHED.contains(&meant) && front.text(&[key]).is_some_and(|text| has_a_year(&text))
        {
            return Err(told);
        }
        notes.push(format!("{}: {told}", file.path.display()));
    }
    if let Some(language) = front.text(LANGUAGE).filter(|language| !is_language_tag(language.trim())) {
        notes.push(format!("{}: {}", file.path.display(), not_a_tag(&language)));
    }
    for key in front.odd() {
        notes.push(format!("{}: `{key}` has a value that is not understood", file.path.display()));
    }
    Ok(Some(Item {
        guid: Some(key.clone()),
        link: front.text(LINK),
        summary: front.text(SUMMARY).map(Text::Html),
        content: html.or(plain).or(body),
        authors: front.names(AUTHORS),
        sections: front.names(SECTIONS),
        tags: front.names(TAGS),
        image: front.image(),
        language: front.text(LANGUAGE),
        published,
        updated: front.date(UPDATED, zone)?,
        ..Item::new(SourceKey(key), Text::Plain(title))
    }))
}

/// Whether a text may be meant as a date, readable or not.
fn has_a_year(text: &str) -> bool {
    text.chars().filter(char::is_ascii_digit).count() >= 4
}

/// What stands above an article, or around it in JSON. Other programs read these files too, and call things by names of their
/// own: of several names for a thing the first that is there counts, and what nobody here knows is left alone.
struct FrontMatter(Map<String, Value>);

impl FrontMatter {
    fn first(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.0.get(*name)).filter(|value| !value.is_null())
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        self.first(names).and_then(word)
    }

    /// One name, or a list of names.
    fn names(&self, names: &[&str]) -> Vec<String> {
        one_or_many(self.first(names)).filter_map(name).collect()
    }

    /// The keys that are known and whose value says nothing, such as a switch where an author should be.
    fn odd(&self) -> Vec<&str> {
        let is_odd = |key: &str, value: &Value| {
            let one_of = |keys: &[&[&str]]| keys.iter().any(|names| names.contains(&key));
            (one_of(TEXTS) && word(value).is_none())
                || (one_of(NAMES) && one_or_many(Some(value)).any(|value| name(value).is_none()))
        };
        let stated = self.0.iter().filter(|(_, value)| !value.is_null());
        stated.filter(|(key, value)| is_odd(key, value)).map(|(key, _)| key.as_str()).collect()
    }

    fn date(&self, names: &[&str], zone: Tz) -> Result<Option<DateTime<Utc>>, String> {
        // Some programs mean by `published: true` that it is no draft.
        let mut stated = names.iter().filter_map(|name| self.0.get(*name));
        let Some(value) = stated.find(|value| !value.is_null() && !value.is_boolean()) else {
            return Ok(None);
        };
        let text = word(value).unwrap_or_else(|| value.to_string());
        // Four digits are all that feeds can write.
        let date = date::parse(&text, zone).filter(|date| (1..=9999).contains(&date.year()));
        let told = || format!("{text:?} is not a date; write it like 2026-11-24 or 2026-11-24T09:30:00+05:00");
        date.map(Some).ok_or_else(told)
    }

    /// Unknown keys that look like a known one, with that one. Others are other programs' business.
    fn misspelt(&self) -> Vec<(&str, &'static str)> {
        let known = KNOWN.concat();
        let unknown = self.0.keys().map(String::as_str).filter(|key| !known.contains(key));
        unknown.filter_map(|key| Some((key, slip_of(key, &known)?))).collect()
    }

    /// An address, or a table with an address and more.
    fn image(&self) -> Option<Image> {
        let value = self.first(IMAGE)?;
        let text = |name: &str| value.get(name).and_then(word);
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        let pixels = |name: &str| number(name).and_then(|pixels| u32::try_from(pixels).ok());
        Some(Image {
            url: word(value).or_else(|| text("url")).or_else(|| text("src"))?,
            alt: text("alt").unwrap_or_default(),
            width: pixels("width"),
            height: pixels("height"),
            mime: text("type"),
            bytes: number("bytes"),
        })
    }

    fn is_draft(&self) -> bool {
        let says = |name: &str, value: bool| self.0.get(name) == Some(&Value::Bool(value));
        says("draft", true) || says("published", false) || self.0.get("status").is_some_and(|status| status == "draft")
    }
}

/// The known key of which an unknown one is a slip: the same but for one letter, or for two in a long word.
fn slip_of(unknown: &str, known: &[&'static str]) -> Option<&'static str> {
    let near = nearest(unknown, known.iter().copied())?;
    let slips = if near.len() < 6 { 1 } else { 2 };
    let plain = unknown.to_lowercase();
    // Short words are near to many others, and the plural of one is a key of many programs.
    let is_slip = near.len() > 3 && plain.starts_with(&near[..1]) && plain != format!("{near}s");
    (is_slip && strsim::damerau_levenshtein(&plain, near) <= slips).then_some(near)
}

/// A text, or what looks like a number to TOML, YAML and JSON.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        // How the TOML crate hands a date to serde.
        Value::Object(map) if map.len() == 1 => {
            map.get("$__toml_private_datetime").and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
}

fn one_or_many(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Some(Value::Array(many)) => (None, many.as_slice()),
        one => (one, &[][..]),
    };
    one.into_iter().chain(many)
}

/// A name; in JSON Feed's way, an author is an object with a name.
fn name(value: &Value) -> Option<String> {
    word(value).or_else(|| word(value.get("name")?))
}

/// Lines above the front matter: a file begins with its fence.
const FENCE: usize = 1;

/// The front matter and the body of a file, by its ending.
fn split(path: &Path, text: &str) -> Result<(FrontMatter, Option<Text>), String> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    if ending == "json" {
        return Ok((FrontMatter(serde_json::from_str(text).map_err(|error| error.to_string())?), None));
    }
    let (front, body) = if let Some(rest) = fenced(text, "+++") {
        let (front, body) = rest?;
        let told = |error: TomlError| {
            let before = error.span().and_then(|span| front.get(..span.start)).unwrap_or_default();
            format!("line {}: {}", FENCE + before.matches('\n').count() + 1, error.message())
        };
        (toml::from_str(front).map_err(told)?, body)
    } else if let Some(rest) = fenced(text, "---") {
        let (front, body) = rest?;
        let told = |error: serde_saphyr::Error| {
            let line = error.location().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or(1);
            let why = error.without_snippet().to_string();
            let why = why.lines().next().unwrap_or_default().to_owned();
            // With its place in the front matter alone.
            let why = why.split_once(": ").filter(|(place, _)| place.contains("line ")).map_or(&*why, |(_, why)| why);
            format!("line {}: {why}", FENCE + line)
        };
        let front: Option<Map<String, Value>> = serde_saphyr::from_str(front).map_err(told)?;
        (front.unwrap_or_default(), body)
    } else {
        return Err(
            "it does not begin with a front matter: TOML between +++ lines, or YAML between --- lines".to_owned()
        );
    };
    let html = if matches!(ending.as_str(), "md" | "markdown") { from_markdown(body) } else { body.to_owned() };
    Ok((FrontMatter(front), Some(Text::Html(html))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(name: &str, text: &str) -> Result<Item, String> {
        let file = File { path: PathBuf::from(name), name: "name".to_owned(), text: text.to_owned() };
        article(&file, chrono_tz::Asia::Karachi, &mut Vec::new()).map(|item| item.expect("no draft"))
    }

    /// What is told of a front matter: as a mistake, or as notes.
    fn told(front: &str) -> Result<Vec<String>, String> {
        let text = format!("+++\ntitle = \"x\"\n{front}\n+++\n");
        let file = File { path: PathBuf::from("a.md"), name: "a".to_owned(), text };
        let mut notes = Vec::new();
        article(&file, chrono_tz::UTC, &mut notes).map(|_| notes)
    }

    #[test]
    fn a_key_that_looks_misspelt_is_told_and_others_are_left_alone() {
        let notes = told("date = 2026-11-24\nauthr = \"Sana\"\nTags = [\"a\"]").expect("an article");
        assert_eq!(
            notes,
            ["a.md: unknown key `Tags` (did you mean `tags`?)", "a.md: unknown key `authr` (did you mean `author`?)"]
        );
        for key in ["layout", "weight", "slug", "images", "dates", "links", "next", "lead", "subtitle", "menu", "extra"]
        {
            assert_eq!(told(&format!("{key} = \"x\"")), Ok(Vec::new()), "{key}");
        }
    }

    #[test]
    fn a_value_that_says_nothing_is_told() {
        for (front, key) in
            [("author = true", "author"), ("tags = [\"a\", false]", "tags"), ("summary = [\"a\"]", "summary")]
        {
            assert_eq!(told(front), Ok(vec![format!("a.md: `{key}` has a value that is not understood")]), "{front}");
        }
        assert_eq!(told("lang = \"Urdu\"").map(|notes| notes.len()), Ok(1));
        for front in ["tags = [\"a\", 2026]", "authors = [{ name = \"Sana\" }]", "section = []"] {
            assert_eq!(told(front), Ok(Vec::new()), "{front}");
        }
    }

    #[test]
    fn a_date_that_is_meant_and_not_understood_is_no_date_of_now() {
        for front in ["publishd = 2026-11-24", "Date = \"24.11.2026\"", "date = \"tomorrow\"", "date = [2026, 11, 24]"]
        {
            assert!(told(front).is_err(), "{front}");
        }
        for front in ["pubDate = \"tomorrow\"", "publishDate = 24.11"] {
            assert!(told(front).is_err(), "{front}");
        }
        for front in ["", "data = \"rain.csv\"", "published = true", "date = 2026-11-24\npublishd = 2026-11-25"] {
            assert!(told(front).is_ok(), "{front}");
        }
    }

    #[test]
    fn both_kinds_of_front_matter_say_the_same() {
        let toml = read(
            "a.md",
            "+++\ntitle = \"Rain\"\ndate = 2026-11-24\nauthor = \"Sana\"\ntags = [\"rain\", 2026]\n+++\n*wet*",
        )
        .expect("toml");
        let yaml = read("a.md", "---\ntitle: Rain\ndate: 2026-11-24\nauthor: Sana\ntags: [rain, 2026]\n---\n*wet*")
            .expect("yaml");
        for item in [toml, yaml] {
            assert_eq!(item.title, Text::Plain("Rain".to_owned()));
            assert_eq!(item.published.map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-23T19:00:00+00:00"));
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
            ("+++\ntitle = \"x\"\nauthor = Sana\n+++\n", "line 3: "),
            ("---\ntitle: x\nauthor: a: b\n---\n", "line 3: mapping values"),
            ("---\ntags: [a]\n---\n", "no title"),
        ] {
            let error = read("a.md", text).expect_err(text);
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_draft_is_no_article_yet() {
        for front in ["draft = true", "published = false", "status = \"draft\""] {
            let text = format!("+++\ntitle = \"x\"\n{front}\n+++\n");
            let file = File { path: PathBuf::from("a.md"), name: "a".to_owned(), text };
            assert!(article(&file, chrono_tz::UTC, &mut Vec::new()).expect("readable").is_none(), "{front}");
        }
    }

    #[test]
    fn what_other_programs_write_is_understood_or_left_alone() {
        let item = read(
            "a.json",
            r#"{"title": "Rain", "url": "https://p.example/r", "link": "https://p.example/r", "weight": 7,
            "authors": [{"name": "Sana"}], "date_published": "2026-11-24T10:00:00Z", "content_html": "<p>wet</p>", "image": {"url": "r.jpg", "width": 9}}"#,
        );
        let item = item.expect("an article");
        assert_eq!((item.authors, item.image.and_then(|image| image.width)), (vec!["Sana".to_owned()], Some(9)));
        assert!(item.published.is_some() && item.content.is_some() && item.link.is_some());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(---|\\+\\+\\+|\n|title: x|title = 'x'|\\PC){0,30}") {
            let file = File { path: PathBuf::from("a.md"), name: "a".to_owned(), text };
            let _ = article(&file, chrono_tz::UTC, &mut Vec::new());
        }
    }
}
