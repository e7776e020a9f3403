//! Input and output mappings, joined to one expression that gives a context.
//!
//! Later mappings see what earlier ones gave, and a mapping to `a.b` after one to `a.c` extends
//! `a`. As Zeebe shows the joined text when an evaluation fails, the plain case is written as it
//! does: `{y:assert(missing, missing != null)}`.

use std::collections::BTreeMap;

use crate::expression::{self, feel_part, is_plain_name, string_literal};
use crate::refusal::Problem;
use crate::xml::Node;

/// The input mappings of an element; targets are new variables of its scope.
pub(super) fn inputs(node: Node<'_>) -> Result<Option<feel::Expression>, Problem> {
    join(node, "input", Dotted::New)
}

/// The output mappings of an element; a dotted target keeps what else its variable holds.
pub(super) fn outputs(node: Node<'_>) -> Result<Option<feel::Expression>, Problem> {
    join(node, "output", Dotted::Extends)
}

#[derive(Clone, Copy, PartialEq)]
enum Dotted {
    New,
    Extends,
}

/// What goes to a variable or to an entry of it.
#[derive(Default)]
struct Target {
    name: String,
    /// The expression for all of it.
    source: Option<String>,
    /// Expressions for entries, which are put on top of it.
    entries: Vec<Target>,
    /// Where in `entries` each name stands.
    indices: BTreeMap<String, usize>,
}

impl Target {
    fn entry(&mut self, name: &str) -> &mut Self {
        let index = *self.indices.entry(name.to_owned()).or_insert_with(|| {
            self.entries.push(Self {
                name: name.to_owned(),
                ..Self::default()
            });
            self.entries.len() - 1
        });
        &mut self.entries[index]
    }

    fn set(&mut self, source: String) {
        self.source = Some(source);
        self.entries.clear();
        self.indices.clear();
    }

    /// Its value as FEEL. `path` is its own path from the variable on, also as FEEL.
    fn value(&self, path: &str, dotted: Dotted) -> String {
        let base = match (&self.source, dotted) {
            (Some(source), _) => source.clone(),
            (None, Dotted::New) => return self.context("", dotted),
            (None, Dotted::Extends) => format!("if {path} = null then {{}} else {path}"),
        };
        (self.entries.iter()).fold(base, |base, entry| {
            let value = entry.value(&format!("{path}.{}", quoted_name(&entry.name)), dotted);
            format!(
                "context put({base}, {}, {value})",
                string_literal(&entry.name)
            )
        })
    }

    fn context(&self, path: &str, dotted: Dotted) -> String {
        let entries = self.entries.iter().map(|entry| {
            let name = quoted_name(&entry.name);
            let path = if path.is_empty() {
                name
            } else {
                format!("{path}.{name}")
            };
            let key = if is_plain_name(&entry.name) {
                entry.name.clone()
            } else {
                string_literal(&entry.name)
            };
            format!("{key}:{}", entry.value(&path, dotted))
        });
        format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
    }
}

fn join(node: Node<'_>, name: &str, dotted: Dotted) -> Result<Option<feel::Expression>, Problem> {
    let Some(mapping) = node.extension("ioMapping") else {
        return Ok(None);
    };
    let mut root = Target::default();
    for mapping in mapping.children().filter(|child| child.is_zeebe(name)) {
        let source = mapping.attribute("source").unwrap_or_default();
        let target = expression::path(mapping.attribute("target").unwrap_or_default());
        let target = target.map_err(|message| Problem::at(mapping, message))?;
        let mut entry = &mut root;
        for name in target {
            entry = entry.entry(name);
        }
        entry.set(match feel_part(source) {
            Some(feel) => feel.to_owned(),
            None => string_literal(source),
        });
    }
    if root.entries.is_empty() {
        return Ok(None);
    }
    let text = root.context("", dotted);
    let expression = expression::parse(&text);
    expression
        .map(Some)
        .map_err(|message| Problem::at(mapping, message))
}

/// A name as it stands in a path, where a literal's name would be the literal.
fn quoted_name(name: &str) -> String {
    if is_plain_name(name) && !matches!(name, "true" | "false" | "null") {
        name.to_owned()
    } else {
        format!("`{name}`")
    }
}
