//! Addresses: absolute, of allowed characters, canonical; and self links.

use ::url::Url;

use super::Severity;
use super::findings::Findings;
use super::values::shown;

/// Which letters an address may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// A URI, RFC 3986: ASCII alone (RSS, JSON Feed).
    Uri,
    /// An IRI, RFC 3987 (Atom). Others are allowed, but many readers stumble over them.
    Iri,
}

/// Checks an address that must be absolute; says whether it is one.
pub(super) fn check_absolute(at: usize, what: &str, value: &str, letters: Letters, findings: &mut Findings) -> bool {
    if value.is_empty() {
        findings.error(at, "invalid-url", format!("{what} is empty"));
        return false;
    }
    let Some(scheme) = scheme(value) else {
        findings.error(at, "relative-url", format!("{what} must be an absolute URL, not `{}`", shown(value)));
        return false;
    };
    if let Some((severity, rule, why)) = wrong_letter(value, letters) {
        findings.add(at, severity, rule, format!("{what} {why}: `{}`", shown(value)));
        return severity == Severity::Warning;
    }
    if let Some(why) = wrong_form(&scheme, value) {
        findings.error(at, "invalid-url", format!("{what} {why}: `{}`", shown(value)));
        return false;
    }
    if let Some(why) = not_canonical(&scheme, value) {
        findings.warning(at, "non-canonical-url", format!("{what} {why}: `{}`", shown(value)));
    }
    true
}

/// Checks an identifier that happens to be an address: two spellings would be two things.
pub(super) fn check_identity(at: usize, what: &str, value: &str, letters: Letters, findings: &mut Findings) {
    if !check_absolute(at, what, value, letters, findings) {
        return;
    }
    let mut warn = |why| findings.warning(at, "non-canonical-url", format!("{what} {why}: `{}`", shown(value)));
    if value.split_once("://").is_some_and(|(_, rest)| !rest.contains('/')) {
        warn("lacks the slash after the host");
    }
    if value.split('%').skip(1).any(|escape| is_needless(escape.as_bytes())) {
        warn("has escapes in small letters, or ones that are not needed");
    }
}

/// Checks the address that a document gives as its own against the one that it was fetched from.
pub(super) fn check_self(at: usize, value: &str, findings: &mut Findings) {
    if let Some(fetched) = findings.context.url
        && without_fragment(fetched) != without_fragment(value)
    {
        let message = format!("the document calls itself `{}`, but is at `{}`", shown(value), shown(fetched));
        findings.warning(at, "self-mismatch", message);
    }
}

fn without_fragment(address: &str) -> &str {
    address.split('#').next().unwrap_or_default()
}

/// An address's scheme in lower case, if it has one.
pub(super) fn scheme(value: &str) -> Option<String> {
    let (scheme, _) = value.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

/// Whether an enclosure's address is http or https, with a host of more than one label.
pub(super) fn has_dotted_host(value: &str) -> bool {
    Url::parse(value).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        matches!(url.scheme(), "http" | "https") && host.trim_matches('.').contains('.')
    })
}

fn wrong_letter(value: &str, letters: Letters) -> Option<(Severity, &'static str, String)> {
    let host = value.split_once("//").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    let is_ipv6 = host.starts_with('[');
    let allowed = |c: char| c.is_ascii_alphanumeric() || ";/?:@&=+$.-_!~*'()%,#".contains(c);
    let wrong = value.chars().find(|&c| c.is_ascii() && !allowed(c) && !(is_ipv6 && "[]".contains(c)));
    if let Some(letter) = wrong {
        let letter = letter.escape_default();
        return Some((Severity::Error, "invalid-url", format!("may not have `{letter}` in it")));
    }
    let escapes = value.split('%').skip(1);
    if escapes
        .into_iter()
        .any(|tail| !tail.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)))
    {
        return Some((Severity::Error, "invalid-url", "has a `%` that is no escape".into()));
    }
    let severity = match letters {
        Letters::Uri => Severity::Error,
        Letters::Iri => Severity::Warning,
    };
    (!value.is_ascii()).then(|| (severity, "non-ascii-url", "should have its other letters escaped".into()))
}

fn wrong_form(scheme: &str, value: &str) -> Option<&'static str> {
    let rest = &value[scheme.len() + 1..];
    let sound = match scheme {
        "http" | "https" | "ftp" => {
            rest.strip_prefix("//").is_some_and(|host| !host.starts_with('/')) && Url::parse(value).is_ok()
        }
        "urn" => is_urn(rest),
        "tag" => is_tag(rest),
        _ => !rest.is_empty(),
    };
    (!sound).then_some("is not a sound address")
}

/// RFC 2141, and RFC 4122 for UUIDs.
fn is_urn(rest: &str) -> bool {
    let Some((space, name)) = rest.split_once(':') else {
        return false;
    };
    let is_space = (2..=32).contains(&space.len()) && space.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_uuid = || {
        let groups: Vec<&str> = name.split('-').take(6).collect();
        groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
            && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    is_space && !name.is_empty() && (!space.eq_ignore_ascii_case("uuid") || is_uuid())
}

/// RFC 4151: an authority, a date and whatever its owner likes.
fn is_tag(rest: &str) -> bool {
    let Some((entity, _)) = rest.split_once(':') else {
        return false;
    };
    let Some((authority, date)) = entity.split_once(',') else {
        return false;
    };
    let parts: Vec<&str> = date.split('-').take(4).collect();
    let widths = parts.iter().map(|part| part.len());
    let is_date = parts.len() <= 3
        && widths.zip([4, 2, 2]).all(|(width, right)| width == right)
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    !authority.is_empty() && is_date
}

/// How an address differs from its canonical form (RFC 3986, section 6.2.2 and 6.2.3).
fn not_canonical(scheme: &str, value: &str) -> Option<&'static str> {
    if !value.starts_with(scheme) {
        return Some("has capital letters in its scheme");
    }
    let rest = value[scheme.len()..].strip_prefix("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        "ftp" => ":21",
        _ => ":",
    };
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Some("has capital letters in its host")
    } else if host.ends_with(default_port) || host.ends_with(':') {
        Some("names the port that goes without saying")
    } else if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some("has `.` or `..` in its path")
    } else {
        None
    }
}

fn is_needless(escape: &[u8]) -> bool {
    let Some(&[high, low]) = escape.first_chunk::<2>() else {
        return false;
    };
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    let byte = value(high) * 16 + value(low);
    high.is_ascii_lowercase() || low.is_ascii_lowercase() || byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
