//! What a client accepts (RFC 9110 section 12), and what it has already (section 13).

use actix_web::http::header::HttpDate;
use chrono::{DateTime, Utc};

use crate::document::{Coding, Document};

/// The outcome of a negotiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    /// The offer at this place.
    This(usize),
    /// None of them.
    None,
}

/// The offer that a client likes best by its `Accept`: by quality, then by how exactly it was named, then by our order.
/// Without the field, the first.
pub(super) fn preferred(accept: Option<&str>, offers: &[&str]) -> Accepted {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return Accepted::This(0);
    };
    let ranges: Vec<(&str, u32)> = weighted(accept).collect();
    let mut best: Option<(u32, usize, usize)> = None;
    for (place, offer) in offers.iter().enumerate() {
        let of_offer = ranges.iter().filter_map(|(range, quality)| Some((exactness(range, offer)?, *quality)));
        let Some((exactness, quality)) = of_offer.max_by_key(|(exactness, _)| *exactness) else {
            continue;
        };
        let better = best.is_none_or(|(q, exact, _)| (quality, exactness) > (q, exact));
        if quality > 0 && better {
            best = Some((quality, exactness, place));
        }
    }
    best.map_or(Accepted::None, |(_, _, place)| Accepted::This(place))
}

/// How exactly a media range names a media type: 1 for `*/*`, 2 for `text/*`, 3 for itself.
fn exactness(range: &str, offer: &str) -> Option<usize> {
    if range.eq_ignore_ascii_case(offer) {
        return Some(3);
    }
    let (kind, rest) = range.split_once('/')?;
    match (kind, rest) {
        ("*", "*") => Some(1),
        (kind, "*") => offer.split_once('/').filter(|(offered, _)| offered.eq_ignore_ascii_case(kind)).map(|_| 2),
        _ => None,
    }
}

/// The elements of a list with `q` parameters, in thousandths.
fn weighted(list: &str) -> impl Iterator<Item = (&str, u32)> {
    list.split(',').filter_map(|element| {
        let mut parts = element.split(';');
        let value = parts.next()?.trim();
        let quality = parts
            .filter_map(|parameter| parameter.trim().strip_prefix("q=").or_else(|| parameter.trim().strip_prefix("Q=")))
            .next_back()
            .map_or(1000, thousandths);
        (!value.is_empty()).then_some((value, quality))
    })
}

/// What is no number counts as 1, as if it had not been said.
fn thousandths(quality: &str) -> u32 {
    let quality: f32 = quality.trim().parse().unwrap_or(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let thousandths = (quality.clamp(0.0, 1.0) * 1000.0).round() as u32;
    thousandths
}

/// In which encoding a document goes to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As it is.
    Identity,
    /// The encoding at this place of [`Document::encoded`].
    Coded(usize),
    /// Whatever we have, the client forbids it.
    Unacceptable,
}

/// The encoding by `Accept-Encoding` (RFC 9110 section 12.5.3): the best quality, the smallest of equals.
pub(super) fn encoding(accept: Option<&str>, document: &Document) -> Encoding {
    let Some(accept) = accept else {
        return Encoding::Identity;
    };
    let mut codings = [None; 3];
    let (mut identity, mut any) = (None, None);
    for (name, quality) in weighted(accept) {
        let place = match name {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => Coding::Gzip as usize,
            name if name.eq_ignore_ascii_case("br") => Coding::Brotli as usize,
            name if name.eq_ignore_ascii_case("zstd") => Coding::Zstd as usize,
            name if name.eq_ignore_ascii_case("identity") => {
                identity = Some(quality);
                continue;
            }
            "*" => {
                any = Some(quality);
                continue;
            }
            _ => continue,
        };
        codings[place] = Some(quality);
    }
    let mut best = (0, Encoding::Unacceptable);
    for (place, (coding, _)) in document.encoded.iter().enumerate() {
        let quality = codings[*coding as usize].or(any).unwrap_or(0);
        if quality > best.0 {
            best = (quality, Encoding::Coded(place));
        }
    }
    // Identity is fine unless it is refused, but only a client that prefers it gets it in place of something smaller.
    let plain = identity.or(any.filter(|quality| *quality == 0)).unwrap_or(1);
    if plain > best.0 { Encoding::Identity } else { best.1 }
}

