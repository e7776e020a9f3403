//! XML to a flat tree of elements: the only user of the XML crate.
//!
//! Elements stand in one list in document order, so whatever walks a file is a loop and no
//! nesting, however deep, can exhaust the stack. Comments, processing instructions and white
//! space between elements are gone; DTDs are refused, and with them entities of one's own.
//! What an element means is not known here.

use std::collections::BTreeMap;
use std::ops::Range;

/// The largest file that is read: what one gRPC message to a Zeebe gateway may hold.
pub(crate) const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The deepest nesting of elements: far beyond what anybody draws, and a bound on the work that
/// one path from the root can cause.
pub(crate) const DEPTH_MAX: usize = 256;

/// A file's elements.
pub(crate) struct Document {
    elements: Vec<Raw>,
    /// Namespace by prefix, wherever in the file it is declared; the default one under "".
    prefixes: BTreeMap<String, String>,
}

/// Namespaces that mean something to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Namespace {
    None,
    Bpmn,
    BpmnDi,
    Di,
    Dc,
    Zeebe,
    Xsi,
    Other(String),
}

impl Namespace {
    pub(crate) fn of(uri: Option<&str>) -> Self {
        match uri {
            None | Some("") => Self::None,
            Some("http://www.omg.org/spec/BPMN/20100524/MODEL") => Self::Bpmn,
            Some("http://www.omg.org/spec/BPMN/20100524/DI") => Self::BpmnDi,
            Some("http://www.omg.org/spec/DD/20100524/DI") => Self::Di,
            Some("http://www.omg.org/spec/DD/20100524/DC") => Self::Dc,
            Some("http://camunda.org/schema/zeebe/1.0") => Self::Zeebe,
            Some("http://www.w3.org/2001/XMLSchema-instance") => Self::Xsi,
            Some(other) => Self::Other(other.to_owned()),
        }
    }

    pub(crate) fn uri(&self) -> &str {
        match self {
            Self::None => "",
            Self::Bpmn => "http://www.omg.org/spec/BPMN/20100524/MODEL",
            Self::BpmnDi => "http://www.omg.org/spec/BPMN/20100524/DI",
            Self::Di => "http://www.omg.org/spec/DD/20100524/DI",
            Self::Dc => "http://www.omg.org/spec/DD/20100524/DC",
            Self::Zeebe => "http://camunda.org/schema/zeebe/1.0",
            Self::Xsi => "http://www.w3.org/2001/XMLSchema-instance",
            Self::Other(uri) => uri,
        }
    }
}

struct Raw {
    namespace: Namespace,
    name: String,
    qualified_name: String,
    attributes: Vec<Attribute>,
    text: String,
    /// Where all that stands in it is in the file's text.
    inner: Range<usize>,
    parent: Option<usize>,
    children: Vec<usize>,
    /// One past the last descendant in document order.
    end: usize,
    line: u32,
    end_line: u32,
}

/// An attribute.
pub(crate) struct Attribute {
    pub(crate) namespace: Namespace,
    pub(crate) name: String,
    pub(crate) qualified_name: String,
    pub(crate) value: String,
    /// Where the value stands in the file's text, between its quotes.
    pub(crate) range: Range<usize>,
}

/// A file that is no XML, or none that we read.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) line: u32,
}

