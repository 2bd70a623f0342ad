//! JSON Feed 1.1 (<https://www.jsonfeed.org/version/1.1/>), and 1 where it differs.

use std::borrow::Cow;
use std::collections::HashSet;

use super::Kind;
use super::dates::check_rfc3339;
use super::findings::Findings;
use super::html;
use super::json_tree::{self, Member, Node, Value};
use super::language::check_language;
use super::url::{self, Letters};
use super::values::{bad_character, check_media_type, shown, warn_of_bad_character};

const VERSION: &str = "https://jsonfeed.org/version/1.1";
const OLD_VERSION: &str = "https://jsonfeed.org/version/1";

/// The members of an object, and where it starts.
type Object<'n, 't> = (usize, &'n [Member<'t>]);

/// Checks a JSON document; gives its kind, if it is a feed, and the number of its items.
pub(super) fn check(text: &str, findings: &mut Findings) -> (Option<Kind>, usize) {
    let root = match json_tree::tree(text) {
        Ok(root) => root,
        Err(broken) => {
            findings.error(broken.at(), broken.rule(), broken.to_string());
            return (None, 0);
        }
    };
    let Value::Object(members) = &root.value else {
        return (None, 0);
    };
    if !members.iter().any(|member| matches!(&*member.key, "version" | "items")) {
        findings.error(root.at, "not-a-feed", "this JSON has neither `version` nor `items`: it is no JSON Feed");
        return (None, 0);
    }
    (Some(Kind::JsonFeed), check_feed((root.at, members), findings))
}

fn check_feed(feed: Object, findings: &mut Findings) -> usize {
    let (at, members) = feed;
    let is_old = check_version(feed, findings);
    check_required(feed, "the feed", &["version", "title", "items"], findings);
    if !members.iter().any(|member| member.key == "feed_url") {
        findings.warning(at, "missing-self", "the feed should have a `feed_url` with its own address");
    }
    check_keys(members, findings);
    let mut items = 0;
    for Member { at, key, node } in members {
        match &**key {
            "version" | "description" | "user_comment" => {
                string(key, node, findings);
            }
            "title" => check_title(key, node, findings),
            "home_page_url" | "next_url" | "icon" | "favicon" => {
                check_url(key, node, findings);
            }
            "feed_url" => {
                if let Some(address) = check_url(key, node, findings) {
                    url::check_self(node.at, address, findings);
                }
            }
            "author" => check_author_key(*at, node, is_old, findings),
            "authors" => check_each(key, node, findings, check_author),
            "language" => check_language_key(node, findings),
            "expired" => check_is(matches!(node.value, Value::Bool), key, node, "true or false", findings),
            "hubs" => check_each(key, node, findings, check_hub),
            "items" => items = check_items(node, is_old, findings),
            _ => unknown(*at, key, "the feed", findings),
        }
    }
    items
}

/// Checks the version; says whether it is 1.
fn check_version((_, members): Object, findings: &mut Findings) -> bool {
    let Some(member) = members.iter().find(|member| member.key == "version") else {
        return false;
    };
    let Value::String(version) = &member.node.value else {
        return false;
    };
    // The specification's own examples of version 1 had both spellings.
    let is_old = version.trim_end_matches('/') == OLD_VERSION;
    if is_old {
        findings.warning(member.node.at, "old-version", format!("JSON Feed 1 is old: use {VERSION}"));
    } else if version != VERSION {
        let message = format!("`version` must be {VERSION}, not `{}`", shown(version));
        findings.error(member.node.at, "invalid-version", message);
    }
    is_old
}

fn check_items(items: &Node, is_old: bool, findings: &mut Findings) -> usize {
    let Value::Array(nodes) = &items.value else {
        check_is(false, "items", items, "an array", findings);
        return 0;
    };
    let mut ids = HashSet::new();
    for node in nodes {
        match object("an item", node, findings) {
            Some(item) => check_item(item, is_old, &mut ids, findings),
            None => continue,
        }
    }
    nodes.len()
}

