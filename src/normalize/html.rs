//! Bodies: sanitised, with absolute addresses and plain images.

use std::borrow::Cow;
use std::collections::HashSet;

use ammonia::Builder;
use dom_query::{Document, Selection};
use url::Url;

use super::{MAX_DEPTH, Rejected, address, shortcodes, text};
use crate::article::Text;
use crate::article::markup::html_depth;

/// Whose frames are kept: players that readers know.
const FRAMES: &[&str] = &[
    "www.youtube.com",
    "www.youtube-nocookie.com",
    "player.vimeo.com",
    "www.dailymotion.com",
    "w.soundcloud.com",
    "open.spotify.com",
    "embed.podcasts.apple.com",
];

/// Where scripts that load images late keep the real address.
const LAZY: &[&str] = &["data-src", "data-lazy-src", "data-original", "data-orig-src"];
const LAZY_SET: &[&str] = &["data-srcset", "data-lazy-srcset"];

/// The body as HTML that is safe to show anywhere; addresses are relative to `base`.
pub(super) fn sanitized(content: &Text, base: &Url) -> Result<String, Rejected> {
    let html = match content {
        Text::Plain(text) => paragraphs(&text::clean(text)),
        Text::Html(html) => text::clean(html),
    };
    if html_depth(&html) > MAX_DEPTH {
        return Err(Rejected::Deep);
    }
    let html = if needs_mending(&html) { mended(&html, base) } else { html };
    let clean = sanitizer(base).clean(&html).to_string();
    let clean = shortcodes::removed(&clean);
    Ok(text::clean(&clean.replace("<p></p>", "")).trim().to_owned())
}

/// Plain text as paragraphs: blank lines part them.
fn paragraphs(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 64);
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        html.push_str("<p>");
        html.push_str(&paragraph.replace('&', "&amp;").replace('<', "&lt;").replace('\n', "<br>"));
        html.push_str("</p>");
    }
    html
}

/// Most bodies need no second parse.
fn needs_mending(html: &str) -> bool {
    ["<iframe", "<IFRAME", "<noscript", "data-src", "data-lazy", "data-orig", "data:"]
        .iter()
        .any(|sign| html.contains(sign))
}

/// Images that scripts would load become plain ones; frames of strangers go.
fn mended(html: &str, base: &Url) -> String {
    let document = Document::fragment(html);
    for image in document.select("img, source").iter() {
        unlazy(&image);
    }
    for noscript in document.select("noscript").iter() {
        let fallback = noscript.select("img[src]");
        let address = fallback.attr("src").unwrap_or_default();
        let same =
            document.select("img[src]").iter().filter(|image| image.attr("src").as_deref() == Some(&*address)).count();
        // One is the fallback itself.
        if address.is_empty() || same > 1 {
            noscript.remove();
        } else {
            noscript.replace_with_html(fallback.html());
        }
    }
    for image in document.select("img").iter() {
        let shown = image.attr("src").is_some_and(|address| address::web(base, &address).is_some());
        if !shown {
            image.remove();
        }
    }
    for frame in document.select("iframe").iter() {
        let player = frame.attr("src").and_then(|address| Url::parse(&address::web(base, &address)?).ok());
        if !player.is_some_and(|url| url.host_str().is_some_and(|host| FRAMES.contains(&host))) {
            frame.remove();
        }
    }
    document.html().to_string()
}

fn unlazy(image: &Selection<'_>) {
    let first =
        |names: &[&str]| names.iter().find_map(|name| image.attr(name)).filter(|value| !value.trim().is_empty());
    if let Some(address) = first(LAZY) {
        image.set_attr("src", &address);
    }
    if let Some(candidates) = first(LAZY_SET) {
        image.set_attr("srcset", &candidates);
    }
}

