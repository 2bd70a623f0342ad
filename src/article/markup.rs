//! How deeply markup is nested, told before a parser sees it.
//!
//! Tree builders take time that grows with the square of the depth, and have no limit of their own; no time-out interrupts a
//! busy loop. This scan is linear.

/// Elements that HTML closes by itself, or that have no inside: they add no depth worth counting.
const CLOSED_BY_HTML: &[&str] = &[
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p",
    "param", "source", "td", "th", "tr", "track", "wbr",
];

/// How deeply elements are nested at most in an XML document.
pub fn xml_depth(document: &[u8]) -> usize {
    depth(document, |_| true)
}

/// How deeply elements are nested at most in HTML, as near as a scan can tell.
pub fn html_depth(html: &str) -> usize {
    depth(html.as_bytes(), |name| !CLOSED_BY_HTML.iter().any(|closed| closed.as_bytes().eq_ignore_ascii_case(name)))
}

fn depth(markup: &[u8], counts: impl Fn(&[u8]) -> bool) -> usize {
    let (mut depth, mut deepest, mut at) = (0usize, 0usize, 0usize);
    // What is not closed once is not closed later: looking again and again would make the scan quadratic.
    let mut closes = [true; SKIPPED.len()];
    while let Some(start) = find(markup, at, b"<") {
        let rest = &markup[start..];
        if let Some(kind) = SKIPPED.iter().position(|(open, _)| rest.starts_with(open)) {
            let (open, close) = SKIPPED[kind];
            let inside = start + open.len();
            let end = if closes[kind] { find(markup, inside, close) } else { None };
            closes[kind] = end.is_some();
            // Unclosed: a parser may see it in another way, so go on right after it.
            at = end.map_or(inside, |end| end + close.len());
            continue;
        }
        let closing = rest.get(1) == Some(&b'/');
        let from = if closing { 2 } else { 1 };
        let name_len = rest[from.min(rest.len())..].iter().take_while(|byte| !b" \t\r\n/><".contains(byte)).count();
        let name = &rest[from.min(rest.len())..(from + name_len).min(rest.len())];
        at = start + from;
        if !name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80) {
            continue;
        }
        let (end, selfclosed) = tag_end(markup, start + from + name.len());
        at = end;
        if !counts(name) || selfclosed {
            continue;
        }
        if closing {
            depth = depth.saturating_sub(1);
        } else {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// What has no elements inside.
const SKIPPED: [(&[u8], &[u8]); 3] = [(b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")];

/// Where a tag ends, and whether it ends in `/>`. A quote that never closes ends with the first `>`.
fn tag_end(markup: &[u8], from: usize) -> (usize, bool) {
    let mut quote = None;
    let mut first = None;
    for (at, byte) in markup.iter().enumerate().skip(from) {
        match (quote, byte) {
            (None, b'>') => return (at + 1, markup[at - 1] == b'/'),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), b'>') if first.is_none() => first = Some(at + 1),
            _ => {}
        }
        // Attributes longer than this are not worth waiting for, and would make the scan quadratic.
        if first.is_some_and(|first| at > first + 65_536) {
            break;
        }
    }
    (first.unwrap_or(markup.len()), false)
}

fn find(haystack: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let rest = haystack.get(from..)?;
    rest.windows(needle.len()).position(|part| part == needle).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_and_siblings_are_not() {
        assert_eq!(xml_depth(b"<a><b/><b/><c><d x='>'></d></c></a>"), 3);
        assert_eq!(html_depth(&"<div>".repeat(600)), 600);
        assert_eq!(html_depth(&"<p>text<br><img src=x>".repeat(600)), 0);
    }

    #[test]
    fn a_thousand_comments_that_never_close_are_one_scan() {
        assert_eq!(html_depth(&"<!--<div>".repeat(400_000)), 400_000);
    }

    #[test]
    fn what_comments_and_cdata_hold_is_no_nesting() {
        assert_eq!(xml_depth(b"<a><!-- <b><c> --><![CDATA[<b><c>]]></a>"), 1);
        assert_eq!(xml_depth(b"<a>1 < 2 <"), 1);
    }
}
