//! `courant add`

use std::fs;
use std::path::Path;

use ipnet::IpNet;
use serde::Deserialize;
use url::{Host, Url};

use super::{Common, Failed, counted, private_network, work};
use crate::article::language::is_language_tag;
use crate::config::is_name;
use crate::fetch::{Answer, FetchError, Fetcher};
use crate::source::{Link, links, rest_root, with_slash};

/// Find out what a site offers, and write its source and first feed
///
/// Looks for a WordPress and for feeds: in the Link headers and <link>s of the page, then at the usual addresses. Writes
/// newsroom.toml if there is none, else adds the source at its end; and a first feed of that source.
#[derive(clap::Args)]
pub(super) struct Add {
    /// The site that people read, or a feed's own address
    #[arg(value_parser = typed)]
    url: Url,
    /// What to call the source [default: by the site's host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// An address as people type it.
fn typed(text: &str) -> Result<Url, url::ParseError> {
    if text.contains("://") { text.parse() } else { format!("https://{text}").parse() }
}

/// Where feeds usually are.
const USUAL: &[&str] = &["feed/", "feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "feed.json", "feeds/"];

/// What a site turned out to offer.
struct Found {
    kind: &'static str,
    url: Url,
    /// The site that it says it is, or that a feed whose own address was typed says it belongs to.
    home: Option<Url>,
    title: Option<String>,
    timezone: Option<String>,
    language: Option<String>,
    told: String,
    is_empty: bool,
}

impl Add {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        if !matches!(self.url.scheme(), "http" | "https") {
            return Err(Failed::Usage(format!("{}: only http and https addresses can be added", self.url)));
        }
        let name = self.name.unwrap_or_else(|| name_of(&self.url));
        if !is_name(&name) || name == "newsroom" {
            return Err(Failed::Usage(format!(
                "--name {name}: a name has small letters, digits, - and _, begins with a letter or digit, and is not `newsroom`"
            )));
        }
        let newsroom = common.feeds.join("newsroom.toml");
        let there = newsroom.exists();
        // Who types an address means it: a first newsroom may be on this very machine.
        let private = private_network(&self.url);
        let allowed = if there { common.config()?.allow_private } else { private.into_iter().collect() };
        let fetcher = Fetcher::new(&allowed).map_err(work)?;
        let found = find(&fetcher, &self.url).await?;
        let home = found.home.as_ref().unwrap_or(&self.url);
        say!("{}", found.told);

        let feed = common.feeds.join(format!("{name}.toml"));
        if !there {
            fs::create_dir_all(&common.feeds)?;
            write(&newsroom, &newsroom_text(&found, home, private))?;
        } else if common.config()?.source(&name).is_some() {
            return Err(Failed::Usage(format!(
                "{} has a source `{name}` already; --name takes another",
                newsroom.display()
            )));
        }
        append(&newsroom, &source_text(&found, &name))?;
        if !feed.exists() {
            write(&feed, &feed_text(&found, &name))?;
        }
        common.config()?;
        say!("Look at them, then: courant check --live, courant serve");
        Ok(())
    }
}

/// Finds out what is at an address, the best first: a WordPress, a feed that the page names, a feed at a usual address.
async fn find(net: &Fetcher, url: &Url) -> Result<Found, Failed> {
    let page = net.get(url, &[("accept", "text/html, */*;q=0.5")]).await.map_err(|error| told(&error))?;
    if let Some(found) = as_feed(&page) {
        return Ok(found);
    }
    let mut empty = None;
    let home = with_slash(url.clone());
    for root in [rest_root(&page), home.join("wp-json/").ok()].into_iter().flatten() {
        if let Some(found) = as_wordpress(net, &root, &home).await {
            return Ok(found);
        }
    }
    // WordPress and others announce their comments in the same way.
    let (comments, articles): (Vec<Link>, Vec<Link>) =
        links(&page).into_iter().filter(Link::is_feed).partition(is_of_comments);
    let comments = comments.into_iter().map(|link| link.url);
    let named = articles.into_iter().map(|link| link.url);
    let usual = USUAL.iter().filter_map(|path| home.join(path).ok());
    for candidate in named.chain(usual).chain(comments) {
        if let Ok(answer) = net.get(&candidate, &[]).await
            && let Some(found) = as_feed(&answer)
        {
            let found = Found { home: None, ..found };
            if !found.is_empty {
                return Ok(found);
            }
            empty.get_or_insert(found);
        }
    }
    empty.ok_or_else(|| {
        let told = "no WordPress and no feed found here; give the address of a feed itself if you know it";
        Failed::Work(format!("{url}: {told}"))
    })
}

fn is_of_comments(link: &Link) -> bool {
    let title = link.title.as_deref().unwrap_or_default();
    link.url.path().contains("/comments/") || title.to_lowercase().contains("comments")
}

fn told(error: &FetchError) -> Failed {
    Failed::Work(error.to_string())
}

#[derive(Deserialize)]
struct Index {
    name: Option<String>,
    /// The site's front page: what was typed may be an article.
    home: Option<Url>,
    #[serde(default)]
    timezone_string: String,
}

async fn as_wordpress(net: &Fetcher, root: &Url, home: &Url) -> Option<Found> {
    let answer = net.get(root, &[]).await.ok()?.ok().ok()?;
    let index: Index = serde_json::from_slice(&answer.body).ok()?;
    let mut posts = root.clone();
    posts.set_path(&format!("{}/wp/v2/posts", root.path().trim_end_matches('/')));
    posts.query_pairs_mut().append_pair("per_page", "1");
    let open = net.get(&posts, &[]).await.ok()?.ok().ok()?;
    let total = open.header("x-wp-total").unwrap_or("some").to_owned();
    let front = index.home.filter(|front| front.origin() == home.origin()).map_or_else(|| home.clone(), with_slash);
    let told = format!("Found a WordPress with {total} posts at {front} (those that ask for a password stay there)");
    Some(Found {
        kind: "wordpress",
        url: front.clone(),
        home: Some(front),
        title: index.name.filter(|name| !name.is_empty()),
        timezone: Some(index.timezone_string).filter(|zone| zone.parse::<chrono_tz::Tz>().is_ok()),
        language: None,
        told,
        is_empty: false,
    })
}

fn as_feed(answer: &Answer) -> Option<Found> {
    if answer.status != 200 {
        return None;
    }
    let feed = feed_rs::parser::parse(&answer.body[..]).ok()?;
    let entries = feed.entries.len();
    let is_page = |link: &&feed_rs::model::Link| matches!(link.rel.as_deref(), None | Some("alternate"));
    let page = feed.links.iter().find(is_page).and_then(|link| answer.url.join(&link.href).ok());
    Some(Found {
        kind: "feed",
        url: answer.url.clone(),
        home: page.filter(|page| page.has_host() && *page != answer.url).or_else(|| answer.url.join("/").ok()),
        title: feed.title.map(|title| title.content),
        timezone: None,
        language: feed.language.filter(|language| is_language_tag(language)),
        told: match entries {
            0 => format!("Found a feed without any entries at {}: is it the right one?", answer.url),
            some => format!("Found a feed with {} at {}", counted(some, "entry"), answer.url),
        },
        is_empty: entries == 0,
    })
}

/// A name for the source: the site's own word in its host.
fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    if matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_))) {
        return "website".to_owned();
    }
    let word = host.trim_start_matches("www.").split('.').next().unwrap_or_default();
    let name: String = word.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-').collect();
    let name = name.trim_start_matches('-');
    if name.is_empty() { "website".to_owned() } else { name.to_owned() }
}

