//! Media RSS 1.5.1: the elements that newsrooms use.

use roxmltree::Node;

use super::findings::Findings;
use super::language::check_language;
use super::url::{self, Letters};
use super::values::{check_count, check_media_type, check_positive, shown};
use super::xml;

/// The namespace, final slash and all.
pub(super) const MEDIA: &str = "http://search.yahoo.com/mrss/";

const MEDIUMS: [&str; 5] = ["image", "audio", "video", "document", "executable"];
const EXPRESSIONS: [&str; 3] = ["sample", "full", "nonstop"];
const ELEMENTS: [&str; 33] = [
    "group",
    "content",
    "adult",
    "rating",
    "title",
    "description",
    "keywords",
    "thumbnail",
    "category",
    "hash",
    "player",
    "credit",
    "copyright",
    "text",
    "restriction",
    "community",
    "starRating",
    "statistics",
    "tags",
    "comments",
    "comment",
    "embed",
    "param",
    "responses",
    "response",
    "backLinks",
    "backLink",
    "status",
    "price",
    "license",
    "subTitle",
    "peerLink",
    "scenes",
];
/// The roles of the European Broadcasting Union that strict readers know; the specification's default scheme.
const ROLES: &[&str] = &[
    "actor",
    "adaptor",
    "anchor person",
    "animal trainer",
    "animator",
    "announcer",
    "armourer",
    "art director",
    "artist",
    "artist/performer",
    "assistant camera",
    "assistant chief lighting technician",
    "assistant director",
    "assistant producer",
    "assistant visual editor",
    "author",
    "broadcast assistant",
    "broadcast journalist",
    "camera operator",
    "carpenter",
    "casting",
    "causeur",
    "chief lighting technician",
    "choir",
    "choreographer",
    "clapper loader",
    "commentary or commentator",
    "commissioning broadcaster",
    "composer",
    "computer programmer",
    "conductor",
    "consultant",
    "continuity checker",
    "correspondent",
    "costume designer",
    "dancer",
    "dialogue coach",
    "director",
    "director of photography",
    "distribution company",
    "draughtsman",
    "dresser",
    "dubber",
    "editor",
    "editor/producer",
    "ensemble",
    "executive producer",
    "expert",
    "fight director",
    "floor manager",
    "focus puller",
    "foley artist",
    "foley editor",
    "foley mixer",
    "graphic assistant",
    "graphic designer",
    "greensman",
    "grip",
    "hairdresser",
    "illustrator",
    "interviewed guest",
    "interviewer",
    "key character",
    "key grip",
    "key talents",
    "leadman",
    "librettist",
    "lighting director",
    "lighting technician",
    "location manager",
    "lyricist",
    "make up artist",
    "manufacturer",
    "matte artist",
    "music arranger",
    "music group",
    "musician",
    "news reader",
    "orchestra",
    "participant",
    "performer",
    "photographer",
    "post",
    "producer",
    "production assistant",
    "production company",
    "production department",
    "production manager",
    "production secretary",
    "programme production researcher",
    "programme proposal",
    "property manager",
    "publishing company",
    "puppeteer",
    "pyrotechnician",
    "reporter",
    "rigger",
    "runner",
    "scenario",
    "scenic operative",
    "script supervisor",
    "second assistant camera",
    "second assistant director",
    "second unit director",
    "set designer",
    "set dresser",
    "sign language",
    "singer",
    "sound designer",
    "sound mixer",
    "sound recordist",
    "special effects",
    "stunts",
    "subtitles",
    "technical director",
    "term",
    "translation",
    "transportation manager",
    "treatment",
    "treatment proposal",
    "treatment/programme proposal",
    "vision mixer",
    "visual editor",
    "visual effects",
    "wardrobe",
    "witness",
];

/// Whether a namespace is this one with a slip: no slash, or https.
pub(super) fn is_misspelt(namespace: &str) -> bool {
    let bare = namespace.trim_end_matches('/').to_ascii_lowercase();
    matches!(bare.as_str(), "http://search.yahoo.com/mrss" | "https://search.yahoo.com/mrss")
}

