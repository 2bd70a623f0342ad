//! The constructs of Atom 1.0 (RFC 4287, section 3 and 4.2): links, persons, text, categories.

use roxmltree::Node;

use super::findings::Findings;
use super::html;
use super::language::check_language;
use super::url::{self, Letters};
use super::values::{check_count, check_media_type, is_mail, shown};
use super::xml::{self, ATOM, XHTML, XML};

/// Relations that need no address of their own: IANA's registry, as far as feeds use it.
const RELATIONS: [&str; 36] = [
    "about",
    "alternate",
    "amphtml",
    "archives",
    "author",
    "canonical",
    "collection",
    "copyright",
    "current",
    "describedby",
    "edit",
    "edit-media",
    "enclosure",
    "first",
    "help",
    "hub",
    "icon",
    "last",
    "license",
    "next",
    "next-archive",
    "payment",
    "predecessor-version",
    "prev",
    "prev-archive",
    "preview",
    "previous",
    "related",
    "replies",
    "search",
    "self",
    "service",
    "shortlink",
    "up",
    "via",
    "webmention",
];

const LONGEST_BASE: usize = 2048;

/// Whether an element has an `atom:link` to the document itself.
pub(super) fn has_self_link(parent: Node) -> bool {
    xml::elements(parent).any(|child| xml::is(child, Some(ATOM), "link") && child.attribute("rel") == Some("self"))
}

/// A link's relation; without one it is `alternate` (section 4.2.7.2).
pub(super) fn relation<'a>(link: Node<'a, '_>) -> &'a str {
    let relation = link.attribute("rel").unwrap_or("alternate");
    relation.strip_prefix("http://www.iana.org/assignments/relation/").unwrap_or(relation)
}

/// Checks an `atom:link` (section 4.2.7), in Atom or in RSS.
pub(super) fn check_link(link: Node, letters: Letters, findings: &mut Findings) {
    xml::check_attributes(link, &["href", "rel", "type", "hreflang", "title", "length"], findings);
    let relation = relation(link);
    if let Some(href) = xml::required(link, "href", findings) {
        let at = xml::attribute_at(link, "href");
        let what = format!("the href of <{}>", shown(xml::name(link)));
        let address = resolved(link, href.trim());
        let sound = url::check_absolute(at, &what, &address, letters, findings);
        let is_ours = link.parent().is_some_and(|parent| matches!(parent.tag_name().name(), "feed" | "channel"));
        if sound && is_ours && relation == "self" {
            url::check_self(at, &address, findings);
        }
    }
    if !RELATIONS.contains(&relation) && url::scheme(relation).is_none() {
        let message = format!("`{}` is not a registered relation", shown(relation));
        findings.warning(xml::attribute_at(link, "rel"), "unregistered-relation", message);
    }
    if let Some(media_type) = link.attribute("type") {
        check_media_type(xml::attribute_at(link, "type"), "the type of a link", media_type, findings);
    }
    if let Some(language) = link.attribute("hreflang") {
        check_language(xml::attribute_at(link, "hreflang"), "the hreflang of a link", language, findings);
    }
    if let Some(length) = link.attribute("length") {
        check_count(xml::attribute_at(link, "length"), "the length of a link", length, findings);
    }
    if !xml::text(link).is_empty() {
        findings.warning(xml::at(link), "not-empty", "a link should have nothing in it");
    }
}

/// An address, with the nearest absolute `xml:base` before it if it is relative.
pub(super) fn resolved(node: Node, address: &str) -> String {
    if url::scheme(address).is_some() || address.is_empty() {
        return address.to_owned();
    }
    // Bases are relative to each other: the outermost comes first. One that is too long for an address
    // is none: joining it to every link of a document would take forever.
    let bases = node.ancestors().filter_map(|node| node.attribute((XML, "base")));
    let mut bases: Vec<&str> = bases.filter(|base| base.len() <= LONGEST_BASE).collect();
    bases.reverse();
    let base = bases.into_iter().fold(None, |outer: Option<::url::Url>, inner| match outer {
        Some(outer) => outer.join(inner).ok(),
        None => ::url::Url::parse(inner).ok(),
    });
    let resolved = base.and_then(|base| base.join(address).ok());
    resolved.map_or_else(|| address.to_owned(), String::from)
}

/// Checks the address in a text element, such as `atom:icon`.
pub(super) fn check_address(node: Node, findings: &mut Findings) {
    let what = format!("<{}>", shown(xml::name(node)));
    let address = resolved(node, &xml::text(node));
    url::check_absolute(xml::at(node), &what, &address, Letters::Iri, findings);
}

