//! Reading `newsroom.toml`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::feed_file::feeds;
use super::file::File;
use super::keys::{self, Kind, SOURCE_KEYS};
use super::mistakes::suggestion;
use super::values::{Language, Network, Secret, Stretch, WebAddress, Zone};
use super::{Config, Hub, Mistakes, Schedule, SourceConfig, fingerprint, house};
use crate::feed::Site;
use crate::source::{self, KINDS, Place};
use crate::websub::Algorithm;

/// How often a source is pulled if its table does not say.
const SCHEDULE: &str = "*/15 * * * *";

/// Where the service is reached if nobody says.
const PUBLIC_URL: &str = "http://127.0.0.1:8080";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadTable {
    title: Option<String>,
    home: Option<WebAddress>,
    public_url: Option<WebAddress>,
    language: Option<Language>,
    timezone: Option<Zone>,
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

/// The head of `newsroom.toml`, with all that must be there.
struct Head {
    title: String,
    home: WebAddress,
    public_url: Option<WebAddress>,
    language: Language,
    timezone: Zone,
    contact: Option<String>,
    rights: Option<String>,
    icon: Option<WebAddress>,
}

/// Reads all files of a newsroom, and gathers the mistakes of all.
pub(super) fn newsroom(dir: &Path, public_url: Option<&str>) -> Result<Config, Mistakes> {
    let mut file = File::open(&dir.join("newsroom.toml"), Kind::Newsroom).map_err(|mistake| {
        let help = "`courant add https://your-site/` writes a first one; --feeds names another directory";
        Mistakes(vec![mistake.help(help)])
    })?;
    let text = file.text.clone();
    let table = file.table(&text);
    // A file that can't be read says nothing of its sources: then no feed is told that there is none of a name.
    let names = table.as_ref().map(|table| source_names(table.get_ref()));
    let read = table.and_then(|table| desk(&mut file, dir, table, public_url));
    let site = read.as_ref().map(|config| config.site.clone());
    let is_right = file.mistakes.is_empty();
    let mut told = file.told();
    let mut in_feeds = Vec::new();
    let (feeds, renamed) = feeds(dir, names.as_deref(), site.as_ref(), &mut in_feeds)?;
    match read {
        Some(config) if is_right && in_feeds.is_empty() => {
            Ok(Config { feeds, renamed, doubts: Mistakes(told), ..config })
        }
        _ => {
            told.append(&mut in_feeds);
            Err(Mistakes(told))
        }
    }
}

/// All that `newsroom.toml` says; the feeds have files of their own.
fn desk(file: &mut File, dir: &Path, table: Spanned<DeTable<'_>>, public_url: Option<&str>) -> Option<Config> {
    let root = table.get_ref().clone();
    let hub = hub(file, &root);
    let fetch = match part(file, &root, "fetch") {
        Some(table) => file.read(table, "fetch"),
        None => Some(FetchTable::default()),
    };
    let head = head(file, table);
    let sources = sources(file, dir, &root, head.as_ref());
    let site = site(file, head?, public_url, &hub)?;
    Some(Config {
        site,
        sources,
        feeds: Vec::new(),
        renamed: BTreeMap::new(),
        doubts: Mistakes::default(),
        allow_private: fetch?.allow_private.into_iter().map(|net| net.0).collect(),
        hub: Hub {
            built_in: hub.built_in,
            also: hub.also.iter().map(|hub| hub.0.to_string()).collect(),
            algorithm: hub.algorithm,
            lease_default: hub.lease_default.0,
            lease_min: hub.lease_min.0,
            lease_max: hub.lease_max.0,
        },
    })
}

/// A table of a file's root.
fn part<'a>(file: &mut File, root: &DeTable<'a>, key: &str) -> Option<Spanned<DeTable<'a>>> {
    let value = root.get(key)?;
    let span = value.span();
    let DeValue::Table(table) = value.get_ref() else {
        file.mistake(span, format!("`{key}` is {}", file.kind.takes(key).unwrap_or("a table")), None);
        return None;
    };
    Some(Spanned::new(span, table.clone()))
}

fn hub(file: &mut File, root: &DeTable<'_>) -> HubTable {
    let Some(table) = part(file, root, "hub") else { return HubTable::default() };
    let (span, before) = (table.span(), file.mistakes.len());
    let hub: HubTable = file.read(table, "hub").unwrap_or_default();
    let ascend = hub.lease_min.0 <= hub.lease_default.0 && hub.lease_default.0 <= hub.lease_max.0;
    if !ascend && file.mistakes.len() == before {
        file.mistake(span, "lease_min, lease_default and lease_max must ascend", None);
    }
    hub
}