/// Whether a client has the document already. `If-None-Match` beats `If-Modified-Since` (RFC 9110 section 13.2.2); any
/// encoding's tag is as good as another's, and so is a weak one (section 13.1.2).
pub(super) fn has_it(if_none_match: Option<&str>, if_modified_since: Option<&str>, document: &Document) -> bool {
    if let Some(tags) = if_none_match {
        return tags.trim() == "*" || tags.split(',').any(|tag| is_tag_of(tag.trim(), &document.etag));
    }
    let since = if_modified_since.and_then(|since| since.trim().parse::<HttpDate>().ok());
    match (since, document.last_modified) {
        (Some(since), Some(modified)) => DateTime::<Utc>::from(std::time::SystemTime::from(since)) >= modified,
        _ => false,
    }
}

fn is_tag_of(tag: &str, etag: &str) -> bool {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let Some(tag) = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) else {
        return false;
    };
    match tag.strip_prefix(etag) {
        Some("") => true,
        Some(suffix) => [Coding::Brotli, Coding::Zstd, Coding::Gzip]
            .iter()
            .any(|coding| suffix.strip_prefix('-') == Some(coding.name())),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let bytes = |len: usize| bytes::Bytes::from(vec![b'x'; len]);
        Document {
            version: 1,
            etag: "abc".to_owned(),
            last_modified: DateTime::from_timestamp(1_800_000_000, 0),
            plain: bytes(9),
            encoded: vec![(Coding::Brotli, bytes(3)), (Coding::Zstd, bytes(4)), (Coding::Gzip, bytes(5))],
        }
    }

    #[test]
    fn a_client_gets_the_smallest_encoding_of_those_that_it_likes_best() {
        let of = |accept: &str| encoding(Some(accept), &document());
        assert_eq!(of("gzip, deflate, br, zstd"), Encoding::Coded(0));
        assert_eq!(of("gzip;q=1.0, br;q=0.5"), Encoding::Coded(2));
        assert_eq!(of("gzip"), Encoding::Coded(2));
        assert_eq!(of("*"), Encoding::Coded(0));
        assert_eq!(of("br;q=0, *"), Encoding::Coded(1));
        assert_eq!(of("gzip;q=0"), Encoding::Identity);
        assert_eq!(of("deflate"), Encoding::Identity);
        assert_eq!(of("identity, gzip;q=0.5"), Encoding::Identity);
        assert_eq!(of(""), Encoding::Identity);
        assert_eq!(of("identity;q=0"), Encoding::Unacceptable);
        assert_eq!(of("*;q=0"), Encoding::Unacceptable);
        assert_eq!(of("*;q=0, gzip"), Encoding::Coded(2));
        assert_eq!(encoding(None, &document()), Encoding::Identity);
    }

    #[test]
    fn any_tag_of_the_document_will_do() {
        for tags in ["\"abc\"", "W/\"abc\"", "\"abc-gzip\"", "\"x\", \"abc-br\"", "*"] {
            assert!(has_it(Some(tags), None, &document()), "{tags}");
        }
        for tags in ["\"abcd\"", "abc", "\"abc-lzma\"", ""] {
            assert!(!has_it(Some(tags), None, &document()), "{tags}");
        }
    }

    #[test]
    fn dates_count_as_dates_and_only_without_tags() {
        for since in ["Fri, 15 Jan 2027 08:00:00 GMT", "Friday, 15-Jan-27 08:00:00 GMT", "Fri Jan 15 08:00:01 2027"] {
            assert!(has_it(None, Some(since), &document()), "{since}");
        }
        assert!(!has_it(None, Some("Fri, 15 Jan 2027 07:59:59 GMT"), &document()));
        assert!(!has_it(None, Some("tomorrow"), &document()));
        assert!(!has_it(Some("\"other\""), Some("Fri, 15 Jan 2027 08:00:00 GMT"), &document()));
    }

    #[test]
    fn a_browser_prefers_a_page_and_a_program_what_it_names() {
        let offers = ["application/rss+xml", "application/json", "text/html"];
        let of = |accept: &str| preferred(Some(accept), &offers);
        assert_eq!(of("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Accepted::This(2));
        assert_eq!(of("application/json"), Accepted::This(1));
        assert_eq!(of("*/*"), Accepted::This(0));
        assert_eq!(of("application/*;q=0.5, text/html;q=0.4"), Accepted::This(0));
        assert_eq!(of("image/png"), Accepted::None);
        assert_eq!(of("application/rss+xml;q=0, */*;q=0.1"), Accepted::This(1));
        assert_eq!(preferred(None, &offers), Accepted::This(0));
    }
}
