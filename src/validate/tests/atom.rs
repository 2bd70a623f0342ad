//! Atom.

use super::{ENTRY, atom, entry, errs, read, warns};

#[test]
fn atom_feeds() {
    errs("<feed xmlns='http://www.w3.org/2005/Atom'/>", &["missing-element"; 3]);
    errs(&atom("<id>urn:x-a:b</id>", ""), &["duplicate-element"]);
    errs(&atom("<icon>/a.png</icon>", ""), &["relative-url"]);
    errs(
        &atom("<link href='https://e.org/'/><link rel='alternate' href='https://e.org/b'/>", ""),
        &["duplicate-alternate"],
    );
    errs(
        &atom("<link type='html' hreflang='e' length='x'/>", ""),
        &["missing-attribute", "invalid-media-type", "invalid-language", "invalid-number"],
    );
    errs(&atom("<contributor><email>x</email></contributor>", ""), &["missing-element", "invalid-mail"]);
    errs(&atom("<category/>", ""), &["missing-attribute"]);
    errs(&atom("<colour/>", ""), &["unknown-element"]);
    errs(&atom("", &format!("{ENTRY}<rights>x</rights>")), &["misplaced-metadata"]);
    errs(&atom("", "").replace("05Z", "05z"), &["invalid-date"]);
    errs(&atom("", "").replace("<updated>2026-01-02T", "<updated>2026-01-02t"), &["invalid-date"]);
    errs(&atom("", "").replace("xml:lang=\"en\"", "xml:lang=\"e\""), &["invalid-language"]);
    errs(&atom("", "").replace("<title>", "<title type='text/html'>"), &["invalid-value"]);
    errs(&atom("", "").replace("<title>News", "<title type='xhtml'>News"), &["missing-div"]);
    warns(&atom("<icon xml:base='https://e.org/'>a.png</icon>", ""), &[]);
    warns(&atom("<link rel='https://e.org/rel' href='https://e.org/سلام'/>", ""), &["non-ascii-url"]);
    warns(&atom("<link rel='nonsense' href='https://e.org/'/>", ""), &["unregistered-relation"]);
    warns(&atom("", "").replace("rel=\"self\"", "rel=\"via\""), &["missing-self"]);
    warns(&atom("", "").replace("https://example.org/feed", "https://example.org"), &["non-canonical-url"]);
    warns(&atom("<at:deleted-entry xmlns:at='http://purl.org/atompub/tombstones/1.0'/>", ""), &["unknown-namespace"]);
}

#[test]
fn atom_entries() {
    errs(&atom("", "<entry/>"), &["missing-element", "missing-element", "missing-element", "missing-content"]);
    errs(&atom("", ENTRY).replace("<author><name>Desk</name></author>", ""), &["missing-author"]);
    warns(&entry("<author><name>B</name></author>").replace("<author><name>Desk</name></author>", ""), &[]);
    warns(
        &entry("<source><author><name>B</name></author></source>").replace("<author><name>Desk</name></author>", ""),
        &[],
    );
    errs(&atom("", &ENTRY.repeat(2)), &["duplicate-id"]);
    errs(&atom("", &[ENTRY, &ENTRY.replace("05Z", "06Z")].concat()), &["duplicate-id"]);
    warns(&atom("", &[ENTRY, &ENTRY.replace("article:1", "article:2")].concat()), &["repeated-updated"]);
    errs(&atom("", &ENTRY.replace("urn:x-article:1", "article/1")), &["relative-url"]);
    errs(&atom("", &ENTRY.replace("urn:x-article:1", "urn:uuid:12")), &["invalid-url"]);
    errs(&entry("<content type='image/png' src='https://e.org/a.png'/>"), &["missing-summary"]);
    errs(&entry("<content type='image/png'>iVBORw0KGgo=</content>"), &["missing-summary"]);
    errs(&entry("<summary>x</summary><content type='image/png'>!</content>"), &["not-base64"]);
    errs(
        &entry("<summary>x</summary><content type='html' src='https://e.org/'>x</content>"),
        &["not-empty", "invalid-media-type"],
    );
    errs(&entry("<content type='xhtml'>x</content>"), &["missing-div"]);
    errs(&entry("<content type='xhtml'><div>x</div></content>"), &["missing-div"]);
    errs(&entry("<content type='multipart/mixed'>x</content>"), &["invalid-media-type"]);
    errs(&entry("<content>a <b>b</b></content>"), &["unknown-element"]);
    errs(&entry("<logo>https://e.org/a</logo>"), &["unknown-element"]);
    warns(
        &entry(
            "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><a href='/x' onclick=''>x</a></div></content>",
        ),
        &["relative-reference", "event-handler"],
    );
    warns(&entry("<content type='html'>&lt;iframe src='https://e.org/'></content>"), &["iframe"]);
    warns(&entry("<content src='https://e.org/'/><summary>x</summary>"), &["missing-type"]);
    let alone = ENTRY.replace("<entry>", "<entry xmlns='http://www.w3.org/2005/Atom'><author><name>B</name></author>");
    warns(&alone, &[]);
    assert_eq!(read(&alone).entries, 1);
}
