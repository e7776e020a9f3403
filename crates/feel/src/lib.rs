//! FEEL as Zeebe speaks it: parse once, evaluate many times.
//!
//! Pure: the clock, the time zone and the seed of randomness come in with [`Environment`];
//! nothing here reads files, settings or the system's time zones. Bounded: no text and no
//! expression overflows the stack or runs for ever.

mod ast;
mod builtins;
mod environment;
mod eval;
mod evaluation;
mod expression;
mod function;
mod json;
mod lexer;
mod number;
mod operators;
mod parse_error;
mod parser;
mod pattern;
mod random;
mod scope;
mod temporal;
mod value;

pub use environment::{Environment, TimeZone};
pub use evaluation::{Context, Evaluation, Failure, Warning, WarningKind};
pub use expression::{Expression, UnaryTests, parse_expression, parse_unary_tests};
pub use function::Function;
pub use json::JsonError;
pub use number::Number;
pub use parse_error::ParseError;
pub use temporal::{DateTime, Time, Zoned, parse_date_time, parse_duration};
pub use value::{ContextMap, List, Range, Value};

/// A context built from values in memory; see [`Context`].
pub type ValueContext = std::collections::BTreeMap<String, Value>;
