//! The variables of a model, as far as the model itself names them: a text that is one of these names
//! was meant as the variable.

use std::collections::BTreeSet;

use super::old_style::{as_feel, as_list, certainly_feel};
use crate::expression::is_plain_name;
use crate::model::Model;
use crate::validate::{Kind, expression_texts};
use crate::xml::Node;

/// Attributes that name a variable.
const NAMES: [(&str, &str); 5] = [
    ("loopCharacteristics", "inputElement"),
    ("loopCharacteristics", "outputCollection"),
    ("script", "resultVariable"),
    ("calledDecision", "resultVariable"),
    ("output", "target"),
];

/// Words that stand in expressions and are no variables.
const WORDS: [&str; 22] = [
    "true",
    "false",
    "null",
    "if",
    "then",
    "else",
    "for",
    "in",
    "return",
    "some",
    "every",
    "satisfies",
    "and",
    "or",
    "not",
    "between",
    "instance",
    "of",
    "function",
    "item",
    "date",
    "time",
];

/// The names of a model's variables.
pub(super) struct Variables<'d>(BTreeSet<&'d str>);

impl<'d> Variables<'d> {
    pub(super) fn of(model: &Model<'d>) -> Self {
        let mut names = BTreeSet::new();
        for node in model.relevant_nodes() {
            for (_, attribute) in NAMES.iter().filter(|(name, _)| node.is_zeebe(name)) {
                let path = node.attribute(attribute).unwrap_or_default();
                names.extend(path.split('.').next().filter(|name| is_plain_name(name)));
            }
            for text in expression_texts(node) {
                let is_expression = text.value.starts_with('=')
                    || matches!(text.kind, Kind::Expression | Kind::OptionalExpression);
                if is_expression {
                    names.extend(mentioned(text.value));
                }
            }
        }
        Self(names)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The expression that the static source of an input mapping was meant to be, if it was meant to be
    /// one.
    pub(super) fn meant_by_input(&self, input: Node<'_>, text: &str) -> Option<String> {
        if text.contains("{{") {
            return None;
        }
        if let Some(feel) = certainly_feel(text) {
            return Some(feel);
        }
        if text.starts_with('[') {
            return as_list(text, |name| self.has(name));
        }
        let target = input.attribute("target").unwrap_or_default();
        let first = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?;
        let is_path = text.split('.').all(is_plain_name);
        // A variable that is handed on under its own name.
        let is_handed_on = is_path && text == target.rsplit('.').next().unwrap_or(target);
        let computes = text.contains(['+', '"', '<', '>', '(', '[']);
        // Nobody joins texts with quotes and a plus in a text.
        let joins = text.contains('"') && text.contains(" + ");
        match is_handed_on || joins || (self.has(first) && (is_path || computes)) {
            true => as_feel(text),
            false => None,
        }
    }
}

/// The names in an expression that can be variables: outside of strings, not behind a dot, and no
/// functions.
fn mentioned(expression: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut quote: Option<char> = None;
    let mut start: Option<usize> = None;
    let mut before = ' ';
    let ends = expression.char_indices().chain([(expression.len(), ' ')]);
    for (at, c) in ends {
        let is_part = quote.is_none() && (c.is_alphanumeric() || c == '_');
        match (start, is_part) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                start = None;
                let name = &expression[from..at];
                let is_call = expression[at..].trim_start().starts_with('(');
                // `$.a` is a variable, `a.b` an entry of one.
                let is_entry = before == '.' && !expression[..from].ends_with("$.");
                if is_plain_name(name) && !is_call && !is_entry && !WORDS.contains(&name) {
                    names.push(name);
                }
            }
            _ => {}
        }
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        if !is_part {
            before = c;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_an_expression() {
        let expression = "=if $.paid == true then upper(a.b) + \"x y\" + 'z' else count (c) >= 2";
        assert_eq!(mentioned(expression), ["paid", "a", "c"]);
        assert_eq!(mentioned(""), [""; 0]);
        assert_eq!(mentioned("\"open"), [""; 0]);
    }
}
