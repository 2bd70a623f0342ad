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
    b.toml:3:12: newsroom.toml has no source `dsek` (did you mean `desk`?)
    b.toml:5:9: `limit` is a number from 1 to 10000
    ");
}

#[test]
fn no_mistake_of_a_table_hides_another() {
    let newsroom = r#"
titel = "Rahbar"
home = "rahbar.example"
language = "en"
timezone = 5

[hub]
built_in = "yes"
lease_min = "soon"
public_url = "https://feeds.example"

[source.desk]
kind = "folder"
pth = "articles"
schedul = "* * * * *"
keep_ids = "no"

[source.site]
kind = "wordpress"
url = "mailto:x@rahbar.example"
path = "articles"
"#;
    let feed = r#"
titel = "World"
language = "english language"
limit = 5
timezone = "Asia/Karachi"

[select]
sections = [1, "World", 2]
sorces = ["desk"]
sources = "dsek"
not = { tag = "x" }

[show]
limit = "all"
content = "ful"
moved_from = ["old"]
descriptin = "x"
"#;
    insta::assert_snapshot!(mistakes(newsroom, &[("world.toml", feed)]), @r#"
    newsroom.toml:2:1: unknown key `titel` (did you mean `title`?)
    newsroom.toml:3:8: `rahbar.example` is not an address like https://paper.example/
    newsroom.toml:5:12: `timezone` is a time zone in quotes, such as "Asia/Karachi"
    newsroom.toml:8:12: `built_in` is true or false, without quotes
    newsroom.toml:9:13: `soon` is not a stretch of time such as 90s, 15m, 6h or 10d
    newsroom.toml:10:1: unknown key `public_url` (`public_url` belongs above the first [table])
    newsroom.toml:14:1: unknown key `pth` (did you mean `path`?)
    newsroom.toml:15:1: unknown key `schedul` (did you mean `schedule`?)
    newsroom.toml:16:12: `keep_ids` is true or false, without quotes
    newsroom.toml:20:7: `mailto:x@rahbar.example` is not an address like https://paper.example/
    newsroom.toml:21:1: unknown key `path` (known here: url, kind, schedule, webhook_key, webhook_key_file, keep_ids)
    world.toml:2:1: unknown key `titel` (did you mean `title`?)
    world.toml:3:12: `english language` is not a language tag such as en, ur or en-PK
    world.toml:4:1: unknown key `limit` (`limit` belongs below [show])
    world.toml:5:1: unknown key `timezone` (`timezone` belongs in newsroom.toml, above the first [table])
    world.toml:8:13: `sections` is a list such as ["World"]
    world.toml:8:25: `sections` is a list such as ["World"]
    world.toml:9:1: unknown key `sorces` (did you mean `sources`?)
    world.toml:10:11: newsroom.toml has no source `dsek` (did you mean `desk`?)
    world.toml:11:9: unknown key `tag` (did you mean `tags`?)
    world.toml:14:9: `limit` is a number from 1 to 10000
    world.toml:15:11: `content` is "full", "summary" or "headline" (did you mean `full`?)
    world.toml:16:1: unknown key `moved_from` (`moved_from` belongs above the first [table])
    world.toml:17:1: unknown key `descriptin` (known here: limit, content, order)
    "#);
}

#[test]
fn what_breaks_the_rules_of_toml_is_told_for_each_file() {
    let told = mistakes(
        "title = \"Rahbar\nhome = 3 3\n",
        &[("a.toml", "title = A\n"), ("b.toml", "[select]\nsources = [\"desk\"]")],
    );
    insta::assert_snapshot!(told, @r#"
    newsroom.toml:1:16: invalid basic string, expected `"`
    newsroom.toml:2:8: string values must be quoted, expected literal string
    a.toml:1:9: string values must be quoted, expected literal string
    b.toml:1:1: missing key `title` (it is a text in quotes, such as "World")
    "#);
}

#[test]
fn a_file_that_is_no_text_hides_no_other() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("newsroom.toml"), NEWSROOM).expect("written");
    fs::write(dir.path().join("a.toml"), b"title = \"\xff\"").expect("written");
    fs::write(dir.path().join("b.toml"), "titel = \"B\"").expect("written");
    let told = Config::read(dir.path(), None).err().expect("mistakes").lines();
    assert!(told.contains("a.toml:1:1: can't read the file") && told.contains("b.toml:1:1: unknown key"), "{told}");
}

#[test]
fn one_name_alone_is_a_list_of_one() {
    let of = |select: &str| {
        read(NEWSROOM, &[("all.toml", &format!("title = \"All\"\n[select]\n{select}"))]).expect("a newsroom")
    };
    let (alone, list) =
        (of("sections = \"World\"\nnot.tags = \"ad\""), of("sections = [\"World\"]\nnot.tags = [\"ad\"]"));
    assert_eq!(alone.feeds[0].query, list.feeds[0].query);
    assert_eq!(alone.feeds[0].query.none_of, ["tag:ad"]);
}

#[test]
fn a_folder_that_is_not_there_is_doubtful_and_no_mistake() {
    let config = read(NEWSROOM, &[]).expect("a newsroom");
    let [doubt] = &config.doubts.0[..] else { panic!("{:?}", config.doubts) };
    assert_eq!((doubt.line, doubt.column), (9, 8));
    assert!(doubt.message.contains("no such folder"), "{doubt:?}");
    for (newsroom, feed) in
        [(NEWSROOM, "titel = \"A\""), (&NEWSROOM.replace("Asia/Karachi", "Karachi"), "title = \"A\"")]
    {
        let told = mistakes(newsroom, &[("a.toml", feed)]);
        assert!(told.contains("no such folder"), "{told}");
    }
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
