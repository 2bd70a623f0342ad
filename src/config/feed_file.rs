//! Reading the feeds' own files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::file::File;
use super::keys::Kind;
use super::mistakes::suggestion;
use super::values::Language;
use super::{Mistake, Mistakes, feed_files, is_name};
use crate::article::term;
use crate::article::words::words;
use crate::feed::{Content, Feed, FeedInfo, Site};
use crate::store::{Order, Query};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedFile {
    title: Option<String>,
    #[serde(default)]
    description: String,
    language: Option<Language>,
    #[serde(default)]
    moved_from: Vec<Spanned<String>>,
    #[serde(default)]
    select: Select,
    #[serde(default)]
    show: Show,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Select {
    sources: Vec<Spanned<String>>,
    sections: Vec<String>,
    tags: Vec<String>,
    authors: Vec<String>,
    languages: Vec<Language>,
    search: Option<Spanned<String>>,
    not: Not,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Not {
    sources: Vec<Spanned<String>>,
    sections: Vec<String>,
    tags: Vec<String>,
    authors: Vec<String>,
    languages: Vec<Language>,
    search: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Show {
    limit: Spanned<u32>,
    content: ContentWord,
    order: OrderWord,
}

impl Default for Show {
    fn default() -> Self {
        Self { limit: Spanned::new(0..0, 50), content: ContentWord::Full, order: OrderWord::Published }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContentWord {
    Full,
    Summary,
    Headline,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderWord {
    Published,
    Updated,
}

/// Feeds, and the former names of some.
type Feeds = (Vec<Feed>, BTreeMap<String, String>);

/// Reads all feeds beside `newsroom.toml`, and gathers their mistakes.
pub(super) fn feeds(
    dir: &Path,
    sources: Option<&[String]>,
    site: Option<&Site>,
    mistakes: &mut Vec<Mistake>,
) -> Result<Feeds, Mistakes> {
    let paths = feed_files(dir).map_err(|error| Mistakes(vec![Mistake::new(dir, "", None, error.to_string())]))?;
    let names: Vec<String> = paths.iter().map(|path| name_of(path)).collect();
    let (mut feeds, mut moved) = (Vec::<Feed>::new(), BTreeMap::new());
    for (path, name) in paths.iter().zip(&names) {
        let mut file = match File::open(path, Kind::Feed) {
            Ok(file) => file,
            Err(mistake) => {
                mistakes.push(*mistake);
                continue;
            }
        };
        if !is_name(name) {
            file.mistake(
                0..0,
                format!("`{name}` can't be a feed's name: small letters, digits, - and _"),
                Some("rename the file".to_owned()),
            );
        }
        let text = file.text.clone();
        if let Some(table) = file.table(&text) {
            let root = table.get_ref().clone();
            if let Some(read) = file.read::<FeedFile>(table, "") {
                for old in &read.moved_from {
                    former_name(&mut file, old, name, &names, &mut moved);
                }
                feeds.extend(feed(&mut file, name, &root, read, sources, site));
            }
        }
        mistakes.append(&mut file.told());
    }
    Ok((feeds, moved))
}

fn former_name(
    file: &mut File,
    old: &Spanned<String>,
    now: &str,
    names: &[String],
    moved: &mut BTreeMap<String, String>,
) {
    let (span, old) = (old.span(), old.get_ref());
    if names.contains(old) {
        file.mistake(span, format!("`{old}` is a feed of its own, so it has not moved"), None);
    } else if moved.insert(old.clone(), now.to_owned()).is_some() {
        file.mistake(span, format!("another feed has moved from `{old}` too"), None);
    }
}

/// A feed is called like its file.
fn name_of(path: &Path) -> String {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned()
}

fn feed(
    file: &mut File,
    name: &str,
    root: &DeTable<'_>,
    read: FeedFile,
    sources: Option<&[String]>,
    site: Option<&Site>,
) -> Option<Feed> {
    let title = file.required(root, "title", read.title);
    let named = read.select.sources.iter().chain(&read.select.not.sources);
    for (source, known) in named.filter_map(|source| Some((source, sources?))) {
        if !known.contains(source.get_ref()) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let message = format!("newsroom.toml has no source `{}`", source.get_ref());
            file.mistake(source.span(), message, Some(suggestion(source.get_ref(), &known)));
        }
    }
    for search in read.select.search.iter().chain(&read.select.not.search) {
        if words(search.get_ref()).is_empty() {
            file.mistake(search.span(), "a search needs words", None);
        }
    }
    let limit = *read.show.limit.get_ref();
    if !(1..=10_000).contains(&limit) {
        file.mistake(read.show.limit.span(), "`limit` is a number from 1 to 10000", None);
    }
    let select = read.select;
    let list = |names: &[String], term: fn(&str) -> String| names.iter().map(|name| term(name)).collect::<Vec<_>>();
    let sourced = |names: &[Spanned<String>]| names.iter().map(|name| term::source(name.get_ref())).collect::<Vec<_>>();
    let spoken = |tags: &[Language]| tags.iter().map(|tag| term::language(&tag.0)).collect::<Vec<_>>();
    let all_of = [
        sourced(&select.sources),
        list(&select.sections, term::section),
        list(&select.tags, term::tag),
        list(&select.authors, term::author),
        spoken(&select.languages),
    ];
    let none_of = [
        sourced(&select.not.sources),
        list(&select.not.sections, term::section),
        list(&select.not.tags, term::tag),
        list(&select.not.authors, term::author),
        spoken(&select.not.languages),
    ];
    Some(Feed {
        info: FeedInfo {
            name: name.to_owned(),
            title: title?,
            description: read.description,
            language: read.language.map_or_else(
                || site.map_or_else(|| "en".to_owned(), |site| site.language.clone()),
                |language| language.0,
            ),
        },
        query: Query {
            all_of: all_of.into_iter().filter(|list| !list.is_empty()).collect(),
            none_of: none_of.concat(),
            search: select.search.map(Spanned::into_inner),
            not_search: select.not.search.map(Spanned::into_inner),
            order: match read.show.order {
                OrderWord::Published => Order::Published,
                OrderWord::Updated => Order::Updated,
            },
            limit,
        },
        content: match read.show.content {
            ContentWord::Full => Content::Full,
            ContentWord::Summary => Content::Summary,
            ContentWord::Headline => Content::Headline,
        },
    })
}
