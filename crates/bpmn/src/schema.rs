//! The BPMN 2.0 schema: which elements may stand where, with which attributes.
//!
//! Zeebe validates every file against the standard's XML schema before it looks at anything
//! else, and stops at the first fault; this does the same, in the words of its validator. What a
//! table of content models cannot say (facets of numbers, keys) the schema doesn't use either.

mod table;
mod values;

use std::collections::BTreeSet;

use crate::xml::{Attribute, Document, Fault, Namespace, Node};
use table::{Particle, Schema, Type};

/// Checks a file; `Err` is the first fault.
pub(crate) fn check(document: &Document) -> Result<(), Fault> {
    let mut validator = Validator {
        schema: Schema::bpmn20(),
        document,
        ids: BTreeSet::new(),
        references: Vec::new(),
    };
    validator.run()
}

struct Validator<'d> {
    schema: &'static Schema,
    document: &'d Document,
    ids: BTreeSet<&'d str>,
    /// References to ids, which may stand before what they name.
    references: Vec<&'d str>,
}

/// An element whose end is not reached yet.
struct Open<'d> {
    node: Node<'d>,
    content: Content,
}

/// What an element may hold.
enum Content {
    /// The children of a type, and how far they have come.
    Children {
        of: &'static Type,
        at: usize,
        count: usize,
    },
    /// A simple value.
    Value(&'static str),
    /// Anything; what is declared is checked.
    Any,
}

impl<'d> Validator<'d> {
    fn run(&mut self) -> Result<(), Fault> {
        let mut open: Vec<Open<'d>> = Vec::new();
        for node in self.document.nodes() {
            while let Some(last) = open.pop_if(|last| last.node.end() <= node.index()) {
                self.end(&last)?;
            }
            let content = match open.last_mut() {
                Some(parent) => self.child(parent, node)?,
                None => self.root(node)?,
            };
            let content = self.start(node, content)?;
            open.push(Open { node, content });
        }
        while let Some(last) = open.pop() {
            self.end(&last)?;
        }
        let dangling = self.references.iter().find(|id| !self.ids.contains(**id));
        match dangling {
            Some(id) => Err(fault(
                self.document.root().end_line(),
                format!("cvc-id.1: There is no ID/IDREF binding for IDREF '{id}'."),
            )),
            None => Ok(()),
        }
    }

    fn root(&self, node: Node<'d>) -> Result<Content, Fault> {
        self.declared(node).ok_or_else(|| {
            let name = node.qualified_name();
            let message = format!("cvc-elt.1.a: Cannot find the declaration of element '{name}'.");
            fault(node.line(), message)
        })
    }

    /// What an element of its name holds wherever anything may stand.
    fn declared(&self, node: Node<'_>) -> Option<Content> {
        let type_name = self.schema.element_type(&name(node))?;
        Some(self.content(type_name))
    }

    fn content(&self, type_name: &'static str) -> Content {
        match self.schema.type_named(type_name) {
            Some(of) => Content::Children {
                of,
                at: 0,
                count: 0,
            },
            None => Content::Value(type_name),
        }
    }

    /// Finds `node` among what may follow in its parent.
    fn child(&self, parent: &mut Open<'d>, node: Node<'d>) -> Result<Content, Fault> {
        let (of, at, count) = match &mut parent.content {
            Content::Any => return Ok(self.declared(node).unwrap_or(Content::Any)),
            Content::Value(_) => {
                let message = format!(
                    "cvc-type.3.1.2: Element '{}' is a simple type, so it must have no element \
                     information item [children].",
                    parent.node.qualified_name()
                );
                return Err(fault(node.line(), message));
            }
            Content::Children { of, at, count } => (*of, at, count),
        };
        for (index, particle) in of.children.iter().enumerate().skip(*at) {
            let used = if index == *at { *count } else { 0 };
            if used < particle.max
                && let Some(type_name) = self.accepts(particle, node)
            {
                (*at, *count) = (index, used + 1);
                return Ok(match type_name {
                    Some(type_name) => self.content(type_name),
                    None => self.declared(node).unwrap_or(Content::Any),
                });
            }
            if used < particle.min {
                break;
            }
        }
        let expected = expected(of, *at, *count);
        let message = if let Some(too_few) = too_few(of, *at, *count) {
            format!(
                "cvc-complex-type.2.4.g: Invalid content was found starting with element '{}'. \
                 {too_few} times in the current sequence. One more instance is required to \
                 satisfy this constraint.",
                node.qualified_name()
            )
        } else if expected.is_empty() {
            format!(
                "cvc-complex-type.2.4.d: Invalid content was found starting with element '{}'. No \
                 child element is expected at this point.",
                node.qualified_name()
            )
        } else {
            let found = match node.namespace() {
                Namespace::None => node.name().to_owned(),
                namespace => format!("{{\"{}\":{}}}", namespace.uri(), node.name()),
            };
            format!(
                "cvc-complex-type.2.4.a: Invalid content was found starting with element '{found}'. \
                 One of '{{{expected}}}' is expected."
            )
        };
        Err(fault(node.line(), message))
    }

