//! Language tags, BCP 47 (RFC 5646).

use super::findings::Findings;
use super::values::shown;

/// The two-letter languages of ISO 639-1, old spellings too.
const ISO_639_1: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy \
    da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig \
    ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg \
    mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw \
    sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz \
    ve vi vo wa wo xh yi yo za zh zu";

/// Checks a language tag.
pub(super) fn check_language(at: usize, what: &str, value: &str, findings: &mut Findings) {
    if !is_tag(value) {
        let message = format!("{what} must be a language tag such as en or en-GB, not `{}`", shown(value));
        findings.error(at, "invalid-language", message);
    }
}

/// Whether a value is a well-formed tag (section 2.1) with a primary language that exists, as far as
/// that can be told from its letters.
fn is_tag(value: &str) -> bool {
    let tag = value.to_ascii_lowercase();
    let parts: Vec<&str> = tag.split('-').collect();
    if parts.iter().any(|part| !(1..=8).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return false;
    }
    let (primary, rest) = (parts[0], &parts[1..]);
    match primary.len() {
        1 => return matches!(primary, "x" | "i") && !rest.is_empty(),
        2 if !ISO_639_1.split(' ').any(|known| known == primary) => return false,
        2 | 3 if !is_alpha(primary) => return false,
        2 | 3 => {}
        // Longer primary languages are well formed, but none was ever registered.
        _ => return false,
    }
    // A grandfathered tag that does not fit the grammar.
    tag == "en-gb-oed" || tag.starts_with("sgn-be-") || tag.starts_with("sgn-ch-") || are_subtags(rest)
}

fn are_subtags(mut rest: &[&str]) -> bool {
    let mut take = |fits: fn(&str) -> bool, most: usize| {
        let count = rest.iter().take(most).take_while(|part| fits(part)).count();
        rest = &rest[count..];
    };
    take(|part| part.len() == 3 && is_alpha(part), 3);
    take(|part| part.len() == 4 && is_alpha(part), 1);
    take(|part| part.len() == 2 && is_alpha(part) || part.len() == 3 && is_number(part), 1);
    take(|part| part.len() >= 5 || part.len() == 4 && part.as_bytes()[0].is_ascii_digit(), usize::MAX);
    while let [singleton, tail @ ..] = rest
        && singleton.len() == 1
        && *singleton != "x"
    {
        let count = tail.iter().take_while(|part| part.len() >= 2).count();
        if count == 0 {
            return false;
        }
        rest = &tail[count..];
    }
    match rest {
        [] => true,
        ["x", private @ ..] => !private.is_empty(),
        _ => false,
    }
}

fn is_alpha(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}