impl Document {
    /// Reads a file in UTF-8, or in UTF-16 with its byte order mark.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > BYTES_MAX {
            let message = format!(
                "the file has {} bytes, and at most {BYTES_MAX} are read",
                bytes.len()
            );
            return Err(Fault { message, line: 1 });
        }
        let text = decode(bytes)?;
        let text = text.as_str();
        let lines = Lines::new(text);
        let parsed = roxmltree::Document::parse(text).map_err(|error| fault(&error, text))?;
        let mut document = Self {
            elements: Vec::new(),
            prefixes: BTreeMap::new(),
        };
        document.fill(&parsed, text, &lines)?;
        Ok(document)
    }

    fn fill(
        &mut self,
        parsed: &roxmltree::Document<'_>,
        text: &str,
        lines: &Lines,
    ) -> Result<(), Fault> {
        // The elements whose end is not reached yet, outermost first.
        let mut open: Vec<(roxmltree::NodeId, usize)> = Vec::new();
        for node in parsed.descendants().filter(roxmltree::Node::is_element) {
            let parent = node.parent_element().map(|parent| parent.id());
            while open.last().is_some_and(|(id, _)| Some(*id) != parent) {
                self.close(&mut open);
            }
            let line = lines.at(start_tag_end(node));
            if open.len() == DEPTH_MAX {
                let message = format!("elements are nested deeper than {DEPTH_MAX} levels");
                return Err(Fault { message, line });
            }
            let index = self.elements.len();
            let parent = open.last().map(|(_, index)| *index);
            if let Some(parent) = parent {
                self.elements[parent].children.push(index);
            }
            open.push((node.id(), index));
            for namespace in node.namespaces() {
                let prefix = namespace.name().unwrap_or("");
                if !self.prefixes.contains_key(prefix) {
                    let uri = namespace.uri().to_owned();
                    self.prefixes.insert(prefix.to_owned(), uri);
                }
            }
            self.elements.push(Raw {
                namespace: Namespace::of(node.tag_name().namespace()),
                name: node.tag_name().name().to_owned(),
                qualified_name: qualified_name(node, text).to_owned(),
                attributes: node.attributes().map(|a| attribute(&a, text)).collect(),
                text: (node.children())
                    .filter(roxmltree::Node::is_text)
                    .filter_map(|child| child.text())
                    .collect(),
                inner: inner(node),
                parent,
                children: Vec::new(),
                end: index + 1,
                line,
                end_line: lines.at(node.range().end),
            });
        }
        while !open.is_empty() {
            self.close(&mut open);
        }
        Ok(())
    }

    fn close(&mut self, open: &mut Vec<(roxmltree::NodeId, usize)>) {
        if let Some((_, index)) = open.pop() {
            self.elements[index].end = self.elements.len();
        }
    }

    /// The root element; XML has exactly one.
    pub(crate) fn root(&self) -> Node<'_> {
        self.node(0)
    }

    pub(crate) fn node(&self, index: usize) -> Node<'_> {
        Node {
            document: self,
            index,
        }
    }

    /// All elements in document order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.elements.len()).map(|index| self.node(index))
    }

    /// The namespace that a prefix stands for; `""` asks for the default one.
    pub(crate) fn namespace_of_prefix(&self, prefix: &str) -> Option<Namespace> {
        self.prefixes
            .get(prefix)
            .map(|uri| Namespace::of(Some(uri)))
    }
}

/// An element of a document.
#[derive(Clone, Copy)]
pub(crate) struct Node<'d> {
    document: &'d Document,
    index: usize,
}

impl PartialEq for Node<'_> {
    /// Within one document.
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl<'d> Node<'d> {
    fn raw(self) -> &'d Raw {
        &self.document.elements[self.index]
    }

    /// Its place in document order.
    pub(crate) fn index(self) -> usize {
        self.index
    }

    pub(crate) fn namespace(self) -> &'d Namespace {
        &self.raw().namespace
    }

    /// The name without its prefix.
    pub(crate) fn name(self) -> &'d str {
        &self.raw().name
    }

    /// The name as written, with its prefix.
    pub(crate) fn qualified_name(self) -> &'d str {
        &self.raw().qualified_name
    }

    pub(crate) fn attributes(self) -> &'d [Attribute] {
        &self.raw().attributes
    }

    /// The value of an attribute that has no prefix.
    pub(crate) fn attribute(self, name: &str) -> Option<&'d str> {
        (self.attributes().iter())
            .find(|attribute| attribute.namespace == Namespace::None && attribute.name == name)
            .map(|attribute| attribute.value.as_str())
    }

    /// The text that stands directly in it, as written.
    pub(crate) fn text(self) -> &'d str {
        &self.raw().text
    }

    /// Where all that stands in it is in the file's text.
    pub(crate) fn inner(self) -> Range<usize> {
        self.raw().inner.clone()
    }

    pub(crate) fn parent(self) -> Option<Self> {
        self.raw().parent.map(|index| self.document.node(index))
    }

    pub(crate) fn children(self) -> impl Iterator<Item = Self> {
        (self.raw().children.iter()).map(move |index| self.document.node(*index))
    }

    /// The elements below it, in document order.
    pub(crate) fn descendants(self) -> impl Iterator<Item = Self> {
        let range: Range<usize> = self.index + 1..self.end();
        range.map(move |index| self.document.node(index))
    }

    /// One past the index of its last descendant.
    pub(crate) fn end(self) -> usize {
        self.raw().end
    }

    /// The line on which its start tag ends, from 1.
    pub(crate) fn line(self) -> u32 {
        self.raw().line
    }

    /// The line on which it ends.
    pub(crate) fn end_line(self) -> u32 {
        self.raw().end_line
    }
}

/// The text of a file in UTF-8, or in UTF-16 with its byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, Fault> {
    let utf16 = |from_bytes: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let (units, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| from_bytes(*unit)).collect();
        rest.is_empty().then(|| String::from_utf16(&units).ok())?
    };
    let text = match bytes {
        [0xff, 0xfe, bytes @ ..] => utf16(u16::from_le_bytes, bytes),
        [0xfe, 0xff, bytes @ ..] => utf16(u16::from_be_bytes, bytes),
        [0xef, 0xbb, 0xbf, bytes @ ..] | bytes => match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.to_owned()),
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let breaks = before.iter().filter(|byte| **byte == b'\n').count();
                return Err(Fault {
                    message: fatal(
                        line_number(breaks),
                        "the text is not UTF-8; save the file as UTF-8",
                    ),
                    line: line_number(breaks),
                });
            }
        },
    };
    text.ok_or_else(|| Fault {
        message: fatal(1, "the text is not UTF-16; save the file as UTF-8"),
        line: 1,
    })
}

