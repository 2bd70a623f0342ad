//! Small documents, each with the one thing that a strict reader should tell of it.

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::{Context, Kind, Report, Severity, validate};

mod atom;
mod json;
mod rss;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap_or_default()
}

fn read(document: &str) -> Report {
    validate(document.as_bytes(), &Context { content_type: None, url: None, now: now() })
}

fn told(report: &Report, severity: Severity) -> Vec<&'static str> {
    report.findings.iter().filter(|finding| finding.severity == severity).map(|finding| finding.rule).collect()
}

#[track_caller]
fn errs(document: &str, rules: &[&str]) {
    let report = read(document);
    assert_eq!(told(&report, Severity::Error), rules, "{:#?}\n{document}", report.findings);
}

#[track_caller]
fn warns(document: &str, rules: &[&str]) {
    let report = read(document);
    assert_eq!(told(&report, Severity::Warning), rules, "{:#?}\n{document}", report.findings);
    assert_eq!(told(&report, Severity::Error), [""; 0], "{:#?}\n{document}", report.findings);
}

const SELF: &str = r#"<atom:link rel="self" href="https://feeds.example.org/a.rss" type="application/rss+xml"/>"#;
const GUID: &str = r#"<guid isPermaLink="false">one-and-only</guid>"#;

fn rss(channel: &str, items: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>News</title><link>https://example.org/</link><description>All of it</description>{SELF}
{channel}
{items}
</channel></rss>"#
    )
}

fn item(inside: &str) -> String {
    rss("", &format!("<item><title>A</title>{GUID}{inside}</item>"))
}

const ENTRY: &str = r#"<entry><id>urn:x-article:1</id><title>A</title><updated>2026-01-02T03:04:05Z</updated><link href="https://example.org/a"/></entry>"#;

fn atom(metadata: &str, entries: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><id>https://example.org/feed</id><title>News</title><updated>2026-01-02T03:04:05Z</updated><author><name>Desk</name></author><link rel="self" href="https://feeds.example.org/a.atom"/>{metadata}
{entries}</feed>"#
    )
}

fn entry(inside: &str) -> String {
    atom("", &ENTRY.replace("</entry>", &format!("{inside}</entry>")))
}

fn json(feed: &str, item: &str) -> String {
    format!(
        r#"{{"version": "https://jsonfeed.org/version/1.1", "title": "News", "feed_url": "https://feeds.example.org/a.json",
 "language": "en", "hubs": [{{"type": "WebSub", "url": "https://example.org/hub"}}], "_house": {{}}{feed},
 "items": [{{"id": "1", "url": "https://example.org/a", "content_html": "<p>A</p>", "date_published": "2026-01-02T03:04:05Z", "authors": [{{"name": "B"}}]{item}}}]}}"#
    )
}

