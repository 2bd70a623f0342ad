//! The keys of the newsroom's files: where each belongs and what it takes, for whoever wrote it elsewhere or wrongly.

/// A key.
struct Key {
    name: &'static str,
    /// The table that it stands in; `""` is the top of the file.
    under: &'static str,
    takes: &'static str,
}

const fn key(name: &'static str, under: &'static str, takes: &'static str) -> Key {
    Key { name, under, takes }
}

const TEXT: &str = "a text in quotes, such as \"World\"";
const ADDRESS: &str = "an address like \"https://paper.example/\"";
const LANGUAGE: &str = "a language tag in quotes, such as \"en\", \"ur\" or \"en-PK\"";
const NAMES: &str = "a list such as [\"World\"]";
const LANGUAGES: &str = "a list of language tags, such as [\"en\", \"ur\"]";
const STRETCH: &str = "a stretch of time in quotes, such as \"90s\", \"15m\", \"6h\" or \"10d\"";
const PATH: &str = "a path in quotes, relative to newsroom.toml";
const SWITCH: &str = "true or false, without quotes";

const NEWSROOM: &[Key] = &[
    key("title", "", TEXT),
    key("home", "", ADDRESS),
    key("public_url", "", ADDRESS),
    key("language", "", LANGUAGE),
    key("timezone", "", "a time zone in quotes, such as \"Asia/Karachi\""),
    key("contact", "", "a text in quotes, such as \"editor@paper.example\""),
    key("rights", "", TEXT),
    key("icon", "", ADDRESS),
    key("hub", "", "a table: a line [hub], and its keys below"),
    key("fetch", "", "a table: a line [fetch], and its keys below"),
    key("source", "", "a table for each source: a line such as [source.website], and its keys below"),
    key("built_in", "hub", SWITCH),
    key("also", "hub", "a list of addresses, such as [\"https://hub.example/\"]"),
    key("algorithm", "hub", "\"sha1\", \"sha256\", \"sha384\" or \"sha512\""),
    key("lease_default", "hub", STRETCH),
    key("lease_min", "hub", STRETCH),
    key("lease_max", "hub", STRETCH),
    key("allow_private", "fetch", "a list of networks, such as [\"10.20.0.0/16\"]"),
    key("kind", SOURCE, "a word in quotes, such as \"wordpress\""),
    key("url", SOURCE, ADDRESS),
    key("path", SOURCE, PATH),
    key("schedule", SOURCE, "a line in quotes as in crontab, such as \"*/15 * * * *\""),
    key("webhook_key", SOURCE, "a text in quotes of at least 32 characters"),
    key("webhook_key_file", SOURCE, PATH),
    key("keep_ids", SOURCE, SWITCH),
];

/// Every source's table has a name of its own.
pub(super) const SOURCE: &str = "source.NAME";

/// What every kind of source has.
pub(super) const SOURCE_KEYS: [&str; 5] = ["kind", "schedule", "webhook_key", "webhook_key_file", "keep_ids"];

const FEED: &[Key] = &[
    key("title", "", TEXT),
    key("description", "", TEXT),
    key("language", "", LANGUAGE),
    key("moved_from", "", "a list of names, such as [\"old-name\"]"),
    key("select", "", "a table: a line [select], and its keys below"),
    key("show", "", "a table: a line [show], and its keys below"),
    key("sources", "select", "a list such as [\"website\"]"),
    key("sections", "select", NAMES),
    key("tags", "select", NAMES),
    key("authors", "select", "a list such as [\"Sadia Mirbahar\"]"),
    key("languages", "select", LANGUAGES),
    key("search", "select", "words in quotes, such as \"north korea\""),
    key("not", "select", "a table such as { tags = [\"sponsored\"] }"),
    key("limit", "show", "a number from 1 to 10000"),
    key("content", "show", "\"full\", \"summary\" or \"headline\""),
    key("order", "show", "\"published\" or \"updated\""),
];

/// The keys that take a list. Of one name alone, people leave the brackets out.
pub(super) const LISTS: &[&str] =
    &["sources", "sections", "tags", "authors", "languages", "moved_from", "also", "allow_private"];

/// The two kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `newsroom.toml`.
    Newsroom,
    /// Every other.
    Feed,
}

impl Kind {
    fn keys(self) -> &'static [Key] {
        match self {
            Kind::Newsroom => NEWSROOM,
            Kind::Feed => FEED,
        }
    }

    /// What a key takes, in the words of an editor.
    pub(super) fn takes(self, name: &str) -> Option<&'static str> {
        self.keys().iter().find(|key| key.name == name).map(|key| key.takes)
    }

    /// Where a key belongs that is not known in the table `here`.
    pub(super) fn home_of(self, name: &str, here: &str) -> Option<String> {
        let (other, file) = match self {
            Kind::Newsroom => (Kind::Feed, "in a feed's own file"),
            Kind::Feed => (Kind::Newsroom, "in newsroom.toml"),
        };
        let own = self.keys().iter().find(|key| key.name == name);
        let place = match own.or_else(|| other.keys().iter().find(|key| key.name == name))?.under {
            table if own.is_some() && table == here => return None,
            "" => "above the first [table]".to_owned(),
            table => format!("below [{table}]"),
        };
        Some(match own {
            Some(_) => format!("`{name}` belongs {place}"),
            None => format!("`{name}` belongs {file}, {place}"),
        })
    }
}