fn head(file: &mut File, table: Spanned<DeTable<'_>>) -> Option<Head> {
    let root = table.get_ref().clone();
    let HeadTable { title, home, public_url, language, timezone, contact, rights, icon, .. } = file.read(table, "")?;
    let title = file.required(&root, "title", title);
    let home = file.required(&root, "home", home);
    let language = file.required(&root, "language", language);
    let timezone = file.required(&root, "timezone", timezone);
    Some(Head {
        title: title?,
        home: home?,
        language: language?,
        timezone: timezone?,
        public_url,
        contact,
        rights,
        icon,
    })
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

/// The sources that a newsroom has, whether or not there are mistakes in them.
fn source_names(root: &DeTable<'_>) -> Vec<String> {
    match root.get("source").map(Spanned::get_ref) {
        Some(DeValue::Table(table)) => table.keys().map(|name| name.get_ref().to_string()).collect(),
        _ => Vec::new(),
    }
}

fn sources(file: &mut File, dir: &Path, root: &DeTable<'_>, head: Option<&Head>) -> Vec<SourceConfig> {
    let mut sources = Vec::new();
    let Some(table) = part(file, root, "source") else { return sources };
    for (name, value) in table.into_inner() {
        if !is_name(name.get_ref()) {
            let help = "small letters, digits, - and _, beginning with a letter or digit".to_owned();
            file.mistake(name.span(), format!("`{}` can't be a source's name", name.get_ref()), Some(help));
            continue;
        }
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            let help = Some(format!("a line [source.{}], and its keys below", name.get_ref()));
            file.mistake(span, format!("`{}` is a table", name.get_ref()), help);
            continue;
        };
        sources.extend(source(file, dir, name.get_ref(), Spanned::new(span, table), head));
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

/// A folder that is not there now may come: the newsroom starts all the same.
fn doubt_folder(file: &mut File, folder: Option<&Path>, span: Range<usize>) {
    let Some(folder) = folder.filter(|folder| !folder.is_dir()) else { return };
    let what = if folder.exists() { "is a file, and no folder" } else { "there is no such folder" };
    file.doubt(span, format!("{}: {what}", folder.display()), "a path is relative to newsroom.toml");
}

fn source(
    file: &mut File,
    dir: &Path,
    name: &str,
    table: Spanned<DeTable<'_>>,
    head: Option<&Head>,
) -> Option<SourceConfig> {
    let span = table.span();
    let zone = head.map_or(chrono_tz::UTC, |head| head.timezone.0);
    let made_of = fingerprint(&format!("{zone:?} {:?}", toml::Value::deserialize(table.clone().into_deserializer())));
    let common: Option<SourceTable> = file.read(table.clone(), keys::SOURCE);
    let webhook_key = common.as_ref().and_then(|common| webhook_key(file, dir, common));
    let kind = kind(file, name, &table)?;
    let place = Place { feeds: dir.to_owned(), zone };
    let path = table.get_ref().get("path").map(Spanned::span);
    let own = table.into_inner().into_iter().filter(|(key, _)| !SOURCE_KEYS.contains(&key.get_ref().as_ref()));
    let own = Spanned::new(span, own.collect());
    let source = file.read_with(own, keys::SOURCE, |own| {
        let own = Spanned::new(own.span(), DeValue::Table(own.into_inner()));
        (kind.read)(own.into_deserializer(), &place)
    });
    doubt_folder(file, source.as_ref().and_then(|source| source.folder()), path.unwrap_or_default());
    let (common, head) = (common?, head?);
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

fn kind(file: &mut File, name: &str, table: &Spanned<DeTable<'_>>) -> Option<&'static source::Kind> {
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let Some(word) = table.get_ref().get("kind") else {
        let help = Some(format!("kind = one of: {}", known.join(", ")));
        file.mistake(table.span(), format!("source `{name}` has no kind"), help);
        return None;
    };
    let Some(unknown) = word.get_ref().as_str() else {
        file.mistake(word.span(), format!("`kind` is one of: {}", known.join(", ")), None);
        return None;
    };
    let kind = KINDS.iter().find(|kind| kind.name == unknown);
    if kind.is_none() {
        file.mistake(word.span(), format!("`{unknown}` is no kind of source"), Some(suggestion(unknown, &known)));
    }
    kind
}

fn webhook_key(file: &mut File, dir: &Path, table: &SourceTable) -> Option<String> {
    let Some(path) = &table.webhook_key_file else {
        return table.webhook_key.clone().map(|key| key.0);
    };
    let read = std::fs::read_to_string(dir.join(path.get_ref())).map_err(|error| error.to_string());
    match read.and_then(|text| Secret::try_from(text.trim().to_owned())) {
        Ok(key) => Some(key.0),
        Err(why) => {
            let help = "a path is relative to newsroom.toml".to_owned();
            file.mistake(path.span(), format!("{}: {why}", dir.join(path.get_ref()).display()), Some(help));
            None
        }
    }
}

/// Whether a feed or a source can be called so: the name is part of addresses.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(plain) && name.len() <= 64 && name.chars().all(|c| plain(c) || c == '-' || c == '_')
}
