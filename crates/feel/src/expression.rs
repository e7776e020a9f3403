//! The two things that can be parsed and evaluated: an expression and unary tests.

use std::sync::Arc;

use crate::{Context, Environment, Evaluation, Failure, ParseError, Value};

/// Parses an expression, without its leading `=`.
pub fn parse_expression(text: &str) -> Result<Expression, ParseError> {
    Err(ParseError::new(text, "not an expression"))
}

/// Parses unary tests, as in the cells of a decision table.
pub fn parse_unary_tests(text: &str) -> Result<UnaryTests, ParseError> {
    Err(ParseError::new(text, "not unary tests"))
}

/// A parsed expression. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Arc<str>,
}

impl Expression {
    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates it.
    pub fn evaluate(&self, _context: &dyn Context, _env: &Environment) -> Evaluation {
        unevaluated()
    }

    /// Its value if it is a literal string, number, boolean or null.
    pub fn as_static(&self) -> Option<&Value> {
        None
    }
}

/// Parsed unary tests. Cloning them is cheap.
#[derive(Clone, Debug)]
pub struct UnaryTests {
    text: Arc<str>,
}

impl UnaryTests {
    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `input` passes; null if that can't be said.
    pub fn evaluate(
        &self,
        _input: &Value,
        _context: &dyn Context,
        _env: &Environment,
    ) -> Evaluation {
        unevaluated()
    }
}

fn unevaluated() -> Evaluation {
    Evaluation {
        result: Err(Failure {
            message: "no evaluator".to_owned(),
        }),
        warnings: Vec::new(),
    }
}
