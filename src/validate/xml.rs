//! XML for every XML format: bounded parsing, and the few questions that the checks ask of a tree.

use roxmltree::{Document, Error, Node, ParsingOptions, TextPos};

use super::findings::Findings;
use super::html;
use super::values::shown;

/// Atom's namespace, RFC 4287, section 2.
pub(super) const ATOM: &str = "http://www.w3.org/2005/Atom";
/// The namespace of XHTML.
pub(super) const XHTML: &str = "http://www.w3.org/1999/xhtml";
/// The namespace of `xml:lang` and `xml:base`.
pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";

const DEEPEST: usize = 256;
const MOST_NODES: u32 = 2_000_000;
// The parser compares each attribute with its siblings, and copies the namespaces in scope to each
// element that declares one; without these limits a hostile document would cost its size squared.
const MOST_ATTRIBUTES: usize = 128;
const MOST_NAMESPACES_IN_SCOPE: usize = 64;
const LONGEST_NAMESPACE: usize = 512;
const MOST_DECLARATIONS: usize = 100_000;

/// The tree of a document, or a finding that says why there is none.
pub(super) fn tree<'t>(text: &'t str, findings: &mut Findings) -> Option<Document<'t>> {
    if let Some(Beyond { at, rule, message }) = beyond_bounds(text) {
        findings.error(at, rule, message);
        return None;
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    match Document::parse_with_options(text, options) {
        Ok(document) => Some(document),
        Err(error) => {
            let at = match error {
                Error::NoRootNode | Error::UnclosedRootNode | Error::UnexpectedEndOfStream => text.len(),
                _ => offset(text, error.pos()),
            };
            let (rule, message) = told(&error);
            findings.error(at, rule, message);
            None
        }
    }
}

fn told(error: &Error) -> (&'static str, String) {
    match error {
        Error::UnknownNamespace(prefix, _) => {
            ("undeclared-prefix", format!("the prefix `{}` is not declared", shown(prefix)))
        }
        Error::UnknownEntityReference(name, _) => {
            let name = shown(name);
            ("undefined-entity", format!("XML knows no `&{name};`: write the character itself, or its number"))
        }
        Error::NodesLimitReached => ("too-many-nodes", format!("more than {MOST_NODES} elements and texts")),
        Error::UnexpectedDeclaration(_) => {
            ("not-well-formed", "the XML declaration must be the very first thing in the document".into())
        }
        // The parser's sentence ends in " at 1:2"; the finding has its own line and column.
        other => {
            let sentence = other.to_string();
            let sentence = sentence.rsplit_once(" at ").map_or(sentence.as_str(), |(before, _)| before);
            ("not-well-formed", format!("not well-formed XML: {}", shown(sentence)))
        }
    }
}

/// The byte offset of a parser's row and column.
fn offset(text: &str, position: TextPos) -> usize {
    let row = usize::try_from(position.row).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(position.col).unwrap_or(1).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(row).map(str::len).sum();
    let line = text.get(start..).unwrap_or_default();
    start + line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset)
}

struct Beyond {
    at: usize,
    rule: &'static str,
    message: String,
}

/// Looks for what must not reach the parser: document types, and trees too deep or too wide.
///
/// A single walk over the tags; what is not well-formed is left for the parser to say.
fn beyond_bounds(text: &str) -> Option<Beyond> {
    let (mut at, mut declarations, mut in_scope) = (0, 0, 0);
    let mut open: Vec<usize> = Vec::new();
    while let Some(found) = text[at..].find('<') {
        at += found;
        let rest = &text[at..];
        let beyond = |rule, message| Some(Beyond { at, rule, message });
        if let Some(end) = skipped(rest) {
            at += end;
        } else if rest.starts_with("<!") {
            return beyond("dtd", "a document type declaration is refused: feeds have none".into());
        } else if rest.starts_with("</") {
            in_scope -= open.pop().unwrap_or(0);
            at += 2;
        } else {
            let tag = StartTag::read(rest);
            declarations += tag.declarations;
            if open.len() + 1 > DEEPEST {
                return beyond("too-deep", format!("elements are nested deeper than {DEEPEST} levels"));
            }
            if tag.attributes > MOST_ATTRIBUTES {
                return beyond("too-many-attributes", format!("an element has more than {MOST_ATTRIBUTES} attributes"));
            }
            if tag.longest_namespace > LONGEST_NAMESPACE {
                return beyond("too-long", format!("the name of a namespace is longer than {LONGEST_NAMESPACE} bytes"));
            }
            if in_scope + tag.declarations > MOST_NAMESPACES_IN_SCOPE || declarations > MOST_DECLARATIONS {
                return beyond("too-many-namespaces", "too many namespaces are declared".into());
            }
            if !tag.empty {
                open.push(tag.declarations);
                in_scope += tag.declarations;
            }
            at += tag.length;
        }
    }
    None
}

/// The length of a comment, CDATA section or processing instruction at the start of `rest`.
fn skipped(rest: &str) -> Option<usize> {
    [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")].into_iter().find_map(|(start, end)| {
        let inside = rest.strip_prefix(start)?;
        Some(inside.find(end).map_or(rest.len(), |length| start.len() + length + end.len()))
    })
}

#[derive(Default)]
struct StartTag {
    length: usize,
    attributes: usize,
    declarations: usize,
    longest_namespace: usize,
    empty: bool,
}

