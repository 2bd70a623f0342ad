//! A light look at HTML in content: tags and their attributes, in one walk, without a tree.

use std::collections::HashSet;

use super::findings::Findings;
use super::url;
use super::values::shown;

/// Elements that readers throw out, or that make people distrust a feed.
const UNSAFE: [&str; 17] = [
    "applet", "base", "embed", "frame", "frameset", "head", "html", "body", "link", "meta", "object", "param",
    "script", "style", "title", "noembed", "isindex",
];
/// Attributes that hold one address.
const ADDRESSES: [&str; 10] =
    ["href", "src", "poster", "cite", "data", "action", "formaction", "background", "longdesc", "xlink:href"];
/// Elements whose text is not markup.
const RAW_TEXT: [&str; 5] = ["script", "style", "textarea", "title", "xmp"];
/// Elements that tell text from HTML: `<` before one of these is no accident.
const COMMON: [&str; 49] = [
    "a",
    "abbr",
    "article",
    "audio",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "figure",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "i",
    "iframe",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "script",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "td",
    "tr",
    "u",
    "ul",
    "video",
];

/// Whether a document starts as an HTML page does.
pub(super) fn is_page(start: &str) -> bool {
    let mut rest = start;
    loop {
        rest = rest.trim_start();
        let skipped = [("<!--", "-->"), ("<?", "?>")].into_iter().find_map(|(open, close)| {
            let inside = rest.strip_prefix(open)?;
            inside.find(close).map(|end| &inside[end + close.len()..])
        });
        match skipped {
            Some(after) => rest = after,
            None => break,
        }
    }
    ["<!doctype html", "<html"]
        .into_iter()
        .any(|open| rest.get(..open.len()).is_some_and(|start| start.eq_ignore_ascii_case(open)))
}

/// What makes a text look like HTML: the first tag or entity in it.
pub(super) fn markup(text: &str) -> Option<&str> {
    text.match_indices(['<', '&']).find_map(|(at, found)| {
        let rest = &text[at + 1..];
        let end = if found == "<" { tag_end(rest) } else { entity_end(rest) }?;
        text.get(at..at + 1 + end)
    })
}

fn tag_end(rest: &str) -> Option<usize> {
    let name = rest.strip_prefix('/').unwrap_or(rest);
    let length = name.find(|c: char| !c.is_ascii_alphanumeric())?;
    let follows = name[length..].starts_with(|c: char| c == '>' || c == '/' || c.is_ascii_whitespace());
    let known = COMMON.iter().any(|known| known.eq_ignore_ascii_case(&name[..length]));
    (known && follows).then_some(rest.len() - name.len() + length)
}

fn entity_end(rest: &str) -> Option<usize> {
    let name = rest.strip_prefix('#').unwrap_or(rest);
    let length = name.bytes().take(32).take_while(u8::is_ascii_alphanumeric).count();
    (length > 0 && name[length..].starts_with(';')).then_some(rest.len() - name.len() + length + 1)
}

/// Tells what readers and people will not like about the HTML of an item.
pub(super) fn check(at: usize, what: &str, html: &str, findings: &mut Findings) {
    let mut told = HashSet::new();
    for tag in Tags::of(html) {
        check_tag(&tag.name, &tag.attributes, |rule, why| {
            // The same mistake a hundred times over is one mistake.
            let message = format!("{what}: {why}");
            if told.insert(message.clone()) {
                findings.warning(at, rule, message);
            }
        });
    }
}

