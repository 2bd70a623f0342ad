//! What a document's elements have in common: namespaces, languages, stray characters.

use std::collections::HashSet;

use roxmltree::Node;

use super::dates::check_w3cdtf;
use super::findings::Findings;
use super::language::check_language;
use super::media;
use super::values::{bad_character, check_positive, shown, warn_of_bad_character};
use super::xml::{self, ATOM, XHTML, XML};

/// Dublin Core.
pub(super) const DC: &str = "http://purl.org/dc/elements/1.1/";
/// The content module of RSS 1.0.
pub(super) const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";
/// The syndication module of RSS 1.0.
const SYNDICATION: &str = "http://purl.org/rss/1.0/modules/syndication/";
const PERIODS: [&str; 5] = ["hourly", "daily", "weekly", "monthly", "yearly"];

/// The namespaces that strict readers know.
const KNOWN: &[&str] = &[
    ATOM,
    XHTML,
    XML,
    DC,
    CONTENT,
    media::MEDIA,
    "http://a9.com/-/spec/opensearch/1.1/",
    "http://a9.com/-/spec/opensearchrss/1.0/",
    "http://backend.userland.com/blogChannelModule",
    "http://backend.userland.com/creativeCommonsRssModule",
    "http://base.google.com/ns/1.0",
    "http://feedsync.org/2007/feedsync",
    "http://madskills.com/public/xml/rss/module/trackback/",
    "http://purl.org/dc/terms/",
    "http://purl.org/rss/1.0/modules/slash/",
    SYNDICATION,
    "http://purl.org/rss/1.0/modules/threading/",
    "http://purl.org/syndication/history/1.0",
    "http://purl.org/syndication/thread/1.0",
    "http://rssnamespace.org/feedburner/ext/1.0",
    "http://web.resource.org/cc/",
    "http://webns.net/mvcb/",
    "http://wellformedweb.org/CommentAPI/",
    "http://www.georss.org/georss",
    "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "http://www.microsoft.com/schemas/rss/core/2005",
    "http://www.opengis.net/gml",
    "http://www.w3.org/1998/Math/MathML",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://www.w3.org/1999/xlink",
    "http://www.w3.org/2000/01/rdf-schema#",
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "http://www.w3.org/2007/app",
    "http://xmlns.com/foaf/0.1/",
    "urn:atom-extension:indexing",
];

/// The elements of the small modules that feeds use; another name there is a slip of the pen.
const MODULES: [(&str, &[&str]); 5] = [
    (
        DC,
        &[
            "title",
            "creator",
            "subject",
            "description",
            "publisher",
            "contributor",
            "date",
            "type",
            "format",
            "identifier",
            "source",
            "language",
            "relation",
            "coverage",
            "rights",
        ],
    ),
    (CONTENT, &["encoded", "items", "item", "format", "encoding"]),
    ("http://purl.org/rss/1.0/modules/slash/", &["comments", "department", "section", "hit_parade"]),
    (SYNDICATION, &["updatePeriod", "updateFrequency", "updateBase"]),
    ("http://wellformedweb.org/CommentAPI/", &["comment", "commentRss", "commentRSS"]),
];

/// Checks what every element of a document must keep to.
pub(super) fn check_whole(root: Node, findings: &mut Findings) {
    let mut namespaces = HashSet::new();
    for namespace in root.namespaces() {
        check_namespace(xml::at(root), namespace.uri(), &mut namespaces, findings);
    }
    for node in root.descendants() {
        if let Some(character) = node.text().filter(|_| node.is_text()).and_then(bad_character) {
            let start = xml::at(node);
            let offset = node.document().input_text()[node.range()].find(character).unwrap_or(0);
            warn_of_bad_character(start + offset, character, findings);
        }
        if !node.is_element() {
            continue;
        }
        let at = xml::at(node);
        if let Some(namespace) = node.tag_name().namespace() {
            check_namespace(at, namespace, &mut namespaces, findings);
            check_module(node, namespace, findings);
        }
        for attribute in node.attributes() {
            if let Some(namespace) = attribute.namespace() {
                check_namespace(attribute.range().start, namespace, &mut namespaces, findings);
            }
            if let Some(character) = bad_character(attribute.value()) {
                warn_of_bad_character(attribute.range().start, character, findings);
            }
        }
        // RFC 4287, section 2: an empty xml:lang takes the language away.
        if let Some(language) = node.attribute((XML, "lang")).filter(|language| !language.is_empty()) {
            check_language(at, "xml:lang", language, findings);
        }
        media::check(node, findings);
    }
}

fn check_namespace<'t>(at: usize, namespace: &'t str, seen: &mut HashSet<&'t str>, findings: &mut Findings) {
    if namespace.is_empty() || KNOWN.contains(&namespace) || !seen.insert(namespace) {
        return;
    }
    if media::is_misspelt(namespace) {
        let message = format!("the namespace of Media RSS is {}, with its final slash", media::MEDIA);
        findings.error(at, "media-namespace", message);
    } else {
        let message = format!("the namespace {} is not one that readers know", shown(namespace));
        findings.warning(at, "unknown-namespace", message);
    }
}

fn check_module(node: Node, namespace: &str, findings: &mut Findings) {
    let module = MODULES.iter().find(|(known, _)| *known == namespace);
    if module.is_some_and(|(_, names)| !names.contains(&node.tag_name().name())) {
        let message = format!("<{}> does not exist in its namespace", shown(xml::name(node)));
        findings.error(xml::at(node), "unknown-element", message);
    }
    let at = xml::at(node);
    match (namespace, node.tag_name().name()) {
        (DC, "date") => check_w3cdtf(at, "<dc:date>", &xml::text(node), findings),
        (DC, "language") => check_language(at, "<dc:language>", &xml::text(node), findings),
        (SYNDICATION, "updateBase") => check_w3cdtf(at, "<sy:updateBase>", &xml::text(node), findings),
        (SYNDICATION, "updateFrequency") => {
            check_positive(at, "<sy:updateFrequency>", &xml::text(node), findings);
        }
        (SYNDICATION, "updatePeriod") if !PERIODS.contains(&xml::text(node).as_str()) => {
            let message = format!("<sy:updatePeriod> must be one of {}", PERIODS.join(", "));
            findings.error(at, "invalid-value", message);
        }
        _ => {}
    }
}
