//! Small values that several formats share: numbers, media types, addresses for mail, plain text.

use super::findings::Findings;

/// A value as it is quoted in a message: short, on one line.
pub(super) fn shown(value: &str) -> String {
    const LONGEST: usize = 80;
    let mut short: String = value.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// Checks a whole number that may be zero.
pub(super) fn check_count(at: usize, what: &str, value: &str, findings: &mut Findings) {
    if !is_digits(value) {
        let message = format!("{what} must be a whole number, 0 or more, not `{}`", shown(value));
        findings.error(at, "invalid-number", message);
    }
}

/// Checks a whole number above zero.
pub(super) fn check_positive(at: usize, what: &str, value: &str, findings: &mut Findings) {
    if !is_digits(value) || value.bytes().all(|digit| digit == b'0') {
        let message = format!("{what} must be a whole number above 0, not `{}`", shown(value));
        findings.error(at, "invalid-number", message);
    }
}

/// Whether a value is one or more ASCII digits.
pub(super) fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Checks a media type, RFC 2045, section 5.1.
pub(super) fn check_media_type(at: usize, what: &str, value: &str, findings: &mut Findings) {
    if !is_media_type(value) {
        findings.error(at, "invalid-media-type", format!("{what} must be a media type, not `{}`", shown(value)));
    }
}

/// Whether a value is `type/subtype`, with or without parameters.
pub(super) fn is_media_type(value: &str) -> bool {
    let mut parts = value.split(';');
    let essence = parts.next().unwrap_or_default().trim_end();
    let is_pair = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    is_pair
        && parts.all(|parameter| {
            parameter.trim().split_once('=').is_some_and(|(name, value)| {
                let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
                is_token(name) && (quoted || is_token(value))
            })
        })
}

fn is_token(value: &str) -> bool {
    let special = |byte: u8| b"()<>@,;:\\\"/[]?=".contains(&byte);
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && !special(byte))
}

/// Whether a value is a mail address: a local part and a host.
pub(super) fn is_mail(value: &str) -> bool {
    value.rsplit_once('@').is_some_and(|(local, host)| {
        let local_part = |c: char| !c.is_whitespace() && !c.is_control() && !"()<>,;:\\\"[]@".contains(c);
        let host_part = |c: char| c.is_alphanumeric() || c == '-';
        !local.is_empty()
            && local.chars().all(local_part)
            && host.split('.').all(|label| !label.is_empty() && label.chars().all(host_part))
    })
}

/// Checks RSS's way of writing a person: `mail@host (Name)`.
pub(super) fn check_mail_with_name(at: usize, what: &str, value: &str, findings: &mut Findings) {
    let value = value.strip_prefix("mailto:").unwrap_or(value);
    let (mail, name) = match value.split_once('(') {
        Some((mail, name)) => (mail.trim_end(), name.strip_suffix(')')),
        None => (value, None),
    };
    if !value.contains('@') {
        let message =
            format!("<{what}> must be a mail address, not a bare name: use dc:creator for `{}`", shown(value));
        findings.error(at, "invalid-mail", message);
    } else if name.is_none() {
        findings.warning(at, "mail-without-name", format!("<{what}> should be written as `mail@host (Name)`"));
    } else if !is_mail(mail) {
        findings.error(at, "invalid-mail", format!("`{}` is not a mail address", shown(mail)));
    }
}

/// The first character that is allowed, but is a mistake all the same: C1 controls, U+FFFD.
pub(super) fn bad_character(text: &str) -> Option<char> {
    text.chars().find(|c| matches!(c, '\u{80}'..='\u{9F}' | '\u{FFFD}'))
}

/// Tells of a character that is allowed, but is a mistake all the same.
pub(super) fn warn_of_bad_character(at: usize, character: char, findings: &mut Findings) {
    let message = format!("U+{:04X} shows as nothing or as a box: the text was decoded wrongly", u32::from(character));
    findings.warning(at, "bad-character", message);
}