/// Checks an author or contributor (section 3.2).
pub(super) fn check_person(person: Node, findings: &mut Findings) {
    xml::check_attributes(person, &[], findings);
    xml::check_present(person, Some(ATOM), &["name"], findings);
    xml::check_once(person, Some(ATOM), &["name", "uri", "email"], findings);
    for child in xml::elements(person).filter(|child| child.tag_name().namespace() == Some(ATOM)) {
        let at = xml::at(child);
        let value = xml::text(child);
        xml::check_attributes(child, &[], findings);
        match child.tag_name().name() {
            "name" if value.is_empty() => findings.warning(at, "blank", "<name> is empty"),
            "name" => xml::check_plain(child, findings),
            "uri" => check_address(child, findings),
            "email" if !is_mail(&value) => {
                findings.error(at, "invalid-mail", format!("`{}` is not a mail address", shown(&value)));
            }
            "email" => {}
            _ => unknown(child, findings),
        }
    }
}

/// Checks a category (section 4.2.2).
pub(super) fn check_category(category: Node, findings: &mut Findings) {
    xml::check_attributes(category, &["term", "scheme", "label"], findings);
    if xml::required(category, "term", findings).is_some_and(|term| term.trim().is_empty()) {
        findings.warning(xml::attribute_at(category, "term"), "blank", "the term of <category> is empty");
    }
    if let Some(scheme) = category.attribute("scheme") {
        let at = xml::attribute_at(category, "scheme");
        url::check_absolute(at, "the scheme of <category>", scheme, Letters::Iri, findings);
    }
}

/// Checks a title, subtitle, summary or rights (section 3.1).
pub(super) fn check_text(node: Node, findings: &mut Findings) {
    xml::check_attributes(node, &["type"], findings);
    match node.attribute("type").unwrap_or("text") {
        "text" => {
            xml::check_no_elements(node, findings);
            xml::check_plain(node, findings);
        }
        "html" => {
            xml::check_no_elements(node, findings);
            check_html(node, &xml::text(node), findings);
        }
        "xhtml" => check_div(node, findings),
        other => {
            let message = format!("the type must be text, html or xhtml, not `{}`", shown(other));
            findings.error(xml::attribute_at(node, "type"), "invalid-value", message);
        }
    }
    let is_blank = xml::elements(node).next().is_none() && xml::text(node).is_empty();
    if is_blank && node.tag_name().name() == "title" {
        findings.warning(xml::at(node), "blank", "<title> is empty");
    }
}

/// Checks escaped HTML.
pub(super) fn check_html(node: Node, value: &str, findings: &mut Findings) {
    html::check(xml::at(node), &format!("<{}>", shown(xml::name(node))), value, findings);
}

/// Checks XHTML, which must be a single div (section 3.1.1.3).
pub(super) fn check_div(node: Node, findings: &mut Findings) {
    let mut children = xml::elements(node);
    let div = children.next().filter(|div| xml::is(*div, Some(XHTML), "div"));
    let Some(div) = div.filter(|_| children.next().is_none() && xml::text(node).is_empty()) else {
        let message = format!("<{}> of type xhtml must hold a single <div> of XHTML", shown(xml::name(node)));
        findings.error(xml::at(node), "missing-div", message);
        return;
    };
    for element in div.descendants().filter(|node| node.tag_name().namespace() == Some(XHTML)) {
        let attributes: Vec<(String, String)> = element
            .attributes()
            .filter(|attribute| attribute.namespace().is_none())
            .map(|attribute| {
                let is_address = matches!(attribute.name(), "href" | "src" | "poster" | "cite" | "data");
                let value = if is_address { resolved(element, attribute.value()) } else { attribute.value().into() };
                (attribute.name().to_ascii_lowercase(), value)
            })
            .collect();
        html::check_tag(element.tag_name().name(), &attributes, |rule, why| {
            findings.warning(xml::at(element), rule, format!("<{}>: {why}", shown(xml::name(node))));
        });
    }
}

/// Tells of an element that Atom does not have at this place.
pub(super) fn unknown(node: Node, findings: &mut Findings) {
    let parent = node.parent().map_or("", xml::name);
    let message = format!("<{}> may not stand in <{}>", shown(xml::name(node)), shown(parent));
    findings.error(xml::at(node), "unknown-element", message);
}
