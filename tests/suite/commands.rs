//! The commands besides `serve` and `pull`: what they write, and how they end.

use std::time::{Duration, Instant};

use crate::harness::Newsroom;
use crate::wordpress::{Trouble, WordPress};

#[test]
fn export_writes_what_the_server_serves_with_every_encoding_beside_it() {
    let mut newsroom = Newsroom::of_files().with_rain();
    let output = newsroom.run(&["export", "out"]);
    assert_eq!(output.status, 0, "{output:?}");
    newsroom.serve();
    for address in ["/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json"] {
        exported(&newsroom, address, &newsroom.document(address).body);
    }
    let page = newsroom.ask("GET", "/feeds/all", &[("Accept", "text/html")]);
    exported(&newsroom, "/feeds/all/index.html", &page.body);
    let again = newsroom.run(&["export", "out"]);
    assert!(again.stdout.contains("0 files written"), "{again:?}");
}

#[test]
fn export_writes_the_home_page_and_the_list_of_feeds_with_every_encoding_too() {
    let mut newsroom = Newsroom::of_files().with_rain();
    assert_eq!(newsroom.run(&["export", "out"]).status, 0);
    newsroom.serve();
    exported(&newsroom, "/feeds.opml", &newsroom.document("/feeds.opml").body);
    exported(&newsroom, "/index.html", &newsroom.document("/").body);
}

#[test]
fn export_to_a_file_is_a_mistake_of_the_command_line() {
    let newsroom = Newsroom::of_files().with_rain();
    newsroom.write("out.rss", "mine");
    let output = newsroom.run(&["export", "out.rss"]);
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("out.rss: is a file"), "{output:?}");
    assert_eq!(std::fs::read(newsroom.path("out.rss")).expect("the file"), b"mine");
}