/// Tells what is wrong with one tag; XHTML content comes here too.
pub(super) fn check_tag(name: &str, attributes: &[(String, String)], mut warn: impl FnMut(&'static str, String)) {
    if name == "iframe" {
        warn("iframe", "an <iframe>, which many readers leave out".into());
    } else if UNSAFE.contains(&name) {
        warn("unsafe-element", format!("<{name}>, which readers leave out"));
    }
    for (attribute, value) in attributes {
        let attribute = attribute.as_str();
        if attribute.len() > 2 && attribute.starts_with("on") {
            warn("event-handler", format!("an event handler, {}", shown(attribute)));
        } else if attribute == "style" && is_dangerous_style(value) {
            warn("dangerous-style", format!("a style that readers leave out: `{}`", shown(value)));
        } else if attribute == "srcset" {
            let candidates = value.split(", ").filter_map(|candidate| candidate.split_ascii_whitespace().next());
            candidates.for_each(|address| check_reference(address, &mut warn));
        } else if ADDRESSES.contains(&attribute) {
            check_reference(value, &mut warn);
        }
    }
}

fn check_reference(value: &str, warn: &mut impl FnMut(&'static str, String)) {
    // Browsers skip these within an address, so `java&#10;script:` is no disguise.
    let address: String = decoded(value).chars().filter(|c| !c.is_control()).collect();
    let address = address.trim();
    match url::scheme(address).as_deref() {
        Some("javascript" | "vbscript") => {
            warn("javascript-url", format!("a script in an address: `{}`", shown(address)))
        }
        Some(_) => {}
        None => warn("relative-reference", format!("a relative reference, `{}`", shown(address))),
    }
}

/// The character references that matter in an address.
fn decoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut pieces = value.split('&');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let reference = entity_end(piece).map(|end| piece.split_at(end));
        match reference.and_then(|(name, rest)| Some((character(name.trim_end_matches(';'))?, rest))) {
            Some((character, rest)) => {
                text.push(character);
                text.push_str(rest);
            }
            None => {
                text.push('&');
                text.push_str(piece);
            }
        }
    }
    text
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "colon" => Some(':'),
        "Tab" => Some('\t'),
        "NewLine" => Some('\n'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

fn is_dangerous_style(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    ["url(", "expression(", "@import", "javascript:", "behavior", "-moz-binding", "position", "\\"]
        .iter()
        .any(|danger| style.contains(danger))
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// The start tags of a piece of HTML. Never looks back, so a hostile piece costs no more than its length.
struct Tags<'h> {
    rest: &'h str,
}

impl<'h> Tags<'h> {
    fn of(html: &'h str) -> Self {
        Tags { rest: html }
    }

    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.split_once(end).map_or("", |(_, after)| after);
    }

    fn attributes(&mut self) -> Vec<(String, String)> {
        let mut attributes = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if self.rest.is_empty() {
                return attributes;
            }
            if let Some(after) = self.rest.strip_prefix('>') {
                self.rest = after;
                return attributes;
            }
            let name_ends = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=');
            // A stray `=` at the start belongs to the name, as in the HTML standard, or we would stand still.
            let first = self.rest.chars().next().map_or(0, char::len_utf8);
            let length = self.rest[first..].find(name_ends).map_or(self.rest.len(), |length| first + length);
            let (name, after) = self.rest.split_at(length);
            self.rest = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let value = match self.rest.strip_prefix('=') {
                Some(after) => {
                    self.rest = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
                    self.value()
                }
                None => "",
            };
            attributes.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    fn value(&mut self) -> &'h str {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => self.rest[1..].split_once(quote).unwrap_or((&self.rest[1..], "")),
            None => {
                let end = self.rest.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(self.rest.len());
                self.rest.split_at(end)
            }
        };
        self.rest = after;
        value
    }

    fn skip_raw_text(&mut self, name: &str) {
        let mut at = 0;
        while let Some(found) = self.rest[at..].find("</") {
            at += found + 2;
            if self.rest[at..].get(..name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[at..];
                return;
            }
        }
        self.rest = "";
    }
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        loop {
            self.rest = self.rest.split_once('<')?.1;
            if let Some(inside) = self.rest.strip_prefix("!--") {
                self.rest = inside;
                self.skip_past("-->");
            } else if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let end = self.rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
                let (name, after) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                let name = name.to_ascii_lowercase();
                self.rest = after;
                let attributes = self.attributes();
                if RAW_TEXT.contains(&name.as_str()) {
                    self.skip_raw_text(&name);
                }
                return Some(Tag { name, attributes });
            }
        }
    }
}