fn newsroom_text(found: &Found, home: &Url, private: Option<IpNet>) -> String {
    let title = quoted(found.title.as_deref().or(home.host_str()).unwrap_or("Our newsroom"));
    let language = quoted(found.language.as_deref().unwrap_or("en"));
    let (timezone, sure) = match &found.timezone {
        Some(zone) => (quoted(zone), ""),
        None => (quoted("UTC"), "   # IANA name, such as Asia/Karachi: please check"),
    };
    let fetch = private.map(|net| {
        format!("\n[fetch]\nallow_private = [{}]   # the source below is on this network\n", quoted(&net.to_string()))
    });
    format!(
        "# The newsroom: what its feeds are called, and where its articles come from.\n\
         # After a change: courant check\n\n\
         title      = {title}\n\
         home       = {}   # the site that people read\n\
         public_url = \"http://127.0.0.1:8080\"   # where this service is reached from outside: please change\n\
         language   = {language}\n\
         timezone   = {timezone}{sure}\n\
         # contact  = \"editor@your-site.example\"   # shown to readers and partners\n{}",
        quoted(home.as_str()),
        fetch.unwrap_or_default()
    )
}

fn source_text(found: &Found, name: &str) -> String {
    format!(
        "\n[source.{name}]\nkind     = \"{}\"\nurl      = {}\nschedule = \"*/5 * * * *\"   # every five minutes\n",
        found.kind,
        quoted(found.url.as_str())
    )
}

fn feed_text(found: &Found, name: &str) -> String {
    let title = found.title.as_deref().unwrap_or(name);
    format!(
        "# The feed at /feeds/{name}.rss, .atom and .json: this file's name is its address.\n\
         title       = {}\n\
         description = {}\n\n\
         [select]\nsources = [\"{name}\"]\n\n\
         [show]\nlimit   = 50\ncontent = \"full\"   # full | summary | headline\n",
        quoted(title),
        quoted(&format!("The latest from {title}"))
    )
}

/// A text as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    fs::write(path, text).map_err(|error| Failed::Work(format!("{}: {error}", path.display())))?;
    say!("Wrote {}", path.display());
    Ok(())
}

fn append(path: &Path, text: &str) -> Result<(), Failed> {
    let mut all = fs::read_to_string(path)?;
    if !all.ends_with('\n') {
        all.push('\n');
    }
    all.push_str(text);
    fs::write(path, all).map_err(|error| Failed::Work(format!("{}: {error}", path.display())))?;
    say!("Added the source to {}", path.display());
    Ok(())
}
