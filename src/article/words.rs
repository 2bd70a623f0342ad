//! The words of a text, as searching sees them: one rule for the index and for deciding whom a change concerns.

use super::Article;

impl Article {
    /// The article's words, in lower case, a space between them.
    pub fn words(&self) -> String {
        words_of(&self.title, &self.html)
    }
}

/// The words of an article with this title and text.
pub fn words_of(title: &str, html: &str) -> String {
    let mut words = String::with_capacity(title.len() + html.len() / 2);
    push_words(&mut words, title);
    push_words(&mut words, &plain_text(html));
    words
}

/// The words of a text, in lower case, a space between them.
pub fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    push_words(&mut words, text);
    words
}

fn push_words(out: &mut String, text: &str) {
    for word in text.split(|c: char| !is_of_word(c)).filter(|word| word.chars().any(char::is_alphanumeric)) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase));
    }
}

/// Letters, digits, and what stands inside words: vowel signs and joiners of Urdu and Hindi, soft hyphens, apostrophes.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '\u{200c}' | '\u{200d}' | '\u{ad}' | '\'' | '’' | '\u{300}'..='\u{36f}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}')
}

/// The text of sanitised HTML, a space or a line break where an element begins or ends.
pub fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('<') {
            let end = rest.find('>').map_or(rest.len(), |end| end + 1);
            if !is_inline(&rest[..end]) {
                text.push(' ');
            }
            rest = &rest[end..];
        } else {
            let (c, len) = entity(rest);
            text.push(c);
            rest = &rest[len..];
        }
    }
    text.push_str(rest);
    text
}

/// Whether a tag stands inside words without parting them.
fn is_inline(tag: &str) -> bool {
    let name = tag.trim_start_matches(['<', '/']);
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "cite"
            | "code"
            | "em"
            | "i"
            | "mark"
            | "q"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "u"
            | "wbr"
    )
}

/// The few entities that a serialiser writes.
fn entity(text: &str) -> (char, usize) {
    for (name, c) in
        [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&nbsp;", '\u{a0}'), ("&#39;", '\'')]
    {
        if text.starts_with(name) {
            return (c, name.len());
        }
    }
    ('&', 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_people_would_search_for() {
        assert_eq!(words("North Korea’s “Troops” — 2,000"), "north koreas troops 2 000");
        assert_eq!(words("پاکستان میں بارش"), "پاکستان میں بارش");
    }

    #[test]
    fn markup_parts_words_only_where_a_reader_sees_a_gap() {
        assert_eq!(words(&plain_text("<p>one</p><p>t<b>w</b>o</p>a &amp; b<br>c")), "one two a b c");
    }
}
