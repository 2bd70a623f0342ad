//! A WordPress in memory: the routes of its REST API that a pull asks, its feed, and switches for what goes wrong with sites.
//! Its clock stands still but for a minute with each change, so that counts are exact on any machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::harness::{NEVER, eventually};

/// What goes wrong with a site.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    None,
    /// 500 to everything.
    Broken,
    /// A page of HTML, with 200, where JSON should be.
    Html,
    /// Connections are closed without an answer.
    Silent,
    /// Answers are cut off in the middle.
    CutOff,
    /// The REST API answers 401; the feed is open.
    RestClosed,
    /// The REST API answers 401, and the feed 403.
    AllClosed,
    /// Everything redirects to this address.
    Elsewhere(String),
}

#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) slug: String,
    /// The permalink, if it is not the site's own address and the slug.
    pub(crate) link: Option<String>,
    /// The guid, if it is not that which WordPress makes of the number.
    pub(crate) guid: Option<String>,
    pub(crate) title: String,
    pub(crate) content: String,
    pub(crate) status: &'static str,
    pub(crate) protected: bool,
    /// Its JSON is not what WordPress writes.
    pub(crate) malformed: bool,
    date: DateTime<Utc>,
    modified: DateTime<Utc>,
}

pub(crate) struct WordPress {
    pub(crate) at: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    at: SocketAddr,
    state: Mutex<State>,
    let_go: Condvar,
}

struct State {
    posts: BTreeMap<u64, Post>,
    now: DateTime<Utc>,
    trouble: Trouble,
    /// Requests of any kind.
    requests: usize,
    /// Requests for a listing of posts.
    listings: usize,
    /// Requests that are under way, each for a moment, and whether there ever were two.
    under_way: usize,
    overlapped: bool,
    /// Listings after so many wait.
    hold_after: Option<usize>,
    ended: bool,
}

impl WordPress {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("its address");
        let state = State {
            posts: BTreeMap::new(),
            now: "2025-06-01T08:00:00Z".parse().expect("a time"),
            trouble: Trouble::None,
            requests: 0,
            listings: 0,
            under_way: 0,
            overlapped: false,
            hold_after: None,
            ended: false,
        };
        let shared = Arc::new(Shared { at, state: Mutex::new(state), let_go: Condvar::new() });
        let site = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if site.state().ended {
                    return;
                }
                let site = Arc::clone(&site);
                // A client that went away is no matter of the site's.
                thread::spawn(move || site.answer(&stream).ok());
            }
        });
        Self { at, shared }
    }

    /// The source `website` that pulls this site, for a newsroom.toml that may talk to it.
    pub(crate) fn source(&self) -> String {
        format!("[fetch]\nallow_private = [\"127.0.0.0/8\"]\n\n{}", self.source_alone())
    }

    pub(crate) fn source_alone(&self) -> String {
        format!("[source.website]\nkind = \"wordpress\"\nurl = \"{}\"\nschedule = \"{NEVER}\"\n", self.shared.home())
    }

    /// Publishes a post, and tells its number.
    pub(crate) fn publish(&self, title: &str, content: &str) -> u64 {
        let mut state = self.shared.state();
        let now = state.tick();
        let id = state.posts.keys().next_back().map_or(1, |last| last + 1);
        let post = Post {
            slug: format!("post-{id}"),
            link: None,
            guid: None,
            title: title.to_owned(),
            content: content.to_owned(),
            status: "publish",
            protected: false,
            malformed: false,
            date: now,
            modified: now,
        };
        state.posts.insert(id, post);
        id
    }

    /// Saves a post again after `change`.
    pub(crate) fn edit(&self, id: u64, change: impl FnOnce(&mut Post)) {
        let mut state = self.shared.state();
        let now = state.tick();
        let post = state.posts.get_mut(&id).expect("a post");
        change(post);
        post.modified = now;
    }

    pub(crate) fn suffers(&self, trouble: Trouble) {
        self.shared.state().trouble = trouble;
    }

    pub(crate) fn requests(&self) -> usize {
        self.shared.state().requests
    }

    /// Whether two requests were ever under way at once: a pull asks one by one.
    pub(crate) fn was_pulled_twice_at_once(&self) -> bool {
        self.shared.state().overlapped
    }

    /// Lets so many more listings through, and then lets them wait.
    pub(crate) fn hold_after(&self, listings: usize) {
        let mut state = self.shared.state();
        state.hold_after = Some(state.listings + listings);
    }

    /// Waits until somebody waits for a listing that is held.
    pub(crate) fn is_waited_for(&self) {
        eventually("somebody waits for the site", || {
            let state = self.shared.state();
            state.hold_after.is_some_and(|most| state.listings > most).then_some(())
        });
    }

    /// How many listings were asked for.
    pub(crate) fn listings(&self) -> usize {
        self.shared.state().listings
    }

    pub(crate) fn let_go(&self) {
        self.shared.state().hold_after = None;
        self.shared.let_go.notify_all();
    }
}

