//! Plain text that every format can carry.

use dom_query::Document;

use super::{MAX_DEPTH, Rejected};
use crate::article::Text;
use crate::article::markup::html_depth;

/// The text without characters that XML 1.0 cannot carry, or that no reader should get: control characters, C1 controls, the
/// replacement character, byte order marks, noncharacters. Line ends become LF. Joiners stay: Urdu, Hindi and emoji need them.
pub(super) fn clean(text: &str) -> String {
    if text.chars().all(|c| is_kept(c) && c != '\r') {
        return text.to_owned();
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| is_kept(*c)).collect()
}

fn is_kept(c: char) -> bool {
    match c {
        '\n' | '\t' | '\r' => true,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffd}' | '\u{feff}' | '\u{fdd0}'..='\u{fdef}' => false,
        _ => !matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff),
    }
}

/// The text on one line, white space squeezed.
pub(super) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The characters that a text means: entities decoded, tags gone.
pub(super) fn of(text: &Text) -> Result<String, Rejected> {
    match text {
        Text::Plain(text) => Ok(clean(text)),
        Text::Html(html) if !html.contains(['<', '&']) => Ok(clean(html)),
        Text::Html(html) => {
            if html_depth(html) > MAX_DEPTH {
                return Err(Rejected::Deep);
            }
            let document = Document::fragment(spaced(html));
            document.select("script, style, noscript, template, .more-link").remove();
            Ok(clean(&document.text()))
        }
    }
}

/// Elements that people write into headlines, as text where a program escaped them once too often.
const IN_TITLES: &[&str] = &[
    "a",
    "abbr",
    "article",
    "b",
    "big",
    "blockquote",
    "br",
    "center",
    "cite",
    "code",
    "del",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "iframe",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "script",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "td",
    "th",
    "time",
    "tr",
    "u",
    "ul",
    "wbr",
];

/// The title without tags that stand in it as text: readers who take titles for HTML would make them work, and validators
/// warn. Any other `<` is a character.
pub(super) fn without_tags(title: &str) -> String {
    let mut out = String::with_capacity(title.len());
    let mut rest = title;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name =
            rest[1..].trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        // Tags are short: looking further for their end would make this quadratic.
        let is_known = IN_TITLES.iter().any(|known| known.eq_ignore_ascii_case(name));
        let end = if is_known { rest.bytes().take(1000).position(|byte| byte == b'>') } else { None };
        out.push_str(if end.is_some() { "" } else { "<" });
        rest = &rest[end.unwrap_or(0) + 1..];
    }
    out.push_str(rest);
    out
}

/// A space before what begins a block, so that the words around it don't run together.
fn spaced(html: &str) -> String {
    let mut html = html.to_owned();
    for block in ["<br", "<p", "</p", "<div", "<li", "<h"] {
        if html.contains(block) {
            html = html.replace(block, &format!(" {block}"));
        }
    }
    html
}

/// A summary without the "[…]" or "Continue reading" that a CMS puts at its end, and whether there was one.
pub(super) fn without_more_link(summary: &str) -> (String, bool) {
    let cut = ["Continue reading", "Read more"].iter().filter_map(|words| summary.rfind(words)).min();
    // Only at the very end, or the words belong to the text.
    let cut = cut.filter(|at| summary[*at..].chars().count() < 200 && *at > 0);
    let text = cut.map_or(summary, |at| &summary[..at]).trim_end();
    for end in ["[…]", "[...]"] {
        if let Some(text) = text.strip_suffix(end) {
            return (format!("{}…", text.trim_end().trim_end_matches('…')), true);
        }
    }
    (text.to_owned(), cut.is_some())
}

/// At most `limit` characters, cut between words, an ellipsis where something was cut.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(limit) else {
        return text.to_owned();
    };
    let whole = text[..end].rfind(' ').filter(|at| *at > end / 2).unwrap_or(end);
    let cut = text[..whole]
        .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '—' | '–' | '-' | '\u{200d}'));
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_xml_cannot_carry_is_dropped_and_joiners_stay() {
        assert_eq!(clean("a\u{0}\u{b}\u{1d}b\u{ffff}c\u{85}d\u{feff}\r\ne\u{fdd0}"), "abcd\ne");
        assert_eq!(clean("می‌خواهم 👩\u{200d}🌾 क्षि"), "می‌خواهم 👩\u{200d}🌾 क्षि");
    }

    #[test]
    fn a_title_is_decoded_once_and_stripped() {
        let title = |html: &str| of(&Text::Html(html.to_owned())).expect("a title");
        assert_eq!(title("River &#038; <b>rain</b>&#8217;s"), "River & rain’s");
        assert_eq!(
            title("Ends with ]]&gt; and &lt;b&gt;tags&lt;/b&gt; &amp;amp;"),
            "Ends with ]]> and <b>tags</b> &amp;"
        );
        assert_eq!(title("One<br>two<script>alert(1)</script>"), "One two");
    }

    #[test]
    fn tags_that_were_escaped_once_too_often_go_and_other_brackets_stay() {
        assert_eq!(without_tags("Ends with <b>tags</b> & <I class='x'>more</I>"), "Ends with tags & more");
        assert_eq!(without_tags("1 < 2 > 0, <-- and <3"), "1 < 2 > 0, <-- and <3");
    }

    #[test]
    fn what_a_cms_adds_to_an_excerpt_goes() {
        assert_eq!(without_more_link("It rained. […]"), ("It rained.…".to_owned(), true));
        assert_eq!(without_more_link("It rained … Continue reading Rain in Lahore"), ("It rained …".to_owned(), true));
        assert_eq!(without_more_link("Read more books, she said"), ("Read more books, she said".to_owned(), false));
    }

    #[test]
    fn a_cut_falls_between_words() {
        assert_eq!(shortened("one two three", 9), "one two…");
        assert_eq!(shortened("one two", 9), "one two");
    }

    proptest! {
        #[test]
        fn cleaned_text_is_carried_by_xml(text in "\\PC{0,40}|(?s).{0,40}") {
            let document = format!("<a>{}</a>", clean(&text).replace('&', "&amp;").replace('<', "&lt;"));
            prop_assert!(roxmltree::Document::parse(&document).is_ok());
        }

        #[test]
        fn shortening_never_exceeds_its_limit(text in "\\PC{0,60}", limit in 1usize..50) {
            prop_assert!(shortened(&text, limit).chars().count() <= limit + 1);
        }
    }
}
