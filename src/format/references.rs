//! Plain text in XML whose `&` and `<` are written as `&#x26;` and `&#x3C;`.
//!
//! The RSS profile wants them so in plain text, because readers differ on `&lt;` there, and validators take an entity in an
//! Atom title for forgotten HTML. The crates would escape a reference once more, so noncharacters, which no text holds,
//! stand for them until the document is written.

const AMPERSAND: char = '\u{fdd0}';
const LESS_THAN: char = '\u{fdd1}';

/// The text as it goes to a writing crate.
pub(super) fn plain(text: &str) -> String {
    text.replace('&', AMPERSAND.encode_utf8(&mut [0; 4])).replace('<', LESS_THAN.encode_utf8(&mut [0; 4]))
}

/// The written document, with its references.
pub(super) fn with_references(document: Vec<u8>) -> Vec<u8> {
    // The two are written as 0xEF 0xB7 0x90 and 0xEF 0xB7 0x91. A search for one byte is the fastest there is.
    let mut out = Vec::with_capacity(document.len() + 256);
    let mut rest = document.as_slice();
    while let Some(at) = rest.iter().position(|byte| *byte == 0xef) {
        let reference: Option<&[u8]> = match rest.get(at + 1..at + 3) {
            Some([0xb7, 0x90]) => Some(b"&#x26;"),
            Some([0xb7, 0x91]) => Some(b"&#x3C;"),
            _ => None,
        };
        let (kept, used) = if reference.is_some() { (at, at + 3) } else { (at + 1, at + 1) };
        out.extend_from_slice(&rest[..kept]);
        out.extend_from_slice(reference.unwrap_or_default());
        rest = &rest[used..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_out_whatever_stands_beside_them() {
        let text = plain("a & b < c \u{f8ff}\u{ff01}&");
        let written = with_references(text.into_bytes());
        assert_eq!(String::from_utf8(written).expect("text"), "a &#x26; b &#x3C; c \u{f8ff}\u{ff01}&#x26;");
    }
}
