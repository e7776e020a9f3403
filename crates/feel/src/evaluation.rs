//! What goes into an evaluation and what comes out of it.

use std::collections::BTreeMap;
use std::fmt;

use crate::Value;

/// Where an expression finds its variables.
pub trait Context {
    /// The variable of this name; `None` if there is none (which FEEL warns about),
    /// `Some(Value::Null)` if it is null.
    fn variable(&self, name: &str) -> Option<Value>;
}

impl Context for () {
    fn variable(&self, _name: &str) -> Option<Value> {
        None
    }
}

impl Context for BTreeMap<String, Value> {
    fn variable(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}

/// The outcome of an evaluation. Most of FEEL's faults are null plus a warning.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The value, or why there is none.
    pub result: Result<Value, Failure>,
    /// The faults on the way, in order.
    pub warnings: Vec<Warning>,
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In Zeebe's words.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A fault that an evaluation went on after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Its kind.
    pub kind: WarningKind,
    /// In Zeebe's words, without the kind.
    pub message: String,
}

/// The kinds of warnings; `Display` gives Zeebe's spelling (`NO_VARIABLE_FOUND`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// A variable that is not in the context.
    NoVariableFound,
    /// A context without the entry asked for.
    NoContextEntryFound,
    /// A value without the property asked for.
    NoPropertyFound,
    /// No function of this name with these parameters.
    NoFunctionFound,
    /// A function was called with what it can't take.
    FunctionInvocationFailure,
    /// Values of kinds that have no order, or different ones.
    NotComparable,
    /// A value of another type than an operator needs.
    InvalidType,
    /// An `assert` whose condition was not true.
    AssertFailure,
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WarningKind::NoVariableFound => "NO_VARIABLE_FOUND",
            WarningKind::NoContextEntryFound => "NO_CONTEXT_ENTRY_FOUND",
            WarningKind::NoPropertyFound => "NO_PROPERTY_FOUND",
            WarningKind::NoFunctionFound => "NO_FUNCTION_FOUND",
            WarningKind::FunctionInvocationFailure => "FUNCTION_INVOCATION_FAILURE",
            WarningKind::NotComparable => "NOT_COMPARABLE",
            WarningKind::InvalidType => "INVALID_TYPE",
            WarningKind::AssertFailure => "ASSERT_FAILURE",
        })
    }
}