#[test]
fn sound_documents_have_no_findings() {
    for (document, kind) in [
        (
            rss("<language>en</language><ttl>5</ttl><pubDate>Fri, 02 Jan 2026 03:04:05 GMT</pubDate>", &item("")[0..0]),
            Kind::Rss,
        ),
        (
            item(
                "<description>&lt;p>x&lt;/p></description><content:encoded><![CDATA[<p>x</p>]]></content:encoded><dc:creator>B</dc:creator>",
            ),
            Kind::Rss,
        ),
        (
            item(
                r#"<enclosure url="https://example.org/a.mp3" length="0" type="audio/mpeg"/><media:content url="https://example.org/a.jpg" medium="image" width="1200" height="800" type="image/jpeg"><media:credit role="photographer">B</media:credit></media:content>"#,
            ),
            Kind::Rss,
        ),
        (atom("", ENTRY), Kind::Atom),
        (
            entry(
                r#"<content type="html">&lt;p>x&lt;/p></content><summary>s</summary><published>2026-01-02T03:04:05+05:00</published><category term="World"/>"#,
            ),
            Kind::Atom,
        ),
        (
            entry(r#"<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>x</p></div></content>"#),
            Kind::Atom,
        ),
        (
            json(
                "",
                r#", "tags": ["a"], "attachments": [{"url": "https://example.org/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 3}]"#,
            ),
            Kind::JsonFeed,
        ),
    ] {
        let report = read(&document);
        assert_eq!(report.findings, [], "{document}");
        assert_eq!(report.kind, Some(kind));
        assert!(report.is_valid());
    }
}

#[test]
fn what_is_no_feed_gets_one_clear_error() {
    for (document, rule) in [
        ("", "empty"),
        (" \n ", "empty"),
        ("hello", "not-a-feed"),
        ("<!DOCTYPE html><html><body>x</body></html>", "not-a-feed"),
        ("<?xml version='1.0'?><!-- x --><!DOCTYPE html PUBLIC 'x' 'y'><html/>", "not-a-feed"),
        ("<HTML>", "not-a-feed"),
        ("<opml/>", "not-a-feed"),
        ("<feed/>", "not-a-feed"),
        ("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "not-a-feed"),
        ("[]", "not-a-feed"),
        ("{}", "not-a-feed"),
        ("{\"version\": ", "not-well-formed"),
        ("<rss><channel></rss>", "not-well-formed"),
        ("<rss version='2.0'><channel>&nbsp;</channel></rss>", "undefined-entity"),
        ("<rss><media:x/></rss>", "undeclared-prefix"),
        ("<rss>\u{1}</rss>", "not-well-formed"),
        ("<rss>\u{FFFF}</rss>", "not-well-formed"),
        ("<!DOCTYPE rss [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]><rss>&c;</rss>", "dtd"),
    ] {
        errs(document, &[rule]);
        assert!(!read(document).is_valid());
    }
}

#[test]
fn hostile_documents_are_refused_quickly() {
    errs(&"<a>".repeat(500_000), &["too-deep"]);
    errs(&format!("{{\"a\":{}", "[".repeat(500_000)), &["too-deep"]);
    let many = (0..500).map(|n| format!(" a{n}=''")).collect::<String>();
    errs(&format!("<rss{many}/>"), &["too-many-attributes"]);
    let many = (0..70).map(|n| format!(" xmlns:a{n}='b'")).collect::<String>();
    errs(&format!("<rss{many}/>"), &["too-many-namespaces"]);
    errs(&format!("<rss xmlns:a='{}'/>", "b".repeat(600)), &["too-long"]);
    let context = Context { content_type: None, url: None, now: now() };
    let report = validate(&vec![b' '; 50 * 1024 * 1024 + 1], &context);
    assert_eq!(told(&report, Severity::Error), ["too-large"]);
}

#[test]
fn findings_are_bounded_and_an_untold_error_still_counts() {
    let bad = "<item><title>x</title><guid isPermaLink='false'>123</guid></item>".repeat(1500);
    let report = read(&rss("", &format!("{bad}<item><link>x</link></item>")));
    assert_eq!(report.findings.len(), 1001);
    assert_eq!(report.findings.last().map(|finding| finding.rule), Some("too-many-findings"));
    assert_eq!(report.entries, 1501);
    assert!(!report.is_valid());
}

#[test]
fn positions_are_lines_and_characters() {
    let report = read("<rss version='2.0'>\n<channel>\n<!-- اردو --><ttl>x</ttl>\n</channel></rss>");
    let ttl = report.findings.iter().find(|finding| finding.rule == "invalid-number");
    assert_eq!(ttl.map(|finding| (finding.line, finding.column)), Some((3, 14)));
    let report = read("<rss>\n<é></è>\n</rss>");
    assert_eq!(report.findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn reports_serialize_for_scripts() {
    let report = serde_json::to_value(read(&rss("<ttl>x</ttl>", ""))).unwrap_or_default();
    assert_eq!(report["kind"], "RSS 2.0");
    assert_eq!(report["valid"], false);
    assert_eq!(report["errors"], 1);
    assert_eq!(report["warnings"], 0);
    assert_eq!(report["entries"], 0);
    assert_eq!(report["findings"][0]["severity"], "error");
    assert_eq!(report["findings"][0]["rule"], "invalid-number");
}

#[test]
fn address_and_content_type_are_compared() {
    let check = |content_type, url| {
        let context = Context { content_type: Some(content_type), url: Some(url), now: now() };
        told(&validate(rss("", "").as_bytes(), &context), Severity::Warning)
    };
    assert_eq!(check("application/rss+xml; charset=utf-8", "https://feeds.example.org/a.rss"), [""; 0]);
    assert_eq!(check("text/html", "https://feeds.example.org/a.rss"), ["wrong-content-type"]);
    assert_eq!(check("text/xml", "http://feeds.example.org/a.rss"), ["self-mismatch"]);
    assert_eq!(
        check("text/xml; charset=iso-8859-1", "https://feeds.example.org/a.rss"),
        ["encoding-mismatch", "obscure-encoding"]
    );
}

#[test]
fn encodings_are_read_or_refused() {
    let context = Context { content_type: None, url: None, now: now() };
    let rules = |bytes: &[u8]| {
        let report = validate(bytes, &context);
        report.findings.iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    let sound = rss("", "");
    let utf16: Vec<u8> = sound.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(rules(&[b"\xFF\xFE".as_slice(), &utf16].concat()), ["obscure-encoding"]);
    assert_eq!(rules(b"\xFF\xFEa"), ["bad-encoding"]);
    assert_eq!(rules(&[b"\xEF\xBB\xBF", sound.as_bytes()].concat()), [""; 0]);
    assert_eq!(rules(b"<rss>\xFF</rss>"), ["bad-encoding"]);
    assert_eq!(rules(sound.replace("utf-8", "koi8-r").as_bytes()), ["unknown-encoding"]);
    let mut latin = sound.replace("utf-8", "windows-1252").replace("News", "N\u{1}ws").into_bytes();
    latin.iter_mut().filter(|byte| **byte == 1).for_each(|byte| *byte = 0x93);
    assert_eq!(rules(&latin), ["obscure-encoding"]);
    let text = String::from_utf8_lossy(&latin).replace("windows-1252", "iso-8859-1").replace('\u{FFFD}', "\u{1}");
    let latin: Vec<u8> = text.bytes().map(|byte| if byte == 1 { 0x93 } else { byte }).collect();
    assert_eq!(rules(&latin), ["obscure-encoding", "bad-character"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        validate(&bytes, &Context { content_type: None, url: Some("x"), now: now() });
    }

    #[test]
    fn mutated_documents_never_panic(
        which in 0..6_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..9_usize, 0..40_usize), 1..6),
    ) {
        const PIECES: [&str; 9] = ["", "<", "é\u{FFFD}", "\"", "&#x3C;", "%", "[", "\\", "]]>"];
        let document = [
            item("<description><![CDATA[<a href='/x' style=\"y\">z</a>]]></description><pubDate>Fri, 02 Jan 2026 03:04:05 GMT</pubDate>"),
            item(r#"<enclosure url="https://example.org/a" type="audio/mpeg" length="1"/><media:content url="https://e.org/a"/>"#),
            rss("<language>en-GB-x-a</language><image><url>https://e.org/%41</url></image>", ""),
            entry("<content type='xhtml' xml:base='https://e.org/'><div xmlns='http://www.w3.org/1999/xhtml'><a href='b'/></div></content>"),
            entry("<content type='image/png'>iVBORw0KGgo=</content>"),
            json(r#", "icon": "https://e.org/\u00e9""#, r#", "attachments": [{"url": "tag:e.org,2026:x", "size_in_bytes": 1e3}]"#),
        ][which].clone();
        let mut text = document;
        for (index, piece, length) in changes {
            let at = text.floor_char_boundary(index.index(text.len() + 1));
            let end = text.floor_char_boundary(at + length);
            text.replace_range(at..end.max(at), PIECES[piece]);
        }
        validate(text.as_bytes(), &Context { content_type: Some("text/xml"), url: Some("https://e.org/"), now: now() });
    }
}
