//! The schema as data, read from `bpmn20.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::xml::Namespace;

/// All types and elements.
pub(super) struct Schema {
    types: BTreeMap<&'static str, Type>,
    elements: BTreeMap<&'static str, Element>,
    enumerations: BTreeMap<&'static str, Vec<&'static str>>,
}

/// A complex type, with all that it has from its base.
pub(super) struct Type {
    pub(super) name: &'static str,
    base: Option<&'static str>,
    pub(super) is_abstract: bool,
    /// Whether text may stand between the children.
    pub(super) mixed: bool,
    pub(super) children: Vec<Particle>,
    /// Name, type, and whether it must be there.
    pub(super) attributes: Vec<(&'static str, &'static str, bool)>,
    /// Whether it may have attributes of other namespaces.
    pub(super) other_attributes: bool,
}

/// A place among the children of an element.
#[derive(Clone)]
pub(super) struct Particle {
    pub(super) alternatives: Vec<Alternative>,
    pub(super) min: usize,
    pub(super) max: usize,
}

/// What may stand in a place.
#[derive(Clone, Copy)]
pub(super) enum Alternative {
    /// An element known only there, and its type.
    Local(&'static str, &'static str),
    /// A declared element, or one that may stand for it.
    Declared(&'static str),
    /// An element of another namespace.
    Other,
    /// Any element.
    Any,
}

struct Element {
    type_name: &'static str,
    stands_for: Option<&'static str>,
    is_abstract: bool,
}

impl Schema {
    /// BPMN 2.0 with its diagrams.
    pub(super) fn bpmn20() -> &'static Self {
        static SCHEMA: LazyLock<Schema> =
            LazyLock::new(|| Schema::read(include_str!("bpmn20.txt")));
        &SCHEMA
    }

    fn read(text: &'static str) -> Self {
        let mut schema = Self {
            types: BTreeMap::new(),
            elements: BTreeMap::new(),
            enumerations: BTreeMap::new(),
        };
        let mut own: BTreeMap<&str, Type> = BTreeMap::new();
        let mut current = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            if line.starts_with(' ') {
                let owner = own
                    .get_mut(current)
                    .expect("a type stands before its children");
                words.for_each(|word| owner.add(word));
                continue;
            }
            match (words.next(), words.next()) {
                (Some("enum"), Some(name)) => {
                    schema.enumerations.insert(name, words.collect());
                }
                (Some("type"), Some(name)) => {
                    current = name;
                    own.insert(name, Type::new(name, words));
                }
                (Some("element"), Some(declaration)) => {
                    let (name, type_name) =
                        declaration.split_once('=').expect("an element has a type");
                    let words: Vec<_> = words.collect();
                    let stands_for = words.iter().position(|word| *word == "for");
                    let element = Element {
                        type_name,
                        stands_for: stands_for.map(|at| words[at + 1]),
                        is_abstract: words.contains(&"abstract"),
                    };
                    schema.elements.insert(name, element);
                }
                _ => {}
            }
        }
        schema.types = own
            .keys()
            .map(|name| (*name, Type::inherit(&own, name)))
            .collect();
        schema
    }

    /// A complex type; `None` for simple ones.
    pub(super) fn type_named(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// The type of a declared element.
    pub(super) fn element_type(&self, name: &str) -> Option<&'static str> {
        self.elements.get(name).map(|element| element.type_name)
    }

    /// The type of the element `name`, if it may stand where `head` may.
    pub(super) fn substitute(&self, name: &str, head: &str) -> Option<&'static str> {
        let element = self
            .elements
            .get(name)
            .filter(|element| !element.is_abstract)?;
        let mut stands_for = Some(name);
        while let Some(current) = stands_for {
            if current == head {
                return Some(element.type_name);
            }
            stands_for = self.elements.get(current)?.stands_for;
        }
        None
    }

    /// Whether a type is another or extends it.
    pub(super) fn is_derived(&self, of: &Type, from: &Type) -> bool {
        let mut at = Some(of);
        while let Some(current) = at {
            if current.name == from.name {
                return true;
            }
            at = current.base.and_then(|base| self.types.get(base));
        }
        false
    }

    /// The values of an enumeration; `None` for other simple types.
    pub(super) fn enumeration(&self, type_name: &str) -> Option<&[&'static str]> {
        self.enumerations.get(type_name).map(Vec::as_slice)
    }
}

