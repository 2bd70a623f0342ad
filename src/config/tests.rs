use std::fs;

use super::*;

const NEWSROOM: &str = r#"
title = "Rahbar"
home = "https://rahbar.example/wp/"
language = "en"
timezone = "Asia/Karachi"

[source.desk]
kind = "folder"
path = "articles"
"#;

fn read(newsroom: &str, feeds: &[(&str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("newsroom.toml"), newsroom).expect("written");
    for (name, text) in feeds {
        fs::write(dir.path().join(name), text).expect("written");
    }
    let shown = |mistakes: Mistakes| mistakes.lines().replace(&format!("{}/", dir.path().display()), "");
    Config::read(dir.path(), None).map_err(shown)
}

fn mistakes(newsroom: &str, feeds: &[(&str, &str)]) -> String {
    read(newsroom, feeds).err().expect("mistakes")
}

#[test]
fn a_newsroom_that_says_little_gets_sane_defaults() {
    let config = read(NEWSROOM, &[("all.toml", "title = \"All\"")]).expect("a newsroom");
    assert_eq!(config.site.public_url, "http://127.0.0.1:8080");
    assert_eq!(config.sources[0].schedule.to_string(), "*/15 * * * *");
    let feed = config.feed("all").expect("a feed");
    assert_eq!((feed.info.language.as_str(), feed.query.limit, feed.query.all_of.len()), ("en", 50, 0));
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let newsroom =
        NEWSROOM.replace("language = \"en\"", "language = \"english language\"").replace("path = ", "paht = ");
    let told = mistakes(
        &newsroom,
        &[("a.toml", "titel = \"A\""), ("b.toml", "title = \"B\"\n[select]\nsources = [\"dsek\"]\n[show]\nlimit = 0")],
    );
    insta::assert_snapshot!(told, @r"
    newsroom.toml:4:12: `english language` is not a language tag such as en, ur or en-PK
    newsroom.toml:9:1: unknown key `paht` (did you mean `path`?)
    a.toml:1:1: unknown key `titel` (did you mean `title`?)
    b.toml:3:12: newsroom.toml has no source `dsek` (none is known here)
    b.toml:5:9: the limit lies between 1 and 10000
    ");
}

#[test]
fn kinds_schedules_and_keys_are_checked() {
    let of = |from: &str, to: &str| mistakes(&NEWSROOM.replace(from, to), &[]);
    assert!(
        of("\"folder\"", "\"foldr\"")
            .contains("newsroom.toml:8:8: `foldr` is no kind of source (did you mean `folder`?)")
    );
    assert!(of("path =", "schedule = \"61 * * * *\"\npath =").contains("newsroom.toml:9:12"));
    assert!(of("path =", "webhook_key = \"short\"\npath =").contains("32 characters"));
    assert!(
        of("timezone = \"Asia/Karachi\"", "timezone = \"Karachi\"")
            .contains("newsroom.toml:5:12: `Karachi` is not a time zone")
    );
    assert!(of("title = \"Rahbar\"", "").contains("missing key `title`"));
    assert!(of("title = \"Rahbar\"", "title = \"Rahbar").contains("newsroom.toml:2:"));
}

#[test]
fn a_changed_configuration_has_another_fingerprint() {
    let of = |feed: &str| read(NEWSROOM, &[("all.toml", feed)]).expect("a newsroom").topics()[0].1.clone();
    assert_eq!(of("title = \"All\""), of("title = \"All\"  # a comment"));
    assert_ne!(of("title = \"All\""), of("title = \"All\"\n[show]\nlimit = 10"));
}

#[test]
fn a_name_is_old_or_new_but_not_both() {
    let told = mistakes(NEWSROOM, &[("a.toml", "title = \"A\"\nmoved_from = [\"b\"]"), ("b.toml", "title = \"B\"")]);
    assert!(told.contains("a.toml:2:15: `b` is a feed of its own"), "{told}");
}
