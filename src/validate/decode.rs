//! Bytes to text: byte order marks, declared encodings, and a clear word when it can't be done.

use std::borrow::Cow;

use super::findings::Findings;
use super::values::shown;

/// The text of a document, as far as it could be read.
pub(super) struct Decoded<'b> {
    pub(super) text: Cow<'b, str>,
    /// Whether that is all of it; otherwise a finding says why not.
    pub(super) whole: bool,
}

impl<'b> Decoded<'b> {
    fn whole(text: impl Into<Cow<'b, str>>) -> Self {
        Decoded { text: text.into(), whole: true }
    }

    fn refused(text: &'b str) -> Self {
        Decoded { text: text.into(), whole: false }
    }
}

/// Decodes a document: the byte order mark beats the charset of the content type, which beats the
/// XML declaration (RFC 7303, section 3).
pub(super) fn text<'b>(bytes: &'b [u8], content_type: Option<&str>, findings: &mut Findings) -> Decoded<'b> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return utf8(rest, findings);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return utf16(rest, u16::from_le_bytes, findings);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return utf16(rest, u16::from_be_bytes, findings);
    }
    let (served, declared) = (charset(content_type.unwrap_or_default()), declared_encoding(bytes));
    if let (Some(served), Some(declared)) = (&served, &declared)
        && served != declared
    {
        let (served, declared) = (shown(served), shown(declared));
        findings.warning(0, "encoding-mismatch", format!("served as {served}, but declared as {declared}"));
    }
    match served.or(declared).as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => utf8(bytes, findings),
        Some(name @ ("iso-8859-1" | "latin1")) => {
            obscure(name, findings);
            Decoded::whole(bytes.iter().map(|&byte| char::from(byte)).collect::<String>())
        }
        Some(name @ ("windows-1252" | "cp1252")) => {
            obscure(name, findings);
            Decoded::whole(bytes.iter().map(|&byte| windows_1252(byte)).collect::<String>())
        }
        Some(other) => {
            let message = format!("the encoding `{}` is not read: use UTF-8", shown(other));
            findings.error(0, "unknown-encoding", message);
            Decoded::refused("")
        }
    }
}

fn utf8<'b>(bytes: &'b [u8], findings: &mut Findings) -> Decoded<'b> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Decoded::whole(text),
        Err(error) => {
            let sound = &bytes[..error.valid_up_to()];
            findings.error(sound.len(), "bad-encoding", "these bytes are not UTF-8");
            Decoded::refused(std::str::from_utf8(sound).unwrap_or_default())
        }
    }
}

fn utf16<'b>(bytes: &'b [u8], unit: fn([u8; 2]) -> u16, findings: &mut Findings) -> Decoded<'b> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let decoded: Result<String, _> = char::decode_utf16(pairs.iter().map(|&pair| unit(pair))).collect();
    match decoded {
        Ok(text) if rest.is_empty() => {
            obscure("utf-16", findings);
            Decoded::whole(text)
        }
        _ => {
            findings.error(0, "bad-encoding", "these bytes are not UTF-16, as their byte order mark says");
            Decoded::refused("")
        }
    }
}

fn obscure(name: &str, findings: &mut Findings) {
    findings.warning(0, "obscure-encoding", format!("the encoding is {name}: some readers know only UTF-8"));
}

/// The charset parameter of a content type, in lower case.
fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then(|| value.to_ascii_lowercase())
    })
}

/// The encoding that the XML declaration names, in lower case.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    // The declaration is ASCII in every encoding that gets here, and short.
    let head = bytes.get(..bytes.len().min(256))?.strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(&head[..end]).ok()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0.to_ascii_lowercase())
}

/// Windows-1252 is ISO 8859-1, but for 32 places; five of those are unused and stay controls.
fn windows_1252(byte: u8) -> char {
    const PLACES: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => PLACES[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
