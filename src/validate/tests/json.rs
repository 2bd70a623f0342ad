//! JSON Feed.

use super::{errs, json, warns};

#[test]
fn json_feeds() {
    errs(r#"{"version": "https://jsonfeed.org/version/1.1"}"#, &["missing-element"; 2]);
    errs(&json("", "").replace("version/1.1", "version/2"), &["invalid-version"]);
    errs(&json(r#", "icon": "/a.png""#, ""), &["relative-url"]);
    errs(&json(r#", "home_page_url": 3, "expired": "no""#, ""), &["wrong-type"; 2]);
    errs(&json(r#", "title": "again""#, ""), &["duplicate-element"]);
    errs(&json("", "").replace("\"WebSub\", \"url\"", "\"WebSub\", \"uri\""), &["missing-element"]);
    errs(
        &json("", "").replace("[{\"type\": \"WebSub\", \"url\": \"https://example.org/hub\"}]", "\"x\""),
        &["wrong-type"],
    );
    errs(&json("", "").replace("\"en\"", "\"english\""), &["invalid-language"]);
    errs(&json("", "").replace("\"id\": \"1\"", "\"id\": 1"), &["id-not-string"]);
    errs(&json("", "").replace("\"id\": \"1\", ", ""), &["missing-element"]);
    errs(&json("", r#"}, {"id": "1", "content_text": "x""#), &["duplicate-id"]);
    errs(&json("", "").replace("content_html", "_content"), &["missing-content"]);
    errs(&json("", "").replace("05Z", "05"), &["invalid-date"]);
    errs(
        &json("", r#", "attachments": [{"url": "https://e.org/a", "size_in_bytes": "3"}]"#),
        &["missing-element", "wrong-type"],
    );
    errs(&json("", r#", "tags": "x""#), &["wrong-type"]);
    errs(&json("", r#", "summary": "\ud800""#), &["not-well-formed"]);
    errs(&json("", ",").replace(",}", ", }"), &["not-well-formed"]);
    warns(&json(r#", "colour": 1"#, r#", "mood": 1"#), &["unknown-key"; 2]);
    warns(&json(r#", "author": {"name": "x"}"#, ""), &["deprecated"]);
    warns(&json("", "").replace("version/1.1", "version/1"), &["old-version"]);
    warns(&json("", r#", "title": "<b>x</b>""#), &["html-in-text"]);
    warns(&json("", "").replace("<p>A</p>", "<a href=\\\"/x\\\">"), &["relative-reference"]);
    warns(&json("", "").replace("2026-01-02", "2046-01-02"), &["implausible-date"]);
    warns(&json("", "").replace("\"feed_url\": \"https://feeds.example.org/a.json\",", ""), &["missing-self"]);
}