/// Checks an element, if it is one of Media RSS.
pub(super) fn check(node: Node, findings: &mut Findings) {
    if node.tag_name().namespace() != Some(MEDIA) {
        return;
    }
    let local = node.tag_name().name();
    match local {
        "content" => check_content(node, findings),
        "thumbnail" | "player" if node.attribute("url").is_none() => {
            let message = format!("<media:{local}> needs the attribute `url`");
            findings.error(xml::at(node), "missing-attribute", message);
        }
        "credit" => check_credit(node, findings),
        "title" | "description" | "text" => check_one_of(node, "type", &["plain", "html"], findings),
        "restriction" if node.attribute("relationship").is_none() => {
            findings.error(
                xml::at(node),
                "missing-attribute",
                "<media:restriction> needs the attribute `relationship`",
            );
        }
        "restriction" => check_one_of(node, "relationship", &["allow", "deny"], findings),
        "adult" => findings.warning(xml::at(node), "deprecated", "<media:adult> is deprecated: use <media:rating>"),
        _ if !ELEMENTS.contains(&local) => {
            findings.error(xml::at(node), "unknown-element", format!("Media RSS has no <media:{}>", shown(local)));
        }
        _ => {}
    }
    check_shared(node, findings);
}

/// The attributes that mean the same wherever they stand.
fn check_shared(node: Node, findings: &mut Findings) {
    let local = node.tag_name().name();
    if !matches!(local, "content" | "thumbnail" | "player" | "copyright") {
        return;
    }
    if let Some(url) = node.attribute("url") {
        let at = xml::attribute_at(node, "url");
        url::check_absolute(at, &format!("the url of <media:{local}>"), url.trim(), Letters::Uri, findings);
    }
    for name in ["width", "height"] {
        if let Some(value) = node.attribute(name) {
            let at = xml::attribute_at(node, name);
            check_positive(at, &format!("the {name} of <media:{local}>"), value, findings);
        }
    }
}

fn check_content(node: Node, findings: &mut Findings) {
    if node.attribute("url").is_none() && !xml::elements(node).any(|child| xml::is(child, Some(MEDIA), "player")) {
        findings.error(xml::at(node), "missing-attribute", "<media:content> needs a `url`, or a <media:player> in it");
    }
    check_one_of(node, "medium", &MEDIUMS, findings);
    check_one_of(node, "expression", &EXPRESSIONS, findings);
    check_one_of(node, "isDefault", &["true", "false"], findings);
    if let Some(value) = node.attribute("type") {
        let at = xml::attribute_at(node, "type");
        check_media_type(at, "the type of <media:content>", value, findings);
    }
    if let Some(value) = node.attribute("fileSize") {
        let at = xml::attribute_at(node, "fileSize");
        check_positive(at, "the fileSize of <media:content>", value, findings);
    }
    if let Some(value) = node.attribute("channels") {
        check_count(xml::attribute_at(node, "channels"), "the channels of <media:content>", value, findings);
    }
    for name in ["bitrate", "framerate", "samplingrate", "duration"] {
        if let Some(value) = node.attribute(name).filter(|value| !is_decimal(value)) {
            let message = format!("the {name} of <media:content> must be a number, not `{}`", shown(value));
            findings.error(xml::attribute_at(node, name), "invalid-number", message);
        }
    }
    if let Some(language) = node.attribute("lang") {
        check_language(xml::attribute_at(node, "lang"), "the lang of <media:content>", language, findings);
    }
}

fn is_decimal(value: &str) -> bool {
    let mut parts = value.splitn(2, '.');
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn check_credit(node: Node, findings: &mut Findings) {
    let Some(role) = node.attribute("role") else { return };
    let default_scheme = node.attribute("scheme").is_none_or(|scheme| scheme == "urn:ebu");
    if default_scheme && !ROLES.contains(&role) || role.chars().any(char::is_uppercase) {
        let message = format!("`{}` is not a role of the European Broadcasting Union", shown(role));
        findings.error(xml::attribute_at(node, "role"), "invalid-role", message);
    }
}

fn check_one_of(node: Node, name: &str, allowed: &[&str], findings: &mut Findings) {
    if let Some(value) = node.attribute(name).filter(|value| !allowed.contains(value)) {
        let (element, choice) = (node.tag_name().name(), allowed.join(", "));
        let message = format!("the {name} of <media:{element}> must be one of {choice}, not `{}`", shown(value));
        findings.error(xml::attribute_at(node, name), "invalid-value", message);
    }
}
