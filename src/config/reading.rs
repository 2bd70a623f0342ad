//! Reading `newsroom.toml` and the feeds beside it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistakes::suggestion;
use super::values::{Language, Network, Secret, Stretch, WebAddress, Zone};
use super::{Config, Hub, Mistake, Mistakes, Schedule, SourceConfig, feed_files, fingerprint, house};
use crate::article::term;
use crate::article::words::words;
use crate::feed::{Content, Feed, FeedInfo, Site};
use crate::source::{KINDS, Place};
use crate::store::{Order, Query};
use crate::websub::Algorithm;

/// How often a source is pulled if its table does not say.
const SCHEDULE: &str = "*/15 * * * *";

/// Where the service is reached if nobody says.
const PUBLIC_URL: &str = "http://127.0.0.1:8080";

/// A file that is being read, and the mistakes that were found in it.
struct File {
    path: PathBuf,
    text: String,
    mistakes: Vec<Mistake>,
}

impl File {
    fn open(path: PathBuf) -> Result<Self, Mistakes> {
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path, text, mistakes: Vec::new() }),
            Err(error) => {
                let mistake = Mistake::new(&path, "", None, format!("can't read the file: {error}"));
                let mistake = mistake
                    .help("`courant add https://your-site/` writes a first one; --feeds names another directory");
                Err(Mistakes(vec![mistake]))
            }
        }
    }

    fn mistake(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let mut mistake = Mistake::new(&self.path, &self.text, Some(span), message);
        mistake.help = help;
        self.mistakes.push(mistake);
    }

    /// The value, or its mistake noted.
    fn read<T>(&mut self, result: Result<T, toml::de::Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistakes.push(Mistake::from_toml(&self.path, &self.text, &error));
                None
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    title: String,
    home: WebAddress,
    public_url: Option<WebAddress>,
    language: Language,
    timezone: Zone,
    contact: Option<String>,
    rights: Option<String>,
    icon: Option<WebAddress>,
    // Read by themselves, so that a mistake in one does not hide those in others; named here so that they are known keys.
    #[serde(rename = "hub")]
    _hub: Option<serde::de::IgnoredAny>,
    #[serde(rename = "fetch")]
    _fetch: Option<serde::de::IgnoredAny>,
    #[serde(rename = "source")]
    _source: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HubTable {
    built_in: bool,
    also: Vec<WebAddress>,
    algorithm: Algorithm,
    lease_default: Stretch,
    lease_min: Stretch,
    lease_max: Stretch,
}

impl Default for HubTable {
    fn default() -> Self {
        let days = |days: u64| Stretch(std::time::Duration::from_secs(days * 86_400));
        Self {
            built_in: true,
            also: Vec::new(),
            algorithm: Algorithm::default(),
            lease_default: days(10),
            lease_min: Stretch(std::time::Duration::from_secs(3600)),
            lease_max: days(30),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct FetchTable {
    allow_private: Vec<Network>,
}

/// What every kind of source has; the rest of its table is the kind's own.
#[derive(Deserialize)]
struct SourceTable {
    schedule: Option<Schedule>,
    webhook_key: Option<Secret>,
    webhook_key_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    keep_ids: bool,
}

const SOURCE_KEYS: [&str; 5] = ["kind", "schedule", "webhook_key", "webhook_key_file", "keep_ids"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedFile {
    title: String,
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

/// Reads all files of a newsroom, and gathers the mistakes of all.
pub(super) fn newsroom(dir: &Path, public_url: Option<&str>) -> Result<Config, Mistakes> {
    let mut file = File::open(dir.join("newsroom.toml"))?;
    let text = file.text.clone();
    let Some(table) = file.read(DeTable::parse(&text)) else {
        return Err(Mistakes(file.mistakes));
    };
    let root = table.get_ref();
    let part = |name: &str| root.get(name).cloned();

    let hub = part("hub")
        .map_or(Some(HubTable::default()), |value| file.read(HubTable::deserialize(value.into_deserializer())));
    let fetch = part("fetch")
        .map_or(Some(FetchTable::default()), |value| file.read(FetchTable::deserialize(value.into_deserializer())));
    let head = file.read(Head::deserialize(table.clone().into_deserializer()));
    let hub = hub.unwrap_or_default();
    if hub.lease_min.0 > hub.lease_max.0 || !(hub.lease_min.0..=hub.lease_max.0).contains(&hub.lease_default.0) {
        let span = part("hub").map_or(0..0, |value| value.span());
        file.mistake(span, "lease_min, lease_default and lease_max must ascend", None);
    }
    let sources = sources(&mut file, dir, part("source"), head.as_ref());
    let site = head.and_then(|head| site(&mut file, head, public_url, &hub));

    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let mut mistakes = file.mistakes;
    let (feeds, moved) = feeds(dir, &names, site.as_ref(), &mut mistakes)?;
    match (site, mistakes.is_empty()) {
        (Some(site), true) => Ok(Config {
            site,
            sources,
            feeds,
            moved,
            allow_private: fetch.unwrap_or_default().allow_private.into_iter().map(|net| net.0).collect(),
            hub: Hub {
                built_in: hub.built_in,
                also: hub.also.iter().map(|hub| hub.0.to_string()).collect(),
                algorithm: hub.algorithm,
                lease_default: hub.lease_default.0,
                lease_min: hub.lease_min.0,
                lease_max: hub.lease_max.0,
            },
        }),
        _ => Err(Mistakes(mistakes)),
    }
}

fn site(file: &mut File, head: Head, public_url: Option<&str>, hub: &HubTable) -> Option<Site> {
    let public_url = match public_url {
        Some(text) => match WebAddress::try_from(text.to_owned()) {
            Ok(address) => address.0.to_string(),
            Err(why) => {
                file.mistake(0..0, format!("--public-url: {why}"), None);
                return None;
            }
        },
        None => head.public_url.map_or_else(|| PUBLIC_URL.to_owned(), |address| address.0.to_string()),
    };
    let public_url = public_url.trim_end_matches('/').to_owned();
    let own_hub = hub.built_in.then(|| format!("{public_url}/hub"));
    Some(Site {
        hubs: own_hub.into_iter().chain(hub.also.iter().map(|hub| hub.0.to_string())).collect(),
        title: head.title,
        home: head.home.0.to_string(),
        public_url,
        language: head.language.0,
        timezone: head.timezone.0,
        contact: head.contact,
        rights: head.rights,
        icon: head.icon.map(|icon| icon.0.to_string()),
    })
}

fn sources(file: &mut File, dir: &Path, table: Option<Spanned<DeValue<'_>>>, head: Option<&Head>) -> Vec<SourceConfig> {
    let Some(table) = table else { return Vec::new() };
    let span = table.span();
    let DeValue::Table(table) = table.into_inner() else {
        file.mistake(span, "sources are tables: [source.website]", None);
        return Vec::new();
    };
    let mut sources = Vec::new();
    for (name, value) in table {
        if !is_name(name.get_ref()) {
            let help = "small letters, digits, - and _, beginning with a letter or digit".to_owned();
            file.mistake(name.span(), format!("`{}` can't be a source's name", name.get_ref()), Some(help));
            continue;
        }
        if let Some(source) = source(file, dir, name.get_ref(), value, head) {
            sources.push(source);
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

fn source(
    file: &mut File,
    dir: &Path,
    name: &str,
    value: Spanned<DeValue<'_>>,
    head: Option<&Head>,
) -> Option<SourceConfig> {
    let span = value.span();
    let zone = head.map_or(chrono_tz::UTC, |head| head.timezone.0);
    let made_of = fingerprint(&format!("{zone:?} {:?}", value.get_ref()));
    let common = file.read(SourceTable::deserialize(value.clone().into_deserializer()));
    let DeValue::Table(table) = value.into_inner() else {
        return None;
    };
    let kind = table.get("kind").cloned();
    let own = table.into_iter().filter(|(key, _)| !SOURCE_KEYS.contains(&key.get_ref().as_ref())).collect();
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let Some(word) = kind else {
        file.mistake(
            span,
            format!("source `{name}` has no kind"),
            Some(format!("kind = one of: {}", known.join(", "))),
        );
        return None;
    };
    let Some(kind) = KINDS.iter().find(|kind| word.get_ref().as_str() == Some(kind.name)) else {
        let unknown = word.get_ref().as_str().unwrap_or_default();
        file.mistake(word.span(), format!("`{unknown}` is no kind of source"), Some(suggestion(unknown, &known)));
        return None;
    };
    let place = Place { feeds: dir.to_owned(), zone };
    let rest = Spanned::new(span, DeValue::Table(own));
    let source = file.read((kind.read)(rest.into_deserializer(), &place));
    let common = common?;
    let webhook_key = webhook_key(file, dir, &common);
    let head = head?;
    Some(SourceConfig {
        name: name.to_owned(),
        kind,
        made_of,
        source: source?,
        schedule: common.schedule.or_else(|| SCHEDULE.parse().ok())?,
        webhook_key,
        house: house(name, &head.home.0, &head.language.0, common.keep_ids),
    })
}

fn webhook_key(file: &mut File, dir: &Path, table: &SourceTable) -> Option<String> {
    let Some(path) = &table.webhook_key_file else {
        return table.webhook_key.clone().map(|key| key.0);
    };
    let read = std::fs::read_to_string(dir.join(path.get_ref())).map_err(|error| error.to_string());
    match read.and_then(|text| Secret::try_from(text.trim().to_owned())) {
        Ok(key) => Some(key.0),
        Err(why) => {
            file.mistake(path.span(), format!("{}: {why}", path.get_ref().display()), None);
            None
        }
    }
}

type Feeds = (Vec<Feed>, BTreeMap<String, String>);

fn feeds(dir: &Path, sources: &[String], site: Option<&Site>, mistakes: &mut Vec<Mistake>) -> Result<Feeds, Mistakes> {
    let paths = feed_files(dir).map_err(|error| Mistakes(vec![Mistake::new(dir, "", None, error.to_string())]))?;
    let (mut feeds, mut moved) = (Vec::<Feed>::new(), BTreeMap::new());
    let mut former: Vec<(File, Vec<Spanned<String>>, String)> = Vec::new();
    for path in paths {
        let mut file = File::open(path)?;
        let name = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if !is_name(&name) {
            file.mistake(
                0..0,
                format!("`{name}` can't be a feed's name: small letters, digits, - and _"),
                Some("rename the file".to_owned()),
            );
        }
        let text = file.text.clone();
        let read = DeTable::parse(&text).and_then(|table| FeedFile::deserialize(table.into_deserializer()));
        if let Some(read) = file.read(read) {
            let names = read.moved_from.clone();
            let feed = feed(&mut file, &name, read, sources, site);
            feeds.push(feed);
            former.push((file, names, name));
        } else {
            mistakes.append(&mut file.mistakes);
        }
    }
    for (mut file, names, now) in former {
        for name in names {
            let old = name.get_ref();
            if feeds.iter().any(|feed| feed.info.name == *old) {
                file.mistake(name.span(), format!("`{old}` is a feed of its own, so it has not moved"), None);
            } else if moved.insert(old.clone(), now.clone()).is_some() {
                file.mistake(name.span(), format!("another feed has moved from `{old}` too"), None);
            }
        }
        mistakes.append(&mut file.mistakes);
    }
    Ok((feeds, moved))
}

fn feed(file: &mut File, name: &str, read: FeedFile, sources: &[String], site: Option<&Site>) -> Feed {
    for source in read.select.sources.iter().chain(&read.select.not.sources) {
        if !sources.contains(source.get_ref()) {
            let known: Vec<&str> = sources.iter().map(String::as_str).collect();
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
        file.mistake(read.show.limit.span(), "the limit lies between 1 and 10000", None);
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
    Feed {
        info: FeedInfo {
            name: name.to_owned(),
            title: read.title,
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
    }
}

/// Whether a word can be a name in an address and in a terminal.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(plain) && name.len() <= 64 && name.chars().all(|c| plain(c) || c == '-' || c == '_')
}