fn sanitizer(base: &Url) -> Builder<'static> {
    let base = base.clone();
    let mut builder = Builder::default();
    builder
        .add_tags(["figure", "figcaption", "picture", "source", "video", "audio", "track", "iframe", "section"])
        .rm_tags(["map", "area"])
        .add_tag_attributes("img", ["srcset", "sizes"])
        .add_tag_attributes("source", ["src", "srcset", "sizes", "type", "media"])
        .add_tag_attributes("video", ["src", "poster", "width", "height", "controls"])
        .add_tag_attributes("audio", ["src", "controls"])
        .add_tag_attributes("track", ["src", "kind", "srclang", "label"])
        .add_tag_attributes("iframe", ["src", "width", "height", "title", "allowfullscreen"])
        .add_generic_attributes(["dir"])
        // Which schemes are fine, and of which element, is decided by the filter below.
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .link_rel(None)
        .attribute_filter(move |element, attribute, value| match attribute {
            "srcset" => address::srcset(&base, value).map(Cow::Owned),
            "src" | "poster" => address::web(&base, value).map(Cow::Owned),
            "href" | "cite" if element != "area" => address::linked(&base, value).map(Cow::Owned),
            _ => Some(Cow::Borrowed(value)),
        });
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn html(raw: &str) -> String {
        let base = Url::parse("https://paper.example/wp/rain/").expect("a test's own URL");
        sanitized(&Text::Html(raw.to_owned()), &base).expect("a body")
    }

    #[test]
    fn what_runs_is_gone() {
        assert_eq!(
            html(
                "<p onclick=\"x()\">a<script>alert(1)</script></p><a href=\"javascript:alert(1)\">js</a><form><input></form>"
            ),
            "<p>a</p><a>js</a>"
        );
        assert_eq!(html("<iframe src=\"https://evil.example/x\"></iframe>b"), "b");
        assert!(
            html("<iframe src=\"https://www.youtube.com/embed/1\"></iframe>")
                .contains("src=\"https://www.youtube.com/embed/1\"")
        );
    }

    #[test]
    fn addresses_are_absolute() {
        assert_eq!(
            html(
                "<figure><img src=\"/a.jpg\" srcset=\"/a.jpg 1x, /b.jpg 2x\" alt=\"r\"></figure><a href=\"../other/\">o</a><video poster=\"p.jpg\"></video>"
            ),
            "<figure><img src=\"https://paper.example/a.jpg\" srcset=\"https://paper.example/a.jpg 1x, https://paper.example/b.jpg 2x\" alt=\"r\"></figure>\
             <a href=\"https://paper.example/wp/other/\">o</a><video poster=\"https://paper.example/wp/rain/p.jpg\"></video>"
        );
    }

    #[test]
    fn an_image_that_a_script_would_load_is_plain_and_comes_once() {
        let lazy = "<img data-src=\"https://cdn.example/lazy.jpg\" src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\"><noscript><img src=\"https://cdn.example/lazy.jpg\"></noscript>";
        assert_eq!(html(lazy), "<img src=\"https://cdn.example/lazy.jpg\">");
        assert_eq!(
            html("<noscript><img src=\"https://cdn.example/only.jpg\" alt=\"o\"></noscript>"),
            "<img src=\"https://cdn.example/only.jpg\" alt=\"o\">"
        );
        assert_eq!(html("x<img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\">"), "x");
    }

    #[test]
    fn nesting_is_refused_before_a_parser_sees_it() {
        let base = Url::parse("https://paper.example/").expect("a test's own URL");
        assert_eq!(sanitized(&Text::Html("<div>".repeat(60_000)), &base), Err(Rejected::Deep));
    }

    proptest! {
        #[test]
        fn nothing_dangerous_survives(parts in proptest::collection::vec("<(script|p|a|img|iframe|svg|style|noscript) ?(onload|href|src|data-src)?=?[\"']?(javascript:x|//e/x|/y)?[\"']?>|</(p|script|a|noscript)>|&#x?[0-9a-f]{1,6};|\\PC{0,4}", 0..12)) {
            let out = html(&parts.concat()).to_lowercase();
            prop_assert!(!out.contains("<script") && !out.contains("<style") && !out.contains("<svg"));
            prop_assert!(!out.contains("=\"javascript:") && !out.contains(" onload="));
        }
    }
}
