//! Plain text in XML whose `&` and `<` are written as `&#x26;` and `&#x3C;`.
//!
//! The RSS profile wants them so in plain text, because readers differ on `&lt;` there, and validators take an entity in an
//! Atom title for forgotten HTML. The crates would escape a reference once more, so pairs of noncharacters, which no text
//! holds, stand for them until the document is written. A pair has as many bytes as a reference, and is replaced in place.

const AMPERSAND: &str = "\u{fdd0}\u{fdd0}";
const LESS_THAN: &str = "\u{fdd1}\u{fdd1}";

/// The text as it goes to a writing crate.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    push_plain(&mut out, text);
    out
}

/// The same, behind what is there.
pub(super) fn push_plain(out: &mut String, text: &str) {
    let special = |text: &[u8]| memchr::memchr2(b'&', b'<', text);
    super::push_replacing(out, text, special, |byte| if byte == b'&' { AMPERSAND } else { LESS_THAN });
}

/// Puts the references into the written document.
pub(super) fn put_references(document: &mut [u8]) {
    let mut from = 0;
    // The byte that pairs begin with is rare, so that nearly nothing is looked at twice.
    while let Some(at) = memchr::memchr(AMPERSAND.as_bytes()[0], &document[from..]) {
        let start = from + at;
        from = start + 1;
        let Some(pair) = document.get_mut(start..start + AMPERSAND.len()) else { return };
        if pair == AMPERSAND.as_bytes() {
            pair.copy_from_slice(b"&#x26;");
        } else if pair == LESS_THAN.as_bytes() {
            pair.copy_from_slice(b"&#x3C;");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_out_whatever_stands_beside_them() {
        let mut text = plain("a & b < c \u{f8ff}\u{ff01}\u{fdcf}&&").into_bytes();
        put_references(&mut text);
        let written = String::from_utf8(text).expect("text");
        assert_eq!(written, "a &#x26; b &#x3C; c \u{f8ff}\u{ff01}\u{fdcf}&#x26;&#x26;");
    }
}