fn check_item<'n>(item: Object<'n, '_>, is_old: bool, ids: &mut HashSet<&'n str>, findings: &mut Findings) {
    let (at, members) = item;
    check_required(item, "an item", &["id"], findings);
    check_keys(members, findings);
    let has_content = |member: &Member| {
        matches!(&*member.key, "content_html" | "content_text") && !matches!(member.node.value, Value::Null)
    };
    if !members.iter().any(has_content) {
        findings.error(at, "missing-content", "an item needs `content_html` or `content_text`");
    }
    for Member { at, key, node } in members {
        match &**key {
            "id" => check_id(node, ids, findings),
            "url" | "external_url" | "image" | "banner_image" => {
                check_url(key, node, findings);
            }
            "title" => check_title(key, node, findings),
            "content_html" => {
                if let Some(content) = string(key, node, findings) {
                    html::check(node.at, "`content_html`", content, findings);
                }
            }
            "content_text" | "summary" => {
                string(key, node, findings);
            }
            "date_published" | "date_modified" => {
                if let Some(date) = string(key, node, findings) {
                    check_rfc3339(node.at, &format!("`{key}`"), date, findings);
                }
            }
            "author" => check_author_key(*at, node, is_old, findings),
            "authors" => check_each(key, node, findings, check_author),
            "tags" => check_each(key, node, findings, |tag, findings| {
                string("a tag", tag, findings);
            }),
            "language" => check_language_key(node, findings),
            "attachments" => check_each(key, node, findings, check_attachment),
            _ => unknown(*at, key, "an item", findings),
        }
    }
}

fn check_id<'n>(node: &'n Node, ids: &mut HashSet<&'n str>, findings: &mut Findings) {
    match &node.value {
        Value::String(id) if id.trim().is_empty() => findings.error(node.at, "blank", "the `id` is empty"),
        Value::String(id) => {
            if !ids.insert(id) {
                findings.error(node.at, "duplicate-id", "an item before this one has the same `id`");
            }
        }
        _ => findings.error(node.at, "id-not-string", "an `id` must be a string"),
    }
}

fn check_author_key(at: usize, node: &Node, is_old: bool, findings: &mut Findings) {
    if !is_old {
        findings.warning(at, "deprecated", "`author` is deprecated: use `authors`");
    }
    check_author(node, findings);
}

fn check_author(node: &Node, findings: &mut Findings) {
    let Some((at, members)) = object("an author", node, findings) else {
        return;
    };
    check_keys(members, findings);
    if !members.iter().any(|member| matches!(&*member.key, "name" | "url" | "avatar")) {
        findings.error(at, "missing-element", "an author needs a `name`, `url` or `avatar`");
    }
    for Member { at, key, node } in members {
        match &**key {
            "name" => {
                string(key, node, findings);
            }
            "url" | "avatar" => {
                check_url(key, node, findings);
            }
            _ => unknown(*at, key, "an author", findings),
        }
    }
}

fn check_hub(node: &Node, findings: &mut Findings) {
    let Some(hub) = object("a hub", node, findings) else {
        return;
    };
    check_required(hub, "a hub", &["type", "url"], findings);
    check_keys(hub.1, findings);
    for Member { at, key, node } in hub.1 {
        match &**key {
            "type" => {
                string(key, node, findings);
            }
            "url" => {
                check_url(key, node, findings);
            }
            _ => unknown(*at, key, "a hub", findings),
        }
    }
}