    /// Whether `particle` takes `node`, and the type that it then has; `Some(None)` is whatever
    /// is declared for it.
    fn accepts(&self, particle: &Particle, node: Node<'_>) -> Option<Option<&'static str>> {
        let foreign = !matches!(node.namespace(), Namespace::Bpmn | Namespace::None);
        let name = name(node);
        particle
            .alternatives
            .iter()
            .find_map(|alternative| match *alternative {
                table::Alternative::Local(local, type_name) => {
                    (name == local).then_some(Some(type_name))
                }
                table::Alternative::Declared(head) => {
                    let type_name = self.schema.substitute(&name, head)?;
                    Some(Some(type_name))
                }
                table::Alternative::Other => foreign.then_some(None),
                table::Alternative::Any => Some(None),
            })
    }

    /// Checks a start tag; gives the content again, which `xsi:type` may have narrowed.
    fn start(&mut self, node: Node<'d>, content: Content) -> Result<Content, Fault> {
        let content = self.narrowed(node, content)?;
        let Content::Children { of, .. } = &content else {
            return Ok(content);
        };
        if of.is_abstract {
            let name = node.qualified_name();
            let message =
                format!("cvc-type.2: The type definition cannot be abstract for element {name}.");
            return Err(fault(node.line(), message));
        }
        for attribute in node.attributes() {
            self.attribute(node, of, attribute)?;
        }
        for (name, _, mandatory) in &of.attributes {
            if *mandatory && node.attribute(name).is_none() {
                let message = format!(
                    "cvc-complex-type.4: Attribute '{name}' must appear on element '{}'.",
                    node.qualified_name()
                );
                return Err(fault(node.line(), message));
            }
        }
        Ok(content)
    }

    fn narrowed(&self, node: Node<'d>, content: Content) -> Result<Content, Fault> {
        let mut attributes = node.attributes().iter();
        let given = attributes.find(|a| a.namespace == Namespace::Xsi && a.name == "type");
        let (Some(given), Content::Children { of, .. }) = (given, &content) else {
            return Ok(content);
        };
        values::check("QName", None, &given.value, self.document)
            .map_err(|message| fault(node.line(), message))?;
        let (prefix, local) = given
            .value
            .trim()
            .split_once(':')
            .unwrap_or(("", given.value.trim()));
        let namespace = self.document.namespace_of_prefix(prefix);
        let name = namespace.and_then(|namespace| qualified(&namespace, local));
        let narrowed = name.and_then(|name| self.schema.type_named(&name));
        let (value, element) = (&given.value, node.qualified_name());
        let Some(narrowed) = narrowed else {
            let message = format!(
                "cvc-elt.4.2: Cannot resolve '{value}' to a type definition for element '{element}'."
            );
            return Err(fault(node.line(), message));
        };
        if !self.schema.is_derived(narrowed, of) {
            let message = format!(
                "cvc-elt.4.3: Type '{value}' is not validly derived from the type definition, \
                 '{}', of element '{element}'.",
                of.name
            );
            return Err(fault(node.line(), message));
        }
        Ok(self.content(narrowed.name))
    }

    fn attribute(
        &mut self,
        node: Node<'d>,
        of: &Type,
        attribute: &'d Attribute,
    ) -> Result<(), Fault> {
        let declared = match attribute.namespace {
            Namespace::Xsi => return Ok(()),
            Namespace::None => (of.attributes.iter()).find(|(name, ..)| *name == attribute.name),
            Namespace::Bpmn => None,
            _ if of.other_attributes => return Ok(()),
            _ => None,
        };
        let Some((_, type_name, _)) = declared else {
            let message = format!(
                "cvc-complex-type.3.2.2: Attribute '{}' is not allowed to appear in element '{}'.",
                attribute.qualified_name,
                node.qualified_name()
            );
            return Err(fault(node.line(), message));
        };
        self.value(type_name, &attribute.value, node.line())
    }

    /// Checks a simple value, and takes note of ids and references.
    fn value(&mut self, type_name: &str, text: &'d str, line: u32) -> Result<(), Fault> {
        let values = self.schema.enumeration(type_name);
        values::check(type_name, values, text, self.document)
            .map_err(|message| fault(line, message))?;
        match type_name {
            "ID" if !self.ids.insert(text.trim()) => {
                let id = text.trim();
                let message =
                    format!("cvc-id.2: There are multiple occurrences of ID value '{id}'.");
                return Err(fault(line, message));
            }
            "IDREF" => self.references.push(text.trim()),
            _ => {}
        }
        Ok(())
    }

    /// Checks what can be said of an element once it ends.
    fn end(&mut self, open: &Open<'d>) -> Result<(), Fault> {
        let (node, line) = (open.node, open.node.end_line());
        match &open.content {
            Content::Any => Ok(()),
            Content::Value(type_name) => self.value(type_name, node.text(), line),
            Content::Children { of, at, count } => {
                let name = node.qualified_name();
                if !of.mixed && !node.text().trim().is_empty() {
                    let message = format!(
                        "cvc-complex-type.2.3: Element '{name}' cannot have character [children], \
                         because the type's content type is element-only."
                    );
                    return Err(fault(line, message));
                }
                let missing = (of.children.iter().enumerate().skip(*at))
                    .any(|(index, particle)| particle.min > if index == *at { *count } else { 0 });
                if !missing {
                    return Ok(());
                }
                let message = if let Some(too_few) = too_few(of, *at, *count) {
                    format!(
                        "cvc-complex-type.2.4.i: The content of element '{name}' is not complete. \
                         {too_few} times. One more instance is required to satisfy this constraint."
                    )
                } else {
                    let expected = expected(of, *at, *count);
                    format!(
                        "cvc-complex-type.2.4.b: The content of element '{name}' is not complete. \
                         One of '{{{expected}}}' is expected."
                    )
                };
                Err(fault(line, message))
            }
        }
    }
}

/// What may follow when `count` of the particle at `at` have come.
fn expected(of: &Type, at: usize, count: usize) -> String {
    let mut expected = Vec::new();
    for (index, particle) in of.children.iter().enumerate().skip(at) {
        let used = if index == at { count } else { 0 };
        if used < particle.max {
            expected.extend(particle.alternatives.iter().map(table::Alternative::shown));
        }
        if used < particle.min {
            break;
        }
    }
    expected.join(", ")
}

/// Of a place that must be taken twice and was once: what is said of it.
fn too_few(of: &Type, at: usize, count: usize) -> Option<String> {
    let particle = of.children.get(at)?;
    let name = particle.alternatives.first()?.shown();
    let min = particle.min;
    (count > 0 && count < min)
        .then(|| format!("'{name}' is expected to occur a minimum of '{min}'"))
}

/// An element's name as the table writes it; names of other namespaces have a `?` before them.
fn name(node: Node<'_>) -> String {
    qualified(node.namespace(), node.name()).unwrap_or_else(|| format!("?{}", node.name()))
}

fn qualified(namespace: &Namespace, name: &str) -> Option<String> {
    let prefix = match namespace {
        Namespace::Bpmn => "",
        Namespace::BpmnDi => "bpmndi:",
        Namespace::Di => "di:",
        Namespace::Dc => "dc:",
        Namespace::None | Namespace::Zeebe | Namespace::Xsi | Namespace::Other(_) => return None,
    };
    Some(format!("{prefix}{name}"))
}

fn fault(line: u32, message: String) -> Fault {
    let message = format!("Error: URI=null Line={line}: {message}");
    Fault { message, line }
}
