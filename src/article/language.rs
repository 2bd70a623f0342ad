//! Language tags.

/// Whether a text has the form of a BCP 47 language tag (RFC 5646 section 2.1).
pub fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let fine = |part: &str, least: usize| {
        (least..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    // Longer ones are reserved: `english` is no language.
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| fine(part, 1))
}

/// What is told of a text that should be one and is not.
pub fn not_a_tag(text: &str) -> String {
    format!("`{text}` is not a language tag such as en, ur or en-PK")
}

#[cfg(test)]
mod tests {
    use super::is_language_tag;

    #[test]
    fn a_tag_has_the_form_of_one() {
        assert!(is_language_tag("en") && is_language_tag("zh-Hant-TW") && is_language_tag("de-CH-1996"));
        assert!(!is_language_tag("") && !is_language_tag("e") && !is_language_tag("en_US") && !is_language_tag("en-"));
        assert!(!is_language_tag("english") && !is_language_tag("Urdu"));
    }
}