/// From the end of an element's start tag to the start of its end tag; empty where it has neither.
fn inner(node: roxmltree::Node<'_, '_>) -> Range<usize> {
    match (node.first_child(), node.last_child()) {
        (Some(first), Some(last)) => first.range().start..last.range().end,
        _ => node.range().end..node.range().end,
    }
}

/// Where the start tag of an element ends: before its first child, or with the element itself.
fn start_tag_end(node: roxmltree::Node<'_, '_>) -> usize {
    (node.first_child()).map_or(node.range().end, |child| child.range().start)
}

fn qualified_name<'t>(node: roxmltree::Node<'_, '_>, text: &'t str) -> &'t str {
    tag_name(&text[node.range().start..])
}

/// The name in the tag that `text` starts with.
fn tag_name(text: &str) -> &str {
    let tag = text.strip_prefix('<').unwrap_or(text);
    let end = tag.find(|c: char| c.is_whitespace() || c == '/' || c == '>');
    &tag[..end.unwrap_or(tag.len())]
}

fn attribute(attribute: &roxmltree::Attribute<'_, '_>, text: &str) -> Attribute {
    let written = text.get(attribute.range_qname());
    Attribute {
        namespace: Namespace::of(attribute.namespace()),
        name: attribute.name().to_owned(),
        qualified_name: written.unwrap_or(attribute.name()).to_owned(),
        value: attribute.value().to_owned(),
        range: attribute.range_value(),
    }
}

/// The places of the line breaks, for line numbers.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn at(&self, position: usize) -> u32 {
        line_number(self.0.partition_point(|line_break| *line_break < position))
    }
}

fn line_number(breaks_before: usize) -> u32 {
    u32::try_from(breaks_before).map_or(u32::MAX, |breaks| breaks.saturating_add(1))
}

fn fatal(line: u32, message: &str) -> String {
    format!("Fatal Error: URI=null Line={line}: {message}")
}

/// The text from the start of the tag on that `position` is in.
fn before(text: &str, position: roxmltree::TextPos) -> &str {
    let row = position.row.saturating_sub(1) as usize;
    let line_start =
        (text.match_indices('\n').nth(row.wrapping_sub(1))).map_or(0, |(at, _)| at + 1);
    let column = position.col.saturating_sub(1) as usize;
    let in_line = text[line_start..].char_indices().nth(column);
    let offset = in_line.map_or(text.len(), |(at, _)| line_start + at);
    text[..offset].rfind('<').map_or("", |start| &text[start..])
}

/// The parser's error in the words of the parser that Zeebe uses, where it has words for it.
fn fault(error: &roxmltree::Error, text: &str) -> Fault {
    use roxmltree::Error;
    let last_line = Lines::new(text).at(text.len());
    let (line, message) = match error {
        Error::NoRootNode if text.trim().is_empty() => (1, "Premature end of file.".to_owned()),
        Error::UnknownToken(position) if !text.trim_start().starts_with('<') => {
            (position.row, "Content is not allowed in prolog.".to_owned())
        }
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream => (
            last_line,
            "XML document structures must start and end within the same entity.".to_owned(),
        ),
        Error::DtdDetected => {
            let at = text.find("<!DOCTYPE").unwrap_or(0);
            let feature = "http://apache.org/xml/features/disallow-doctype-decl";
            let message =
                format!("DOCTYPE is disallowed when the feature \"{feature}\" set to true.");
            (Lines::new(text).at(at), message)
        }
        Error::UnexpectedCloseTag(expected, actual, position) => {
            let message = if actual.len() > expected.len() && actual.starts_with(expected) {
                format!(
                    "The end-tag for element type \"{expected}\" must end with a '>' delimiter."
                )
            } else {
                format!(
                    "The element type \"{expected}\" must be terminated by the matching end-tag \
                     \"</{expected}>\"."
                )
            };
            (position.row, message)
        }
        Error::DuplicatedAttribute(name, position) => {
            let element = tag_name(before(text, *position));
            let message =
                format!("Attribute \"{name}\" was already specified for element \"{element}\".");
            (position.row, message)
        }
        Error::UnknownNamespace(prefix, position) => {
            let tag = before(text, *position);
            let element = tag_name(tag);
            let message = if element.starts_with(&format!("{prefix}:")) {
                format!("The prefix \"{prefix}\" for element \"{element}\" is not bound.")
            } else {
                format!(
                    "The prefix \"{prefix}\" of an attribute of element \"{element}\" is not bound."
                )
            };
            (position.row, message)
        }
        Error::UnknownEntityReference(name, position) => {
            let message = format!("The entity \"{name}\" was referenced, but not declared.");
            (position.row, message)
        }
        other => (other.pos().row, other.to_string()),
    };
    Fault {
        message: fatal(line, &message),
        line,
    }
}
