//! Tests of an input that has no name: after `in`, and as a whole in decision tables.

use std::sync::Arc;

use super::{Answer, Evaluator, Fault};
use crate::ast::{Ast, Comparison, RangeNode, Test};
use crate::operators;
use crate::scope::Scope;
use crate::{Value, WarningKind};

/// The variable that names the variable with the input.
const INPUT_NAME: &str = "inputVariableName";
/// The variable with the input, unless another is named.
const DEFAULT_INPUT: &str = "cellInput";

pub(super) fn input_name(scope: &Scope<'_>) -> Arc<str> {
    match scope.variable(INPUT_NAME) {
        Some(Value::String(name)) => name,
        _ => DEFAULT_INPUT.into(),
    }
}

impl Evaluator<'_> {
    pub(super) fn test(&mut self, ast: &Arc<Ast>, test: &Test, scope: &Scope<'_>) -> Answer {
        match test {
            Test::Compare(op, value) => {
                let input = self.input(scope);
                let value = self.eval(ast, *value, scope)?;
                self.compared(*op, &input, &value)
            }
            Test::InRange(range) => self.in_range(ast, range, scope),
            Test::Expression(expression) => {
                let input = self.input(scope);
                match self.eval(ast, *expression, scope) {
                    Err(Fault::NoInput) => {
                        // It names its input, so it is a condition.
                        let scope = scope.with_name("?", &input);
                        match self.eval(ast, *expression, &scope) {
                            Ok(Value::Boolean(b)) => Ok(b.into()),
                            Err(Fault::Fatal(message)) => Err(Fault::Fatal(message)),
                            _ => Ok(Value::Null),
                        }
                    }
                    Err(Fault::Null(_)) => Ok(false.into()),
                    answer => self.passes(&input, &answer?),
                }
            }
            Test::AnyOf(tests) => {
                let mut value = false.into();
                for test in tests {
                    value = self.step(value, true, |e| e.eval(ast, *test, scope))?;
                }
                Ok(value)
            }
        }
    }

    fn input(&mut self, scope: &Scope<'_>) -> Value {
        scope.variable(&input_name(scope)).unwrap_or_else(|| {
            self.warn(
                WarningKind::NoVariableFound,
                "No input value found.".to_owned(),
            );
            Value::Null
        })
    }

    /// Whether a value that isn't a condition stands for the input: it is true, equal to it, or
    /// a list that has it.
    fn passes(&mut self, input: &Value, value: &Value) -> Answer {
        match value {
            Value::Boolean(true) => return Ok(true.into()),
            Value::List(items) if items.contains(input) => return Ok(true.into()),
            _ => {}
        }
        let equal = self.compared(Comparison::Equal, input, value)?;
        let undecided = equal == Value::Null;
        match value {
            _ if equal == Value::Boolean(true) => Ok(equal),
            Value::Boolean(false) | Value::List(_) => Ok(false.into()),
            _ if undecided => Ok(Value::Null),
            _ => Ok(false.into()),
        }
    }

    fn in_range(&mut self, ast: &Arc<Ast>, range: &RangeNode, scope: &Scope<'_>) -> Answer {
        // The ends come first, and an input that is missing is missed twice.
        let (start, end) = self.both(ast, range.start, range.end, scope)?;
        let input = self.input(scope);
        let lower = match range.start_included {
            true => Comparison::GreaterOrEqual,
            false => Comparison::Greater,
        };
        let upper = match range.end_included {
            true => Comparison::LessOrEqual,
            false => Comparison::Less,
        };
        let above = operators::compare(lower, &input, &start);
        let below = operators::compare(upper, &input, &end);
        match (above, below) {
            (Ok(above), Ok(below)) => Ok((above && below).into()),
            (Err(operators::Problem::Fatal(m)), _) | (_, Err(operators::Problem::Fatal(m))) => {
                Err(Fault::Fatal(m))
            }
            _ => {
                let input = self.input(scope);
                let message = format!("Can't compare '{input}' with '{start}' and '{end}'");
                self.warn(WarningKind::NotComparable, message);
                Ok(Value::Null)
            }
        }
    }
}
