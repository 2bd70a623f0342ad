//! The items of RSS 2.0.

use std::collections::HashSet;

use roxmltree::Node;

use super::atom_parts;
use super::dates::check_rfc2822;
use super::extensions::{CONTENT, DC};
use super::findings::Findings;
use super::html;
use super::url::{self, Letters};
use super::values::{check_count, check_mail_with_name, check_media_type, is_digits, shown};
use super::xml::{self, ATOM};

const ONCE: [&str; 8] = ["title", "link", "description", "author", "comments", "guid", "pubDate", "source"];

/// The guids of a document so far.
#[derive(Default)]
pub(super) struct Guids(HashSet<String>);

/// Checks an item.
pub(super) fn check(item: Node, guids: &mut Guids, findings: &mut Findings) {
    let has = |local| xml::child(item, None, local).is_some();
    let at = xml::at(item);
    xml::check_attributes(item, &[], findings);
    xml::check_once(item, None, &ONCE, findings);
    xml::check_once(item, Some(CONTENT), &["encoded"], findings);
    if !has("title") && !has("description") {
        findings.error(at, "missing-element", "<item> needs a <title> or a <description>");
    }
    if !has("guid") {
        findings.warning(at, "missing-guid", "the item should have a <guid>");
    }
    check_order(item, findings);
    let (has_author, has_date) = (has("author"), has("pubDate"));
    let mut enclosures = 0;
    for child in xml::elements(item) {
        match (child.tag_name().namespace(), child.tag_name().name()) {
            (None, "enclosure") => {
                enclosures += 1;
                if enclosures > 1 {
                    findings.warning(xml::at(child), "second-enclosure", "many readers know one enclosure for an item");
                }
                check_enclosure(child, findings);
            }
            (None, "guid") => check_guid(child, guids, findings),
            (None, local) => check_core(child, local, findings),
            (Some(CONTENT), "encoded") => {
                xml::check_no_elements(child, findings);
                html::check(xml::at(child), "<content:encoded>", &xml::text(child), findings);
            }
            (Some(ATOM), "link") => atom_parts::check_link(child, Letters::Uri, findings),
            (Some(DC), "creator") if has_author => {
                let message = "the item has both <author> and <dc:creator>: some readers show two authors";
                findings.warning(xml::at(child), "two-authors", message);
            }
            (Some(DC), "date") if has_date => {
                findings.warning(xml::at(child), "two-dates", "the item has both <pubDate> and <dc:date>");
            }
            _ => {}
        }
    }
}

/// Readers that know one of the two take the last: the full content must come last.
fn check_order(item: Node, findings: &mut Findings) {
    let Some(content) = xml::child(item, Some(CONTENT), "encoded") else {
        return;
    };
    match xml::child(item, None, "description") {
        None => {
            let message = "<content:encoded> should have a <description> before it";
            findings.warning(xml::at(content), "content-without-description", message);
        }
        Some(description) if xml::at(description) > xml::at(content) => {
            let message = "<content:encoded> should come after <description>";
            findings.warning(xml::at(content), "content-before-description", message);
        }
        Some(_) => {}
    }
}

fn check_core(node: Node, local: &str, findings: &mut Findings) {
    let at = xml::at(node);
    let value = xml::text(node);
    let attributes: &[&str] = match local {
        "category" => &["domain"],
        "source" => &["url"],
        _ => &[],
    };
    xml::check_attributes(node, attributes, findings);
    xml::check_no_elements(node, findings);
    match local {
        "title" => {
            if value.is_empty() {
                findings.warning(at, "blank", "the item's <title> is empty");
            }
            xml::check_plain(node, findings);
        }
        "link" | "comments" => {
            url::check_absolute(at, &format!("<{local}>"), &value, Letters::Uri, findings);
        }
        "description" => html::check(at, "<description>", &value, findings),
        "author" => check_mail_with_name(at, local, &value, findings),
        "category" => {
            if value.is_empty() {
                findings.warning(at, "blank", "<category> is empty");
            }
            xml::check_plain(node, findings);
        }
        "pubDate" => check_rfc2822(at, "<pubDate>", &value, findings),
        "source" => {
            xml::check_plain(node, findings);
            if let Some(address) = xml::required(node, "url", findings) {
                let at = xml::attribute_at(node, "url");
                url::check_absolute(at, "the url of <source>", address.trim(), Letters::Uri, findings);
            }
        }
        _ => unknown(node, findings),
    }
}

fn check_guid(guid: Node, guids: &mut Guids, findings: &mut Findings) {
    xml::check_attributes(guid, &["isPermaLink"], findings);
    xml::check_no_elements(guid, findings);
    let at = xml::at(guid);
    let value = xml::text(guid);
    let is_link = match guid.attribute("isPermaLink") {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => {
            let message = format!("isPermaLink must be true or false, not `{}`", shown(other));
            findings.error(xml::attribute_at(guid, "isPermaLink"), "invalid-value", message);
            false
        }
    };
    if value.is_empty() {
        findings.error(at, "blank", "<guid> is empty");
        return;
    }
    if is_link {
        check_permalink(at, &value, findings);
    } else if value.len() < 9 && is_digits(&value) {
        let message = format!("the guid `{value}` is just a number: other feeds have the same");
        findings.warning(at, "weak-guid", message);
    }
    if !guids.0.insert(value) {
        findings.error(at, "duplicate-guid", "an item before this one has the same <guid>");
    }
}

fn check_permalink(at: usize, value: &str, findings: &mut Findings) {
    match url::scheme(value).as_deref() {
        Some("tag" | "urn") | None => {
            let message = format!("the guid `{}` is no address: it needs isPermaLink=\"false\"", shown(value));
            findings.error(at, "guid-not-url", message);
        }
        Some(_) => url::check_identity(at, "<guid>", value, Letters::Uri, findings),
    }
}

fn check_enclosure(enclosure: Node, findings: &mut Findings) {
    xml::check_attributes(enclosure, &["url", "length", "type"], findings);
    if let Some(address) = xml::required(enclosure, "url", findings) {
        let at = xml::attribute_at(enclosure, "url");
        let what = "the url of <enclosure>";
        if url::check_absolute(at, what, address.trim(), Letters::Uri, findings) && !url::has_dotted_host(address) {
            let message = format!("{what} must be http or https with a full host, not `{}`", shown(address));
            findings.error(at, "invalid-url", message);
        }
    }
    if let Some(length) = xml::required(enclosure, "length", findings) {
        let at = xml::attribute_at(enclosure, "length");
        match length {
            "-1" => findings.error(at, "invalid-number", "an enclosure of unknown length has length=\"0\""),
            _ => check_count(at, "the length of <enclosure>", length, findings),
        }
    }
    if let Some(media_type) = xml::required(enclosure, "type", findings) {
        let at = xml::attribute_at(enclosure, "type");
        check_media_type(at, "the type of <enclosure>", media_type, findings);
    }
}

/// Tells of an element that RSS does not have.
pub(super) fn unknown(node: Node, findings: &mut Findings) {
    let parent = node.parent().map_or("", xml::name);
    let message = format!("<{}> does not exist in <{}>", shown(xml::name(node)), shown(parent));
    findings.error(xml::at(node), "unknown-element", message);
}
