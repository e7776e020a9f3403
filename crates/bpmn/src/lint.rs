//! Finds what a broker of today would refuse, or silently take as text, in a model that was drawn
//! for one of yesterday, and writes it as it is written today.
//!
//! Before Zeebe 0.23 an expression had no leading `=`, compared with `==` and joined with `&&`. Where
//! only an expression can stand, today's broker refuses such a text. Where a text can stand as well,
//! the broker takes it for one and says nothing, and a worker gets `customer` in place of the customer.

mod old_style;
mod variables;

use std::ops::Range;

use crate::expression::feel_part;
use crate::model::Model;
use crate::refusal::{Problem, Refusal};
use crate::validate::{Kind, expression_texts};
use crate::xml::{self, Node};
use variables::Variables;

/// What a broker of today would make of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The deployment is refused.
    Refused,
    /// The deployment is accepted, and the text is handed on as it stands.
    TakenAsText,
}

/// A text that does not do what its author meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line in the file, from 1, on which the element's start tag ends.
    pub line: u32,
    /// The element as Zeebe names it.
    pub element: String,
    /// The attribute that holds the text; empty where it is the element's own text.
    pub attribute: String,
    /// The text.
    pub found: String,
    /// What a broker makes of it.
    pub verdict: Verdict,
    /// How it is written today; none where only its author can tell.
    pub instead: Option<String>,
}

/// What is to say about a model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// In the order of the file.
    pub findings: Vec<Finding>,
    /// The file with every text replaced that has an `instead`; everything else is as it was, byte
    /// for byte, but that a file in UTF-16 is here in UTF-8.
    pub fixed: String,
    /// What a broker would still refuse in the fixed file.
    pub refused: Vec<Problem>,
}

/// Looks through a model file.
///
/// # Errors
/// A file that is no XML or breaks the BPMN schema, in Zeebe's words.
pub fn lint(resource_name: &str, bytes: &[u8]) -> Result<Lint, Refusal> {
    let document = crate::read(resource_name, bytes)?;
    let model = Model::new(&document);
    let variables = Variables::of(&model);
    let mut findings = Vec::new();
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for node in model.relevant_nodes() {
        for text in expression_texts(node) {
            let Some((verdict, instead)) = judge(node, text.kind, text.value, &variables) else {
                continue;
            };
            if let Some(instead) = &instead {
                edits.push((text.range.clone(), escaped(instead)));
            }
            findings.push(Finding {
                line: node.line(),
                element: node.path(),
                attribute: text.attribute.to_owned(),
                found: text.value.to_owned(),
                verdict,
                instead,
            });
        }
    }
    // Reading leaves the byte order mark out; the places count from behind it.
    let mark = if bytes.starts_with("\u{feff}".as_bytes()) {
        "\u{feff}"
    } else {
        ""
    };
    let text = xml::decode(bytes).expect("the file was read before");
    let fixed = format!("{mark}{}", replaced(text, edits));
    let refused = match crate::check(resource_name, fixed.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(refusal) => refusal.problems().to_vec(),
    };
    Ok(Lint {
        findings,
        fixed,
        refused,
    })
}

/// What is wrong with a text, and how it is written today.
fn judge(
    node: Node<'_>,
    kind: Kind,
    text: &str,
    variables: &Variables<'_>,
) -> Option<(Verdict, Option<String>)> {
    let text = text.trim();
    if text.is_empty() || kind == Kind::Path {
        return None;
    }
    if let Some(feel) = feel_part(text) {
        // Behind the sign, too, a text can be one of yesterday: `=a == b`.
        return match feel::parse_expression(feel) {
            Ok(_) => None,
            Err(_) => Some((Verdict::Refused, old_style::as_feel(feel))),
        };
    }
    if matches!(kind, Kind::Expression | Kind::OptionalExpression) {
        return Some((Verdict::Refused, old_style::as_feel(text)));
    }
    let instead = match node.is_zeebe("input") {
        true => variables.meant_by_input(node, text),
        false => old_style::certainly_feel(text),
    };
    instead.map(|instead| (Verdict::TakenAsText, Some(instead)))
}

/// A value as it stands in an attribute or between tags.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("&#10;"),
            c => out.push(c),
        }
    }
    out
}

fn replaced(mut text: String, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    for (range, instead) in edits.into_iter().rev() {
        text.replace_range(range, &instead);
    }
    text
}
