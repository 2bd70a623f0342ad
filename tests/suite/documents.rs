//! What HTTP promises of a document: validators, encodings, methods, negotiation.

use crate::harness::{Newsroom, eventually};
use crate::http::Answer;

fn two_articles() -> Newsroom {
    let mut newsroom = Newsroom::of_files();
    newsroom.write("feeds/all.toml", "title = \"Everything\"\nmoved_from = [\"old\"]\n");
    newsroom.article("Rain", "2025-06-01T08:00:00Z", "Much of it, and *more* to come.");
    newsroom.article("Tea", "2025-06-02T08:00:00Z", "Hot.");
    assert_eq!(newsroom.pull("desk"), [2, 0, 0, 0, 0]);
    newsroom.serve();
    newsroom.shows(&["Tea", "Rain"]);
    newsroom.settled();
    newsroom
}

const FORMATS: [(&str, &str); 3] = [
    ("/feeds/all.rss", "application/rss+xml; charset=utf-8"),
    ("/feeds/all.atom", "application/atom+xml; charset=utf-8"),
    ("/feeds/all.json", "application/feed+json; charset=utf-8"),
];

#[test]
fn a_restart_changes_no_byte_and_no_validator() {
    let mut newsroom = two_articles();
    let seen = |newsroom: &Newsroom| FORMATS.map(|(path, _)| newsroom.document(path));
    let before = seen(&newsroom);
    newsroom.stop();
    newsroom.serve();
    newsroom.settled();
    for (before, after) in before.iter().zip(seen(&newsroom)) {
        assert!(before.body == after.body, "{} became {}", before.text(), after.text());
        assert_eq!(before.must("etag"), after.must("etag"));
        assert_eq!(before.must("last-modified"), after.must("last-modified"));
    }
}

#[test]
fn two_newsrooms_with_the_same_files_serve_the_same_bytes() {
    let [one, other] = [two_articles(), two_articles()];
    // Ids are minted by each; all else is a function of files.
    let seen = |newsroom: &Newsroom| {
        let mut items = newsroom.items();
        items.iter_mut().for_each(|item| item["id"] = "".into());
        items
    };
    assert_eq!(seen(&one), seen(&other));
}

#[test]
fn every_document_says_what_it_is_and_where_it_lives() {
    let newsroom = two_articles();
    for (path, media_type) in FORMATS {
        let answer = newsroom.document(path);
        assert_eq!(answer.must("content-type"), media_type);
        let own = format!("<https://feeds.example.org{path}>; rel=\"self\"");
        assert!(answer.must("link").contains(&own), "{}", answer.must("link"));
        assert!(answer.text().contains(&format!("https://feeds.example.org{path}")), "{}", answer.text());
        assert_eq!(answer.must("access-control-allow-origin"), "*");
        assert!(answer.must("cache-control").contains("max-age"));
        assert!(answer.must("vary").contains("Accept-Encoding"));
    }
    assert!(newsroom.document("/feeds.opml").text().contains("https://feeds.example.org/feeds/all.rss"));
    assert!(newsroom.document("/").text().contains("rel=\"alternate\""));
}

#[test]
fn a_client_that_has_the_document_is_told_so_by_either_validator() {
    let newsroom = two_articles();
    let whole = newsroom.document("/feeds/all.rss");
    let (etag, modified) = (whole.must("etag").to_owned(), whole.must("last-modified").to_owned());
    let ask = |fields: &[(&str, &str)]| newsroom.ask("GET", "/feeds/all.rss", fields);

    let weak = format!("W/{etag}");
    let list = format!("\"other\", {etag}");
    for known in [etag.as_str(), weak.as_str(), list.as_str(), "*"] {
        let answer = ask(&[("If-None-Match", known)]);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "If-None-Match: {known}");
        assert_eq!(answer.must("etag"), etag);
        assert!(answer.field("cache-control").is_some() && answer.field("vary").is_some());
    }
    assert_eq!(ask(&[("If-Modified-Since", &modified)]).status, 304);
    assert_eq!(ask(&[("If-None-Match", "\"other\"")]).status, 200);
    assert_eq!(ask(&[("If-Modified-Since", "Sun, 01 Jun 2025 08:00:00 GMT")]).status, 200);
    let both = ask(&[("If-None-Match", "\"other\""), ("If-Modified-Since", &modified)]);
    assert_eq!(both.status, 200, "a tag that does not match beats a date that does");
}

#[test]
fn every_encoding_unpacks_to_the_same_bytes() {
    let newsroom = two_articles();
    for (path, _) in FORMATS {
        let plain = newsroom.document(path);
        let mut tags = vec![plain.must("etag").to_owned()];
        for coding in ["gzip", "br", "zstd"] {
            // Brotli and Zstandard come a moment after the document.
            let answer = eventually(&format!("{path} comes as {coding}"), || {
                let answer = newsroom.ask("GET", path, &[("Accept-Encoding", coding)]);
                (answer.field("content-encoding") == Some(coding)).then_some(answer)
            });
            assert!(
                unpacked(coding, &answer, plain.body.len()) == plain.body,
                "{path} as {coding} is another document"
            );
            assert!(answer.body.len() < plain.body.len(), "{path} as {coding} is no smaller");
            tags.push(answer.must("etag").to_owned());
            let known =
                newsroom.ask("GET", path, &[("Accept-Encoding", coding), ("If-None-Match", answer.must("etag"))]);
            assert_eq!(known.status, 304, "{path} as {coding}");
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 4, "each encoding has a tag of its own: {tags:?}");
        let plainly = newsroom.ask("GET", path, &[("Accept-Encoding", "gzip;q=0, br;q=0, zstd;q=0")]);
        assert_eq!(plainly.field("content-encoding"), None);
    }
}