impl StartTag {
    fn read(rest: &str) -> StartTag {
        let bytes = rest.as_bytes();
        let mut tag = StartTag { length: bytes.len(), ..StartTag::default() };
        let mut quote = None;
        let mut declares = false;
        for (index, &byte) in bytes.iter().enumerate().skip(1) {
            match (quote, byte) {
                (Some((open, start)), _) if open == byte => {
                    if declares {
                        tag.longest_namespace = tag.longest_namespace.max(index - start);
                    }
                    (quote, declares) = (None, false);
                }
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some((byte, index)),
                (None, b'=') => tag.attributes += 1,
                (None, b' ' | b'\t' | b'\r' | b'\n') if bytes[index + 1..].starts_with(b"xmlns") => {
                    tag.declarations += 1;
                    declares = true;
                }
                (None, b'>') => {
                    tag.empty = bytes[index - 1] == b'/';
                    tag.length = index + 1;
                    break;
                }
                _ => {}
            }
        }
        tag
    }
}

/// Where an element starts.
pub(super) fn at(node: Node) -> usize {
    node.range().start
}

/// Where an attribute starts, or else its element.
pub(super) fn attribute_at(node: Node, name: &str) -> usize {
    node.attribute_node(name).map_or(at(node), |attribute| attribute.range().start)
}

/// An element's name as it is written, with its prefix.
pub(super) fn name<'t>(node: Node<'_, 't>) -> &'t str {
    let tag = &node.document().input_text()[node.range()];
    let tag = tag.strip_prefix('<').unwrap_or(tag);
    tag.split(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).next().unwrap_or_default()
}

/// An element's source, as it is written.
pub(super) fn source<'t>(node: Node<'_, 't>) -> &'t str {
    &node.document().input_text()[node.range()]
}

/// An element's own text, without white space around it.
pub(super) fn text(node: Node) -> String {
    let text: String = node.children().filter_map(|child| child.text().filter(|_| child.is_text())).collect();
    match text.trim() {
        trimmed if trimmed.len() == text.len() => text,
        trimmed => trimmed.to_owned(),
    }
}

/// The child elements.
pub(super) fn elements<'a, 't>(node: Node<'a, 't>) -> impl Iterator<Item = Node<'a, 't>> {
    node.children().filter(Node::is_element)
}

/// The first child element of that namespace and name.
pub(super) fn child<'a, 't>(node: Node<'a, 't>, namespace: Option<&str>, local: &str) -> Option<Node<'a, 't>> {
    elements(node).find(|child| is(*child, namespace, local))
}

/// Whether an element has that namespace and name.
pub(super) fn is(node: Node, namespace: Option<&str>, local: &str) -> bool {
    node.tag_name().namespace() == namespace && node.tag_name().name() == local
}

/// Tells of child elements that may stand only once, but come again.
pub(super) fn check_once(parent: Node, namespace: Option<&str>, once: &[&str], findings: &mut Findings) {
    let mut seen = Vec::with_capacity(once.len());
    for child in elements(parent).filter(|child| child.tag_name().namespace() == namespace) {
        let local = child.tag_name().name();
        if !once.contains(&local) {
            continue;
        }
        if seen.contains(&local) {
            let message = format!("<{}> has a second <{}>", shown(name(parent)), shown(name(child)));
            findings.error(at(child), "duplicate-element", message);
        } else {
            seen.push(local);
        }
    }
}

/// Tells of a required child element that is missing.
pub(super) fn check_present(parent: Node, namespace: Option<&str>, required: &[&str], findings: &mut Findings) {
    for local in required.iter().filter(|local| child(parent, namespace, local).is_none()) {
        findings.error(at(parent), "missing-element", format!("<{}> needs a <{local}>", shown(name(parent))));
    }
}

/// Tells of attributes without a namespace that the element does not have.
pub(super) fn check_attributes(node: Node, known: &[&str], findings: &mut Findings) {
    for attribute in node.attributes() {
        if attribute.namespace().is_none() && !known.contains(&attribute.name()) {
            let message = format!("<{}> has no attribute `{}`", shown(name(node)), shown(attribute.name()));
            findings.error(attribute.range().start, "unknown-attribute", message);
        }
    }
}

/// The value of a required attribute, or a finding that it is missing.
pub(super) fn required<'a>(node: Node<'a, '_>, attribute: &str, findings: &mut Findings) -> Option<&'a str> {
    let value = node.attribute(attribute);
    if value.is_none() {
        let message = format!("<{}> needs the attribute `{attribute}`", shown(name(node)));
        findings.error(at(node), "missing-attribute", message);
    }
    value
}

/// Tells of an element that must hold text alone, but has others in it.
pub(super) fn check_no_elements(node: Node, findings: &mut Findings) {
    if let Some(child) = elements(node).next() {
        let message = format!("<{}> may not have <{}> in it", shown(name(node)), shown(name(child)));
        findings.error(at(child), "unknown-element", message);
    }
}

/// Tells of HTML in an element that is plain text.
///
/// A `<` or `&` that is meant goes through as `&#x3C;` or `&#x26;` (RSS Profile, "Character Data"):
/// the readers that take plain text for HTML decode it once more, and find it there.
pub(super) fn check_plain(node: Node, findings: &mut Findings) {
    let value = text(node);
    let Some(markup) = html::markup(&value) else { return };
    let source = source(node);
    if ["&lt;", "&amp;", "<![CDATA["].iter().any(|escape| source.contains(escape)) {
        let message = format!("<{}> is plain text, but has HTML in it: `{}`", shown(name(node)), shown(markup));
        findings.warning(at(node), "html-in-text", message);
    }
}