impl Drop for WordPress {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.let_go();
        // Wakes the listener, so that it sees the end.
        let _ = TcpStream::connect(self.at);
    }
}

impl State {
    fn tick(&mut self) -> DateTime<Utc> {
        self.now += TimeDelta::minutes(1);
        self.now
    }
}

/// An answer: status, further header fields, body.
type Answer = (u16, Vec<(&'static str, String)>, String);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the site")
    }

    fn home(&self) -> String {
        format!("http://{}/wp/", self.at)
    }

    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let Some(target) = request.split(' ').nth(1) else { return Ok(()) };
        let url = Url::parse(&format!("http://{}{target}", self.at)).expect("a target");
        {
            let mut state = self.state();
            state.requests += 1;
            state.under_way += 1;
            state.overlapped |= state.under_way > 1;
        }
        // As long as a fast site takes, so that two requests can meet.
        thread::sleep(Duration::from_millis(5));
        let trouble = self.state().trouble.clone();
        let (status, fields, body) = match &trouble {
            Trouble::Silent => {
                self.state().under_way -= 1;
                return Ok(());
            }
            Trouble::Broken => (500, vec![], "<h1>Error establishing a database connection</h1>".to_owned()),
            Trouble::Html => (200, vec![], "<!doctype html><title>Checking your browser</title>".to_owned()),
            Trouble::Elsewhere(to) => (302, vec![("Location", to.clone())], String::new()),
            _ => self.route(&url, &trouble),
        };
        let date = (self.state().now + TimeDelta::seconds(10)).format("%a, %d %b %Y %H:%M:%S GMT");
        let mut head = format!("HTTP/1.1 {status} As Told\r\nDate: {date}\r\nConnection: close\r\n");
        for (name, value) in fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let cut = if trouble == Trouble::CutOff { body.len() / 2 } else { body.len() };
        self.state().under_way -= 1;
        let mut stream = stream;
        write!(stream, "{head}Content-Length: {}\r\n\r\n", body.len())?;
        stream.write_all(&body.as_bytes()[..cut])
    }

    fn route(&self, url: &Url, trouble: &Trouble) -> Answer {
        let rest_closed = matches!(trouble, Trouble::RestClosed | Trouble::AllClosed);
        let asks_rest = url.path().starts_with("/wp/wp-json") || url.query().is_some_and(|q| q.contains("rest_route"));
        if rest_closed && asks_rest {
            return told(401, "rest_login_required");
        }
        match url.path().strip_prefix("/wp/").unwrap_or_default() {
            "" => {
                let root = format!("<{}wp-json/>; rel=\"https://api.w.org/\"", self.home());
                (200, vec![("Link", root)], "<!doctype html><title>The site</title>".to_owned())
            }
            "feed/" if *trouble == Trouble::AllClosed => (403, vec![], String::new()),
            "feed/" => (200, vec![("Content-Type", "application/rss+xml; charset=UTF-8".to_owned())], self.feed()),
            "wp-json/" => json_of(&json!({"name": "The site", "gmt_offset": 0, "namespaces": ["wp/v2"]})),
            "wp-json/wp/v2/posts" => self.listing(url),
            path => match path.strip_prefix("wp-json/wp/v2/posts/").and_then(|id| id.parse().ok()) {
                Some(id) => self.one(id),
                None => told(404, "rest_no_route"),
            },
        }
    }

    fn one(&self, id: u64) -> Answer {
        match self.state().posts.get(&id) {
            Some(post) if post.status == "publish" => json_of(&self.post(id, post)),
            Some(_) => told(401, "rest_forbidden"),
            None => told(404, "rest_post_invalid_id"),
        }
    }

    fn listing(&self, url: &Url) -> Answer {
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let number =
            |name: &str, default: usize| asked.get(name).map_or(default, |text| text.parse().expect("a number"));
        let after = |name: &str| asked.get(name).map(|text| text.parse::<DateTime<Utc>>().expect("a time"));
        let (page, per_page) = (number("page", 1), number("per_page", 10));

        let mut state = self.state();
        state.listings += 1;
        let place = state.listings;
        let state = self
            .let_go
            .wait_while(state, |state| state.hold_after.is_some_and(|most| place > most) && !state.ended)
            .expect("the site");
        let (modified_after, published_after) = (after("modified_after"), after("after"));
        let include: Option<Vec<u64>> =
            asked.get("include").map(|ids| ids.split(',').map(|id| id.parse().expect("an id")).collect());
        let mut found: Vec<(&u64, &Post)> = state
            .posts
            .iter()
            .filter(|(_, post)| post.status == "publish")
            .filter(|(_, post)| modified_after.is_none_or(|after| post.modified > after))
            .filter(|(_, post)| published_after.is_none_or(|after| post.date > after))
            .filter(|(id, _)| include.as_ref().is_none_or(|ids| ids.contains(id)))
            .collect();
        if asked.get("orderby").map(String::as_str) != Some("id") {
            found.sort_by_key(|(_, post)| post.date);
        }
        if asked.get("order").map(String::as_str) != Some("asc") {
            found.reverse();
        }
        let (total, pages) = (found.len(), found.len().div_ceil(per_page));
        if page > 1 && page > pages {
            return told(400, "rest_post_invalid_page_number");
        }
        let shown = found.into_iter().skip((page - 1) * per_page).take(per_page);
        let posts: Vec<Value> = match asked.get("_fields").map(String::as_str) {
            Some("id") => shown.map(|(id, _)| json!({ "id": id })).collect(),
            _ => shown.map(|(id, post)| self.post(*id, post)).collect(),
        };
        let (status, mut fields, body) = json_of(&Value::Array(posts));
        fields.extend([("X-WP-Total", total.to_string()), ("X-WP-TotalPages", pages.to_string())]);
        (status, fields, body)
    }

    fn post(&self, id: u64, post: &Post) -> Value {
        if post.malformed {
            return json!({"id": id, "status": "publish", "content": ["a plugin", "was here"]});
        }
        // The text of a post with a password is not in the REST API.
        let text = if post.protected { "" } else { &post.content };
        json!({
            "id": id,
            "status": post.status,
            "date_gmt": post.date.format("%Y-%m-%dT%H:%M:%S").to_string(),
            "modified_gmt": post.modified.format("%Y-%m-%dT%H:%M:%S").to_string(),
            "slug": post.slug,
            "link": self.link(post),
            "guid": {"rendered": self.guid(id, post)},
            "title": {"rendered": post.title},
            "content": {"rendered": text, "protected": post.protected},
            "excerpt": {"rendered": "", "protected": post.protected},
            "_embedded": {"author": [{"name": "Sana Tariq"}], "wp:term": [[{"name": "World", "taxonomy": "category"}]]},
        })
    }

    fn link(&self, post: &Post) -> String {
        post.link.clone().unwrap_or_else(|| format!("{}{}/", self.home(), post.slug))
    }

    fn guid(&self, id: u64, post: &Post) -> String {
        post.guid.clone().unwrap_or_else(|| format!("{}?p={id}", self.home()))
    }

    /// The ten latest, as WordPress writes them; posts with a password are listed too.
    fn feed(&self) -> String {
        let state = self.state();
        let mut items = String::new();
        for (id, post) in state.posts.iter().rev().filter(|(_, post)| post.status == "publish").take(10) {
            let text = if post.protected { "<form class=\"post-password-form\"></form>" } else { &post.content };
            let _ = write!(
                items,
                "<item><title>{}</title><link>{}</link><guid isPermaLink=\"false\">{}</guid><pubDate>{}</pubDate>\
                 <dc:creator>Sana Tariq</dc:creator><category>World</category><content:encoded><![CDATA[{text}]]></content:encoded></item>",
                post.title,
                self.link(post),
                self.guid(*id, post),
                post.date.to_rfc2822(),
            );
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel><title>The site</title><link>{}</link><description>x</description>{items}</channel></rss>",
            self.home(),
        )
    }
}

fn json_of(value: &Value) -> Answer {
    (200, vec![("Content-Type", "application/json; charset=UTF-8".to_owned())], value.to_string())
}

fn told(status: u16, code: &str) -> Answer {
    let (_, fields, body) = json_of(&json!({"code": code, "message": "x", "data": {"status": status}}));
    (status, fields, body)
}