/// Holds a file that was exported, and those beside it, to the bytes that the server serves.
fn exported(newsroom: &Newsroom, file: &str, served: &[u8]) {
    let read = |ending: &str| {
        let path = newsroom.path(&format!("out{file}{ending}"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    assert!(read("") == served, "{file} is not what is served");
    let mut gzip = vec![0; served.len()];
    let size = libdeflater::Decompressor::new().gzip_decompress(&read(".gz"), &mut gzip).expect("gzip");
    assert!(gzip[..size] == *served, "{file}.gz");
    let mut brotli = Vec::new();
    brotli::BrotliDecompress(&mut &read(".br")[..], &mut brotli).expect("brotli");
    assert!(brotli == served, "{file}.br");
    assert!(zstd::decode_all(&read(".zst")[..]).expect("zstd") == served, "{file}.zst");
}

#[test]
fn check_points_at_every_mistake_by_file_line_and_column() {
    let newsroom = Newsroom::of_files();
    assert_eq!(newsroom.run(&["check"]).status, 0);
    newsroom.write("feeds/all.toml", "title = \"Everything\"\n\n[show]\n  limti = 3\n  content = 5\n");
    newsroom.write("feeds/world.toml", "titel = \"World\"\n[show]\nmoved_from = [\"earth\"]\n");
    let output = newsroom.run(&["check"]);
    assert_eq!(output.status, 1, "{output:?}");
    for told in [
        "feeds/all.toml:4:3",
        "did you mean `limit`?",
        "feeds/all.toml:5:13",
        "`content` is \"full\", \"summary\" or \"headline\"",
        "feeds/world.toml:1:1",
        "did you mean `title`?",
        "feeds/world.toml:3:1",
        "`moved_from` belongs above the first [table]",
    ] {
        assert!(output.stderr.contains(told), "{told:?} in {}", output.stderr);
    }
    let json = newsroom.run(&["check", "--json"]);
    assert_eq!((json.status, &json.json()["ok"]), (1, &false.into()), "{json:?}");
    let first = &json.json()["mistakes"][0];
    assert_eq!((&first["file"], &first["line"], &first["column"]), (&"feeds/all.toml".into(), &4.into(), &3.into()));
}

#[test]
fn with_a_mistake_in_its_files_nothing_else_starts() {
    let newsroom = Newsroom::of_files();
    newsroom.write("feeds/all.toml", "titel = \"x\"\n");
    for command in [&["pull"][..], &["status"], &["export", "out"], &["serve", "--listen", "127.0.0.1:0"]] {
        let output = newsroom.run(command);
        assert_eq!(output.status, 2, "{command:?}: {output:?}");
        assert!(output.stderr.contains("feeds/all.toml:1:1"), "{command:?}: {output:?}");
    }
}

#[test]
fn status_shows_the_database_also_when_the_files_have_mistakes() {
    let newsroom = Newsroom::of_files().with_rain();
    newsroom.write("feeds/all.toml", "titel = \"x\"\n");
    let output = newsroom.run(&["status"]);
    assert_eq!(output.status, 0, "{output:?}");
    for told in ["1 article,", "feeds/all.toml:1:1", "courant check"] {
        assert!(output.stdout.contains(told), "{told:?} in {}", output.stdout);
    }
    let json = newsroom.status();
    assert_eq!((&json["articles"], &json["mistakes"][0]["line"]), (&1.into(), &1.into()), "{json}");
}

#[test]
fn a_folder_that_is_not_there_is_told_by_check_and_stops_nothing_else() {
    let newsroom = Newsroom::of_files().with_rain();
    std::fs::rename(newsroom.path("articles"), newsroom.path("elsewhere")).expect("a folder");
    let output = newsroom.run(&["check"]);
    assert_eq!(output.status, 1, "{output:?}");
    let told = |text: &str| output.stderr.contains(text);
    assert!(told("feeds/newsroom.toml:9:8") && told("../articles: there is no such folder"), "{output:?}");
    assert_eq!(newsroom.run(&["export", "out"]).status, 0);
    newsroom.write("articles", "a file");
    assert!(newsroom.run(&["check"]).stderr.contains("is a file"));
}

#[test]
fn what_a_pull_rejected_is_in_the_status() {
    let newsroom = Newsroom::of_files().with_rain();
    newsroom.write("articles/untitled.md", "---\ndate: 2025-06-01\n---\nText.\n");
    assert_eq!(newsroom.pull("desk")[4], 1);
    let output = newsroom.run(&["status"]);
    assert!(output.stdout.contains("desk: 1 rejected by the last pull, such as untitled: "), "{output:?}");
    let status = newsroom.status();
    let note = status["sources"][0]["note"].as_str().expect("a note");
    assert!(note.contains("1 rejected") && note.contains("it has no title"), "{note}");
    std::fs::remove_file(newsroom.path("articles/untitled.md")).expect("a file");
    newsroom.pull("desk");
    assert!(newsroom.status()["sources"][0]["note"].is_null());
}

#[test]
fn a_slip_in_a_front_matter_is_told_and_one_in_its_date_rejects_the_article() {
    let newsroom = Newsroom::of_files();
    newsroom.write("articles/slip.md", "---\ntitle: Slip\ndate: 2025-06-01\nsecton: World\nlayout: post\n---\nText.\n");
    newsroom.write("articles/undated.md", "---\ntitle: Undated\npublishd: 2025-06-01\n---\nText.\n");
    let output = newsroom.run(&["pull"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("desk: 1 new, 1 rejected"), "{output:?}");
    assert!(output.stderr.contains("slip.md: unknown key `secton` (did you mean `section`?)"), "{output:?}");
    assert!(output.stderr.contains("undated.md: unknown key `publishd` (did you mean `published`?)"), "{output:?}");
    assert!(!output.stderr.contains("layout"), "{output:?}");
}

#[test]
fn a_feed_that_selects_nothing_is_pointed_out_with_the_nearest_section() {
    let newsroom = Newsroom::of_files();
    newsroom.write("feeds/world.toml", "title = \"World\"\n[select]\nsections = \"Wrold\"\n");
    let output = newsroom.run(&["check"]);
    assert!(output.status == 0 && !output.stdout.contains("selects nothing"), "{output:?}");
    assert!(!newsroom.path("courant.db").exists(), "check makes no database");

    newsroom.write("articles/rain.md", "---\ntitle: Rain\ndate: 2025-06-01\nsection: World\n---\nText.\n");
    newsroom.pull("desk");
    for command in ["check", "status"] {
        let output = newsroom.run(&[command]);
        assert_eq!(output.status, 0, "{output:?}");
        let told = "world selects nothing: no article has the section `wrold`, but there is `world`";
        assert!(output.stdout.contains(told), "{output:?}");
        assert!(!output.stdout.contains("all selects nothing"), "{output:?}");
    }
    let json = newsroom.run(&["check", "--json"]).json();
    assert!(json["notes"].to_string().contains("selects nothing"), "{json}");
    newsroom.write("feeds/world.toml", "title = \"World\"\n[select]\nsections = \"World\"\n");
    assert!(!newsroom.run(&["status"]).stdout.contains("selects nothing"));
}

#[test]
fn an_article_of_the_future_is_told_to_wait() {
    let newsroom = Newsroom::of_files();
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
    for name in ["Snow", "Hail"] {
        newsroom.article(name, "2999-01-01", "Some day.");
    }
    let output = newsroom.run(&["pull"]);
    assert!(output.stdout.contains("desk: 3 new, 2 wait for their hour"), "{output:?}");
    assert_eq!(newsroom.run(&["pull", "--json"]).json()["sources"]["desk"]["waiting"], 2);
}

#[test]
fn a_source_that_is_not_there_is_a_mistake_of_the_command_line() {
    let newsroom = Newsroom::of_files();
    for command in ["pull", "preview"] {
        let output = newsroom.run(&[command, "nobody"]);
        assert_eq!(output.status, 2, "{output:?}");
        assert!(output.stderr.contains("`nobody`") && output.stderr.contains("desk"), "{output:?}");
    }
    assert_eq!(newsroom.run(&["pull", "--nonsense"]).status, 2);
    assert_eq!(newsroom.run(&["nonsense"]).status, 2);
}

#[test]
fn preview_shows_and_stores_nothing() {
    let newsroom = Newsroom::of_files();
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
    let output = newsroom.run(&["preview", "desk"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("Rain"), "{output:?}");
    assert!(output.stdout.contains("2025-06-01 13:00 PKT"), "the newsroom's time: {output:?}");
    assert_eq!(newsroom.status()["articles"], 0);
}

#[test]
fn a_pull_with_settings_of_its_own_leaves_what_the_server_publishes() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    newsroom.shows(&["Rain"]);
    newsroom.article("Tea", "2025-06-02T08:00:00Z", "Hot.");
    let output = newsroom.run(&["pull", "desk", "--public-url", "https://elsewhere.example"]);
    assert_eq!(output.status, 0, "{output:?}");
    let pulled = Instant::now();
    newsroom.shows(&["Tea", "Rain"]);
    // What nobody makes as it is wanted is taken over after fifteen seconds: this was wanted as the server makes it.
    assert!(pulled.elapsed() < Duration::from_secs(10), "{:?}", pulled.elapsed());
}

#[test]
fn validate_tells_good_from_bad_by_its_exit_status() {
    let newsroom = Newsroom::of_files().with_rain();
    let output = newsroom.run(&["export", "out", "--database", "sqlite:mistyped.db"]);
    assert!(output.status == 2 && !newsroom.path("out").exists(), "no empty newsroom is published: {output:?}");
    assert_eq!(newsroom.run(&["export", "out"]).status, 0);
    for format in ["rss", "atom", "json"] {
        let output = newsroom.run(&["validate", &format!("out/feeds/all.{format}")]);
        assert_eq!(output.status, 0, "{output:?}");
    }
    newsroom
        .write("bad.rss", "<?xml version=\"1.0\"?>\n<rss version=\"2.0\"><channel><title>x</title></channel></rss>\n");
    let output = newsroom.run(&["validate", "bad.rss"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("bad.rss:2:"), "{output:?}");
    newsroom.write("broken.rss", "<rss><channel>");
    assert_eq!(newsroom.run(&["validate", "broken.rss"]).status, 1);
    let json = newsroom.run(&["validate", "bad.rss", "--json"]);
    assert_eq!(json.status, 1);
    assert!(json.json().is_object(), "{json:?}");
    assert_eq!(newsroom.run(&["validate", "no-such-file"]).status, 1);
    assert_eq!(newsroom.run(&["validate"]).status, 2);
}

#[test]
fn what_the_server_serves_is_valid_where_it_lives() {
    let mut newsroom = Newsroom::of_files().with_rain();
    newsroom.serve();
    newsroom.shows(&["Rain"]);
    for format in ["rss", "atom", "json"] {
        let output = newsroom.run(&["validate", &format!("http://{}/feeds/all.{format}", newsroom.address())]);
        assert_eq!(output.status, 0, "{output:?}");
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    let newsroom = Newsroom::new("");
    for shell in ["bash", "zsh", "fish"] {
        let output = newsroom.run(&["completions", shell]);
        assert_eq!(output.status, 0, "{output:?}");
        assert!(output.stdout.contains("courant") && output.stdout.contains("export"), "{shell}: {output:?}");
    }
}

#[test]
fn from_an_address_alone_to_articles_in_three_commands() {
    let site = WordPress::start();
    site.publish("Rain", "<p>Much of it.</p>");
    let newsroom = Newsroom::new("");
    let address = format!("http://{}/wp/", site.at);
    for command in [&["add", &address][..], &["check", "--live"], &["pull"]] {
        let output = newsroom.run(&[command, &["--feeds", "added"]].concat());
        assert_eq!(output.status, 0, "{command:?}: {output:?}");
    }
    assert_eq!(newsroom.run(&["status", "--json", "--feeds", "added"]).json()["articles"], 1);
    let again = newsroom.run(&["add", &address, "--feeds", "added"]);
    assert_eq!(again.status, 2, "the name is taken: {again:?}");
}

const PAGE: &str = "<!doctype html><html><head><title>A site</title>\
    <link rel=\"alternate\" type=\"application/rss+xml\" title=\"Comments Feed\" href=\"/comments/feed/\">\
    <link rel=\"alternate\" type=\"application/rss+xml\" title=\"News\" href=\"/news.xml\"></head></html>";

/// A site with a page and a feed for each of some paths; a feed has an item for each of some titles.
fn site(feeds: &'static [(&str, &[&str])]) -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
            let feed = feeds.iter().find(|(feed, _)| *feed == path).map(|(_, titles)| {
                let items: String = titles.iter().map(|title| format!("<item><title>{title}</title></item>")).collect();
                format!("<rss version=\"2.0\"><channel><title>x</title><link>/home/</link>{items}</channel></rss>")
            });
            let (status, kind, body) = match feed {
                Some(feed) => (200, "application/rss+xml", feed),
                None if path == "/" => (200, "text/html", PAGE.to_owned()),
                None => (404, "text/plain", String::new()),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    at
}

/// What `add` says of an address, and the newsroom.toml that it writes.
fn added(at: std::net::SocketAddr, path: &str) -> (String, String) {
    let newsroom = Newsroom::new("");
    let output = newsroom.run(&["add", &format!("http://{at}{path}"), "--name", "site", "--feeds", "added"]);
    assert_eq!(output.status, 0, "{output:?}");
    (output.stdout, std::fs::read_to_string(newsroom.path("added/newsroom.toml")).expect("the file"))
}

#[test]
fn add_takes_the_articles_before_the_comments_and_says_if_there_are_none() {
    let (told, file) = added(site(&[("/comments/feed/", &["Well said"]), ("/news.xml", &["Rain", "Hail"])]), "/");
    assert!(told.contains("Found a feed with 2 entries at "), "{told}");
    assert!(file.contains("/news.xml\"") && file.contains("\n# contact  = "), "{file}");
    let (told, file) = added(site(&[("/comments/feed/", &[]), ("/news.xml", &[])]), "/");
    assert!(told.contains("without any entries") && file.contains("/news.xml\""), "{told}");
    let (_, file) = added(site(&[("/comments/feed/", &["Well said"])]), "/");
    assert!(file.contains("/comments/feed/\""), "better than nothing: {file}");
}

#[test]
fn add_of_a_feeds_own_address_asks_the_feed_for_its_site() {
    let at = site(&[("/news.xml", &["Rain"])]);
    let (_, file) = added(at, "/news.xml");
    assert!(file.contains(&format!("home       = \"http://{at}/home/\"")), "{file}");
    let (_, file) = added(at, "/");
    assert!(file.contains(&format!("home       = \"http://{at}/\"")), "{file}");
}

#[test]
fn a_database_that_is_mistyped_is_told_and_not_made() {
    let newsroom = Newsroom::of_files().with_rain();
    for (command, status) in [(&["status"][..], 0), (&["subscriptions"], 2), (&["export", "out"], 2)] {
        let output = newsroom.run(&[command, &["--database", "sqlite:typo.db"]].concat());
        assert_eq!(output.status, status, "{output:?}");
        assert!(output.stderr.contains("typo.db: there is no such database yet"), "{output:?}");
        assert!(!newsroom.path("typo.db").exists(), "{command:?}");
    }
    for (database, status, told) in [
        ("mysql://desk:secret@host/courant", 2, "a database's address is like sqlite:courant.db"),
        ("sqlite:", 2, "a database's address is like sqlite:courant.db"),
        ("sqlite:nowhere/courant.db", 1, "there is no folder nowhere"),
        ("sqlite:feeds", 1, "it is a folder"),
        ("sqlite:feeds/newsroom.toml", 1, "newsroom.toml: file is not a database"),
    ] {
        let output = newsroom.run(&["pull", "--database", database]);
        assert_eq!(output.status, status, "{database}: {output:?}");
        assert!(output.stderr.contains(told) && !output.stderr.contains("secret"), "{database}: {output:?}");
    }
}

#[test]
fn check_live_tells_which_source_does_not_answer() {
    let site = WordPress::start();
    let newsroom = Newsroom::new(&site.source());
    assert_eq!(newsroom.run(&["check", "--live"]).status, 0);
    site.suffers(Trouble::Broken);
    let output = newsroom.run(&["check", "--live"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("website: ") && output.stdout.contains("answered 500"), "{output:?}");
    assert_eq!(newsroom.run(&["check"]).status, 0, "without --live nobody is asked");
}

#[test]
fn an_option_beats_a_variable_beats_the_file() {
    let newsroom = Newsroom::of_files().with_rain();
    let own = |args: &[&str], variable: Option<&str>| {
        let mut command = newsroom.command(&[&["export", "out"], args].concat());
        command.envs(variable.map(|value| ("COURANT_PUBLIC_URL", value)));
        assert!(command.output().expect("the command runs").status.success());
        let feed = std::fs::read(newsroom.path("out/feeds/all.json")).expect("the feed");
        serde_json::from_slice::<serde_json::Value>(&feed).expect("JSON")["feed_url"].clone()
    };
    assert_eq!(own(&[], None), "https://feeds.example.org/feeds/all.json");
    assert_eq!(own(&[], Some("https://variable.example")), "https://variable.example/feeds/all.json");
    let option = ["--public-url", "https://option.example"];
    assert_eq!(own(&option, Some("https://variable.example")), "https://option.example/feeds/all.json");
}

#[test]
fn the_databases_address_can_come_from_a_file_as_a_secret_does() {
    let newsroom = Newsroom::of_files();
    newsroom.write("secret", "sqlite:elsewhere.db\n");
    let status = newsroom.command(&["pull"]).env("COURANT_DATABASE_URL_FILE", "secret").status();
    assert!(status.expect("the command runs").success());
    assert!(newsroom.path("elsewhere.db").exists() && !newsroom.path("courant.db").exists());
}

#[test]
fn an_address_that_is_taken_is_told_with_the_option_that_takes_another() {
    let mut newsroom = Newsroom::of_files();
    newsroom.serve();
    let output = newsroom.run(&["serve", "--listen", &newsroom.address().to_string()]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(
        output.stderr.contains(&newsroom.address().to_string()) && output.stderr.contains("--listen"),
        "{output:?}"
    );
}
