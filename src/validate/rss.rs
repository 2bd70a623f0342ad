//! RSS 2.0 as the RSS Advisory Board specifies it, and its profile.

use roxmltree::Node;

use super::atom_parts;
use super::dates::check_rfc2822;
use super::findings::Findings;
use super::language::check_language;
use super::rss_item::{self, Guids, unknown};
use super::url::{self, Letters};
use super::values::{check_mail_with_name, check_positive, is_digits, shown};
use super::xml::{self, ATOM};

const REQUIRED: [&str; 3] = ["title", "link", "description"];
const ONCE: [&str; 17] = [
    "title",
    "link",
    "description",
    "language",
    "copyright",
    "managingEditor",
    "webMaster",
    "pubDate",
    "lastBuildDate",
    "generator",
    "docs",
    "cloud",
    "ttl",
    "image",
    "rating",
    "textInput",
    "skipHours",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Checks an RSS document; gives the number of its items.
pub(super) fn check(rss: Node, findings: &mut Findings) -> usize {
    xml::check_attributes(rss, &["version"], findings);
    check_version(rss, findings);
    xml::check_once(rss, None, &["channel"], findings);
    xml::check_present(rss, None, &["channel"], findings);
    let mut guids = Guids::default();
    let mut items = 0;
    for child in xml::elements(rss) {
        match (child.tag_name().namespace(), child.tag_name().name()) {
            (None, "channel") => items += check_channel(child, &mut guids, findings),
            (None, "item") => {
                findings.warning(xml::at(child), "misplaced-item", "the item stands outside the channel");
                rss_item::check(child, &mut guids, findings);
                items += 1;
            }
            (None, _) => unknown(child, findings),
            _ => {}
        }
    }
    items
}

fn check_version(rss: Node, findings: &mut Findings) {
    let Some(version) = xml::required(rss, "version", findings) else {
        return;
    };
    let at = xml::attribute_at(rss, "version");
    match version {
        "2.0" => {}
        "0.90" | "0.91" | "0.92" | "0.93" | "0.94" => {
            findings.warning(at, "old-version", format!("RSS {version} is old: use 2.0"));
        }
        _ => findings.error(at, "invalid-version", format!("there is no RSS `{}`: use 2.0", shown(version))),
    }
}

fn check_channel(channel: Node, guids: &mut Guids, findings: &mut Findings) -> usize {
    xml::check_attributes(channel, &[], findings);
    xml::check_present(channel, None, &REQUIRED, findings);
    xml::check_once(channel, None, &ONCE, findings);
    xml::check_once(channel, None, &["skipDays"], findings);
    if !atom_parts::has_self_link(channel) {
        let message = "the channel needs an <atom:link rel=\"self\"> with the feed's own address";
        findings.warning(xml::at(channel), "missing-self", message);
    }
    let mut items = 0;
    for child in xml::elements(channel) {
        match (child.tag_name().namespace(), child.tag_name().name()) {
            (None, "item") => {
                rss_item::check(child, guids, findings);
                items += 1;
            }
            (None, local) => {
                if items > 0 {
                    let message = format!("<{}> should come before the items", shown(local));
                    findings.warning(xml::at(child), "misplaced-metadata", message);
                }
                check_metadata(child, local, findings);
            }
            (Some(ATOM), "link") => atom_parts::check_link(child, Letters::Uri, findings),
            _ => {}
        }
    }
    items
}

fn check_metadata(node: Node, local: &str, findings: &mut Findings) {
    let at = xml::at(node);
    let value = xml::text(node);
    match local {
        "cloud" => return check_cloud(node, findings),
        "image" => return check_image(node, findings),
        "textInput" => return check_text_input(node, findings),
        "skipHours" | "skipDays" => return check_skips(node, findings),
        "category" => xml::check_attributes(node, &["domain"], findings),
        _ => xml::check_attributes(node, &[], findings),
    }
    xml::check_no_elements(node, findings);
    match local {
        "title" => {
            if value.is_empty() {
                findings.warning(at, "blank", "the channel's <title> is empty");
            }
            xml::check_plain(node, findings);
        }
        "description" | "copyright" | "category" => xml::check_plain(node, findings),
        "link" | "docs" => {
            url::check_absolute(at, &format!("<{local}>"), &value, Letters::Uri, findings);
        }
        "language" => check_language(at, "<language>", &value, findings),
        "managingEditor" | "webMaster" => check_mail_with_name(at, local, &value, findings),
        "pubDate" | "lastBuildDate" => check_rfc2822(at, &format!("<{local}>"), &value, findings),
        "ttl" => check_positive(at, "<ttl>", &value, findings),
        "generator" | "rating" => {}
        _ => unknown(node, findings),
    }
}

fn check_cloud(cloud: Node, findings: &mut Findings) {
    const ATTRIBUTES: [&str; 5] = ["domain", "port", "path", "registerProcedure", "protocol"];
    xml::check_attributes(cloud, &ATTRIBUTES, findings);
    for attribute in ATTRIBUTES {
        let value = xml::required(cloud, attribute, findings);
        if let (Some(value), "port") = (value, attribute) {
            check_positive(xml::attribute_at(cloud, "port"), "the port of <cloud>", value, findings);
        }
    }
}

fn check_image(image: Node, findings: &mut Findings) {
    xml::check_attributes(image, &[], findings);
    xml::check_present(image, None, &["url", "title", "link"], findings);
    xml::check_once(image, None, &["url", "title", "link", "width", "height", "description"], findings);
    for child in xml::elements(image) {
        let at = xml::at(child);
        let value = xml::text(child);
        match (child.tag_name().namespace(), child.tag_name().name()) {
            (None, local @ ("url" | "link")) => {
                let what = format!("the <{local}> of <image>");
                url::check_absolute(at, &what, &value, Letters::Uri, findings);
            }
            (None, "title" | "description") => xml::check_plain(child, findings),
            (None, "width") => check_size(at, "width", &value, 144, findings),
            (None, "height") => check_size(at, "height", &value, 400, findings),
            (None, _) => unknown(child, findings),
            _ => {}
        }
    }
    check_same(image, "title", findings);
    check_same(image, "link", findings);
}

/// The image's title and link should be the channel's (RSS Profile).
fn check_same(image: Node, local: &str, findings: &mut Findings) {
    let theirs = image.parent().and_then(|channel| xml::child(channel, None, local));
    if let (Some(ours), Some(theirs)) = (xml::child(image, None, local), theirs)
        && xml::text(ours) != xml::text(theirs)
    {
        let message = format!("the <{local}> of <image> should be the channel's <{local}>");
        findings.warning(xml::at(ours), "image-mismatch", message);
    }
}

fn check_size(at: usize, what: &str, value: &str, most: u32, findings: &mut Findings) {
    check_positive(at, &format!("the <{what}> of <image>"), value, findings);
    if is_digits(value) && value.parse::<u32>().is_ok_and(|size| size > most) || value.len() > 9 && is_digits(value) {
        findings.error(at, "invalid-number", format!("the <{what}> of <image> may be {most} at most"));
    }
}

fn check_text_input(input: Node, findings: &mut Findings) {
    findings.warning(xml::at(input), "deprecated", "<textInput> does nothing in most readers");
    xml::check_present(input, None, &["title", "description", "name", "link"], findings);
    xml::check_once(input, None, &["title", "description", "name", "link"], findings);
    if let Some(link) = xml::child(input, None, "link") {
        let what = "the <link> of <textInput>";
        url::check_absolute(xml::at(link), what, &xml::text(link), Letters::Uri, findings);
    }
}

fn check_skips(skips: Node, findings: &mut Findings) {
    xml::check_attributes(skips, &[], findings);
    let is_hours = skips.tag_name().name() == "skipHours";
    let inner = if is_hours { "hour" } else { "day" };
    let mut seen = Vec::new();
    for child in xml::elements(skips) {
        if !xml::is(child, None, inner) {
            unknown(child, findings);
            continue;
        }
        let value = xml::text(child);
        let sound = match is_hours {
            true => value.len() <= 2 && is_digits(&value) && value.parse::<u8>().is_ok_and(|hour| hour < 24),
            false => DAYS.contains(&value.as_str()),
        };
        if !sound {
            let allowed = if is_hours { "an hour from 0 to 23" } else { "a day from Monday to Sunday" };
            findings.error(
                xml::at(child),
                "invalid-value",
                format!("<{inner}> must be {allowed}, not `{}`", shown(&value)),
            );
        } else if seen.contains(&value) {
            findings.error(xml::at(child), "duplicate-element", format!("<{inner}> {value} comes twice"));
        } else {
            seen.push(value);
        }
    }
}