impl Type {
    fn new(name: &'static str, words: std::str::SplitWhitespace<'static>) -> Self {
        let words: Vec<_> = words.collect();
        let extends = words.iter().position(|word| *word == "<");
        Self {
            name,
            base: extends.map(|at| words[at + 1]),
            is_abstract: words.contains(&"abstract"),
            mixed: words.contains(&"mixed"),
            children: Vec::new(),
            attributes: Vec::new(),
            other_attributes: false,
        }
    }

    fn add(&mut self, word: &'static str) {
        if word == "@##other" {
            self.other_attributes = true;
        } else if let Some(attribute) = word.strip_prefix('@') {
            let (name, type_name) = attribute.split_once('=').expect("an attribute has a type");
            let mandatory = name.ends_with('!');
            self.attributes
                .push((name.trim_end_matches('!'), type_name, mandatory));
        } else {
            self.children.push(Particle::read(word));
        }
    }

    fn inherit(own: &BTreeMap<&'static str, Self>, name: &'static str) -> Self {
        let mut chain = Vec::new();
        let mut at = own.get(name);
        while let Some(of) = at {
            chain.push(of);
            at = of.base.and_then(|base| own.get(base));
        }
        let bases_first = || chain.iter().rev();
        Self {
            name,
            base: chain[0].base,
            is_abstract: chain[0].is_abstract,
            mixed: chain.iter().any(|of| of.mixed),
            children: bases_first()
                .flat_map(|of| of.children.iter().cloned())
                .collect(),
            attributes: bases_first()
                .flat_map(|of| of.attributes.iter().copied())
                .collect(),
            other_attributes: chain.iter().any(|of| of.other_attributes),
        }
    }
}

impl Particle {
    fn read(word: &'static str) -> Self {
        let (word, min, max) = if let Some(word) = word.strip_suffix('?') {
            (word, 0, 1)
        } else if let Some(word) = word.strip_suffix('*') {
            (word, 0, usize::MAX)
        } else if let Some(word) = word.strip_suffix('+') {
            (word, 1, usize::MAX)
        } else if let Some(word) = word.strip_suffix("{2,}") {
            (word, 2, usize::MAX)
        } else if let Some(word) = word.strip_suffix("{1,2}") {
            (word, 1, 2)
        } else {
            (word, 1, 1)
        };
        let word = word.trim_start_matches('(').trim_end_matches(')');
        let alternatives = word
            .split('|')
            .map(|word| match (word, word.split_once('=')) {
                ("##other", _) => Alternative::Other,
                ("##any", _) => Alternative::Any,
                (_, Some((name, type_name))) => Alternative::Local(name, type_name),
                (name, None) => Alternative::Declared(name),
            });
        Self {
            alternatives: alternatives.collect(),
            min,
            max,
        }
    }
}

impl Alternative {
    /// As the validator of Zeebe shows it.
    pub(super) fn shown(&self) -> String {
        let name = match self {
            Self::Local(name, _) | Self::Declared(name) => name,
            Self::Other => return format!("WC[##other:\"{}\"]", Namespace::Bpmn.uri()),
            Self::Any => return "WC[##any]".to_owned(),
        };
        let (namespace, name) = match name.split_once(':') {
            Some(("bpmndi", name)) => (Namespace::BpmnDi, name),
            Some(("di", name)) => (Namespace::Di, name),
            Some((_, name)) => (Namespace::Dc, name),
            None => (Namespace::Bpmn, *name),
        };
        format!("\"{}\":{name}", namespace.uri())
    }
}
