//! Shortcodes that a WordPress left in its text because their plugin is gone: `[vc_row]`, `[gallery ids="1,2"]`.

/// Shortcodes that stand alone and need no attribute.
const KNOWN: &[&str] = &["gallery", "caption", "embed", "audio", "video", "playlist", "contact-form-7"];

/// The HTML without left-over shortcodes. What they enclose stays. An editor's `[sic]` is none: a shortcode has a quoted
/// attribute, a closing counterpart, or a known name.
pub(super) fn removed(html: &str) -> String {
    if !html.contains('[') {
        return html.to_owned();
    }
    let mut out = String::with_capacity(html.len());
    let (mut rest, mut verbatim) = (html, false);
    while let Some(at) = rest.find(['<', '[']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('<') {
            verbatim = if rest.starts_with("<pre") || rest.starts_with("<code") {
                true
            } else {
                verbatim && !rest.starts_with("</pre") && !rest.starts_with("</code")
            };
            let end = rest.find('>').map_or(rest.len(), |end| end + 1);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let len = shortcode(rest, html).filter(|_| !verbatim);
        out.push_str(if len.is_some() { "" } else { "[" });
        rest = &rest[len.unwrap_or(1)..];
    }
    out.push_str(rest);
    out
}

/// The length of the shortcode that `text` begins with.
fn shortcode(text: &str, whole: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?;
    let end = inside.bytes().take(500).position(|byte| matches!(byte, b']' | b'[' | b'<'))?;
    let inside = inside[..end].trim_end_matches('/');
    if text.as_bytes().get(end + 1) != Some(&b']') {
        return None;
    }
    let name = inside.trim_start_matches('/').split_whitespace().next()?;
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    let quoted = ["=\"", "='", "=“", "=”", "=″", "=&quot;"].iter().any(|sign| inside.contains(sign));
    // Bounded: the look for a counterpart costs a scan each, so only where the text is short of a weapon.
    let paired = || whole.len() < 1 << 20 && whole.contains(&format!("[/{name}]"));
    let is_one = plain && (quoted || KNOWN.contains(&name) || name.contains('_') || paired());
    is_one.then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::removed;

    #[test]
    fn shortcodes_go_and_brackets_of_people_stay() {
        assert_eq!(
            removed("<p>[caption id=\"x\"]cap[/caption] [gallery ids=\"1,2\"] text [vc_row]a[/vc_row]</p>"),
            "<p>cap  text a</p>"
        );
        assert_eq!(
            removed("<p>He said [sic] so [1] and [the mayor] [</p>"),
            "<p>He said [sic] so [1] and [the mayor] [</p>"
        );
        assert_eq!(removed("<pre>[gallery]</pre>"), "<pre>[gallery]</pre>");
    }
}