fn check_attachment(node: &Node, findings: &mut Findings) {
    let Some(attachment) = object("an attachment", node, findings) else {
        return;
    };
    check_required(attachment, "an attachment", &["url", "mime_type"], findings);
    check_keys(attachment.1, findings);
    for Member { at, key, node } in attachment.1 {
        match &**key {
            "url" => {
                check_url(key, node, findings);
            }
            "mime_type" => {
                if let Some(media_type) = string(key, node, findings) {
                    check_media_type(node.at, "`mime_type`", media_type, findings);
                }
            }
            "title" => check_title(key, node, findings),
            "size_in_bytes" | "duration_in_seconds" => {
                let is_amount = matches!(node.value, Value::Number(number) if number >= 0.0);
                check_is(is_amount, key, node, "a number, 0 or more", findings);
            }
            _ => unknown(*at, key, "an attachment", findings),
        }
    }
}

fn check_title(key: &str, node: &Node, findings: &mut Findings) {
    let Some(title) = string(key, node, findings) else {
        return;
    };
    if title.trim().is_empty() {
        findings.warning(node.at, "blank", "the `title` is empty");
    }
    // An entity may be meant: JSON has no other way to write one, and readers take the title as it is.
    if let Some(markup) = html::markup(title).filter(|markup| markup.starts_with('<')) {
        let message = format!("a `title` is plain text, but has HTML in it: `{}`", shown(markup));
        findings.warning(node.at, "html-in-text", message);
    }
}

fn check_language_key(node: &Node, findings: &mut Findings) {
    if let Some(language) = string("language", node, findings) {
        check_language(node.at, "`language`", language, findings);
    }
}

/// Checks an absolute address; gives it if it is one.
fn check_url<'n>(key: &str, node: &'n Node, findings: &mut Findings) -> Option<&'n str> {
    let address = string(key, node, findings)?;
    url::check_absolute(node.at, &format!("`{key}`"), address, Letters::Uri, findings).then_some(address)
}

/// A string, or a finding that it is none.
fn string<'n>(key: &str, node: &'n Node, findings: &mut Findings) -> Option<&'n str> {
    let Value::String(text) = &node.value else {
        check_is(false, key, node, "a string", findings);
        return None;
    };
    if let Some(character) = bad_character(text) {
        warn_of_bad_character(node.at, character, findings);
    }
    Some(text)
}

/// An object, or a finding that it is none.
fn object<'n, 't>(what: &str, node: &'n Node<'t>, findings: &mut Findings) -> Option<Object<'n, 't>> {
    let Value::Object(members) = &node.value else {
        findings.error(node.at, "wrong-type", format!("{what} must be an object"));
        return None;
    };
    Some((node.at, members))
}

fn check_each(key: &str, node: &Node, findings: &mut Findings, check: fn(&Node, &mut Findings)) {
    match &node.value {
        Value::Array(nodes) => nodes.iter().for_each(|node| check(node, findings)),
        _ => check_is(false, key, node, "an array", findings),
    }
}

fn check_is(is_so: bool, key: &str, node: &Node, expected: &str, findings: &mut Findings) {
    if !is_so {
        findings.error(node.at, "wrong-type", format!("`{key}` must be {expected}"));
    }
}

fn check_required((at, members): Object, what: &str, required: &[&str], findings: &mut Findings) {
    for key in required.iter().filter(|required| !members.iter().any(|member| member.key == **required)) {
        findings.error(at, "missing-element", format!("{what} needs `{key}`"));
    }
}

/// A key that comes twice: readers disagree which of the two counts (RFC 8259, section 4).
fn check_keys(members: &[Member], findings: &mut Findings) {
    let mut seen: HashSet<&Cow<str>> = HashSet::new();
    for member in members.iter().filter(|member| !seen.insert(&member.key)) {
        findings.error(member.at, "duplicate-element", format!("the key `{}` comes twice", shown(&member.key)));
    }
}

/// Extensions are allowed, if their names begin with an underscore.
fn unknown(at: usize, key: &str, place: &str, findings: &mut Findings) {
    if !key.starts_with('_') {
        let message = format!("{place} has no key `{}`; names of extensions begin with `_`", shown(key));
        findings.warning(at, "unknown-key", message);
    }
}
