//! The two things that can be parsed and evaluated: an expression and unary tests.

use std::sync::Arc;

use crate::ast::{Ast, Node, NodeId};
use crate::{Context, Environment, Evaluation, ParseError, Value, eval, parser};

/// Parses an expression, without its leading `=`.
///
/// # Errors
/// If the text is not an expression, or is nested too deeply.
pub fn parse_expression(text: &str) -> Result<Expression, ParseError> {
    let tree = parser::parse_expression(text)?;
    Ok(Expression {
        text: text.into(),
        ast: Arc::new(tree.ast),
        root: tree.root,
    })
}

/// Parses unary tests, as in the cells of a decision table.
///
/// # Errors
/// If the text is not a list of unary tests, or is nested too deeply.
pub fn parse_unary_tests(text: &str) -> Result<UnaryTests, ParseError> {
    let tree = parser::parse_unary_tests(text)?;
    Ok(UnaryTests {
        text: text.into(),
        ast: Arc::new(tree.ast),
        root: tree.root,
    })
}

/// A parsed expression. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Arc<str>,
    ast: Arc<Ast>,
    root: NodeId,
}

impl Expression {
    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates it.
    pub fn evaluate(&self, context: &dyn Context, env: &Environment) -> Evaluation {
        eval::evaluate(&self.text, &self.ast, self.root, context, env)
    }

    /// Its value if it is a literal string, number, boolean or null.
    pub fn as_static(&self) -> Option<&Value> {
        match &self.ast[self.root] {
            Node::Literal(
                value @ (Value::String(_) | Value::Number(_) | Value::Boolean(_) | Value::Null),
            ) => Some(value),
            _ => None,
        }
    }
}

/// Parsed unary tests. Cloning them is cheap.
#[derive(Clone, Debug)]
pub struct UnaryTests {
    text: Arc<str>,
    ast: Arc<Ast>,
    root: NodeId,
}

impl UnaryTests {
    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `input` passes; null if that can't be said.
    pub fn evaluate(&self, input: &Value, context: &dyn Context, env: &Environment) -> Evaluation {
        eval::evaluate_tests(&self.text, &self.ast, self.root, input, context, env)
    }
}
