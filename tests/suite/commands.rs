//! The commands besides `serve` and `pull`: what they write, and how they end.

use crate::harness::Newsroom;
use crate::wordpress::{Trouble, WordPress};

fn one_article() -> Newsroom {
    let newsroom = Newsroom::of_files();
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it.");
    newsroom.pull("desk");
    newsroom
}

#[test]
fn export_writes_what_the_server_serves_with_every_encoding_beside_it() {
    let mut newsroom = one_article();
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
    let mut newsroom = one_article();
    assert_eq!(newsroom.run(&["export", "out"]).status, 0);
    newsroom.serve();
    exported(&newsroom, "/feeds.opml", &newsroom.document("/feeds.opml").body);
    exported(&newsroom, "/index.html", &newsroom.document("/").body);
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
    newsroom.write("feeds/all.toml", "title = \"Everything\"\n\n[show]\n  limti = 3\n");
    newsroom.write("feeds/world.toml", "titel = \"World\"\n");
    let output = newsroom.run(&["check"]);
    assert_eq!(output.status, 1, "{output:?}");
    for told in ["feeds/all.toml:4:3", "did you mean `limit`?", "feeds/world.toml:1:1", "did you mean `title`?"] {
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
    assert_eq!(newsroom.status()["articles"], 0);
}

#[test]
fn validate_tells_good_from_bad_by_its_exit_status() {
    let newsroom = one_article();
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
    let mut newsroom = one_article();
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
    let newsroom = one_article();
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