fn unpacked(coding: &str, answer: &Answer, len: usize) -> Vec<u8> {
    let packed = &answer.body[..];
    match coding {
        "gzip" => {
            let mut out = vec![0; len];
            let size = libdeflater::Decompressor::new().gzip_decompress(packed, &mut out).expect("gzip");
            out.truncate(size);
            out
        }
        "br" => {
            let mut out = Vec::new();
            brotli::BrotliDecompress(&mut &packed[..], &mut out).expect("brotli");
            out
        }
        _ => zstd::decode_all(packed).expect("zstd"),
    }
}

#[test]
fn head_tells_what_get_would_and_sends_no_body() {
    let newsroom = two_articles();
    for path in ["/feeds/all.rss", "/feeds/all.json", "/feeds/all", "/", "/feeds.opml"] {
        let (get, head) = (newsroom.document(path), newsroom.ask("HEAD", path, &[]));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for field in ["content-type", "etag", "last-modified", "content-length", "vary"] {
            assert_eq!(head.field(field), get.field(field), "{path}: {field}");
        }
    }
}

#[test]
fn a_method_that_does_not_read_is_refused_with_those_that_do() {
    let newsroom = two_articles();
    for path in ["/feeds/all.rss", "/feeds/all", "/", "/feeds.opml"] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = newsroom.ask(method, path, &[]);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.must("allow").contains("GET") && answer.must("allow").contains("HEAD"), "{method} {path}");
        }
        let options = newsroom.ask("OPTIONS", path, &[("Origin", "https://reader.example")]);
        assert_eq!(options.status, 204, "{path}");
        assert!(options.must("allow").contains("GET"));
        assert_eq!(options.must("access-control-allow-origin"), "*");
        assert!(options.must("access-control-allow-methods").contains("GET"));
    }
    assert_eq!(newsroom.ask("POST", "/livez", &[]).status, 405);
}

#[test]
fn a_feed_without_an_ending_comes_as_the_client_likes_it_best() {
    let newsroom = two_articles();
    for (accept, path) in [
        ("application/rss+xml", "/feeds/all.rss"),
        ("application/atom+xml", "/feeds/all.atom"),
        ("application/feed+json", "/feeds/all.json"),
        ("application/json", "/feeds/all.json"),
        ("*/*", "/feeds/all.rss"),
        ("application/rss+xml;q=0.5, application/atom+xml", "/feeds/all.atom"),
    ] {
        let chosen = newsroom.ask("GET", "/feeds/all", &[("Accept", accept)]);
        let named = newsroom.document(path);
        assert!(chosen.body == named.body, "{accept} is {path}");
        assert_eq!(chosen.must("content-type"), named.must("content-type"));
        assert!(chosen.must("vary").contains("Accept,"), "{}", chosen.must("vary"));
    }
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = newsroom.ask("GET", "/feeds/all", &[("Accept", browser)]);
    assert_eq!(page.must("content-type"), "text/html; charset=utf-8");
    assert!(page.text().contains("Rain") && page.text().contains("/feeds/all.atom"), "{}", page.text());
}

#[test]
fn what_cannot_be_had_is_refused_in_the_form_that_the_client_reads() {
    let newsroom = two_articles();
    assert_eq!(newsroom.ask("GET", "/feeds/all", &[("Accept", "image/png")]).status, 406);
    assert_eq!(newsroom.ask("GET", "/feeds/all.rss", &[("Accept-Encoding", "identity;q=0")]).status, 406);
    for path in ["/feeds/none.rss", "/feeds/all.pdf", "/feeds/none", "/none", "/feeds/..%2fcourant.db"] {
        let plain = newsroom.ask("GET", path, &[]);
        assert_eq!(plain.status, 404, "{path}");
        assert_eq!(plain.must("content-type"), "text/plain; charset=utf-8", "{path}");
        let told = newsroom.ask("GET", path, &[("Accept", "application/json")]);
        assert_eq!((told.status, told.json()["status"].as_u64()), (404, Some(404)), "{path}");
        let page = newsroom.ask("GET", path, &[("Accept", "text/html")]);
        assert_eq!(page.must("content-type"), "text/html; charset=utf-8", "{path}");
    }
}

#[test]
fn a_former_name_leads_to_the_present_one() {
    let newsroom = two_articles();
    for (old, now) in [
        ("/feeds/old.rss", "https://feeds.example.org/feeds/all.rss"),
        ("/feeds/old.json", "https://feeds.example.org/feeds/all.json"),
        ("/feeds/old", "https://feeds.example.org/feeds/all"),
    ] {
        let answer = newsroom.ask("GET", old, &[]);
        assert_eq!((answer.status, answer.must("location")), (301, now), "{old}");
    }
    assert_eq!(newsroom.ask("GET", "/feeds/old.pdf", &[]).status, 404);
}
