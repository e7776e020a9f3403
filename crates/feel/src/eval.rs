//! Tree to value. Most faults become null with a warning where the operator or the call ends
//! that they happened in, as [`Fault`] tells.
//!
//! An evaluation is bounded: in depth, so that no expression overflows the stack, and in work,
//! so that none holds up the thread it runs on. Both end it with a [`Failure`].

mod calls;
mod lists;
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{Ast, NodeId, RangeNode};
use crate::ast::{Comparison, Node};
use crate::function::Function;
use crate::operators::{self, Problem};
use crate::random::Random;
use crate::scope::Scope;
use crate::value::Range;
use crate::{Context, Environment, Evaluation, Failure, Value, Warning, WarningKind};

/// How deep nodes and calls may nest.
const MAX_DEPTH: u32 = 400;
/// How many nodes an evaluation may visit and items it may make.
const MAX_STEPS: u64 = 10_000_000;
/// How deep a result may nest: less than what JSON readers take.
const MAX_VALUE_DEPTH: u32 = 100;
/// How many values a result may hold, counting shared ones each time.
const MAX_VALUE_SIZE: u64 = 10_000_000;

const NO_INPUT: &str =
    "No input value available. '?' can only be used inside an unary-test expression.";

/// Why there is no value.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Null, where the operator or call ends that this happened in; a warning has been given.
    Null(String),
    /// `?` where there is no input. Null to lists, contexts and calls; fatal to all else.
    NoInput,
    /// The end of the evaluation.
    Fatal(String),
}

impl Fault {
    pub(crate) fn message(&self) -> &str {
        match self {
            Fault::Null(message) | Fault::Fatal(message) => message,
            Fault::NoInput => NO_INPUT,
        }
    }

    /// What a list, a context or a filter makes of it.
    fn in_collection(self) -> Fault {
        match self {
            Fault::NoInput => Fault::Null(format!("fatal error(\"{NO_INPUT}\")")),
            other => other,
        }
    }
}

pub(crate) type Answer = Result<Value, Fault>;

/// Evaluates a whole expression.
pub(crate) fn evaluate(
    text: &str,
    ast: &Arc<Ast>,
    root: NodeId,
    context: &dyn Context,
    env: &Environment,
) -> Evaluation {
    let mut evaluator = Evaluator::new(context, env);
    let answer = evaluator.eval(ast, root, &Scope::root(context));
    evaluator.finish(text, answer)
}

/// Evaluates unary tests of an input.
pub(crate) fn evaluate_tests(
    text: &str,
    ast: &Arc<Ast>,
    root: NodeId,
    input: &Value,
    context: &dyn Context,
    env: &Environment,
) -> Evaluation {
    let mut evaluator = Evaluator::new(context, env);
    let scope = Scope::root(context);
    let name = tests::input_name(&scope);
    let answer = evaluator.eval(ast, root, &scope.with_name(&name, input));
    evaluator.finish(text, answer)
}

/// The state of one evaluation.
pub(crate) struct Evaluator<'e> {
    context: &'e dyn Context,
    pub(crate) env: &'e Environment,
    pub(crate) random: Random,
    /// Patterns compiled so far, by their text and flags.
    pub(crate) patterns: BTreeMap<(Arc<str>, Arc<str>), regex::Regex>,
    warnings: Vec<Warning>,
    steps: u64,
    depth: u32,
}

impl<'e> Evaluator<'e> {
    fn new(context: &'e dyn Context, env: &'e Environment) -> Self {
        Evaluator {
            context,
            env,
            random: Random::new(env.seed),
            patterns: BTreeMap::new(),
            warnings: Vec::new(),
            steps: 0,
            depth: 0,
        }
    }

    fn finish(self, text: &str, answer: Answer) -> Evaluation {
        let assertion = self
            .warnings
            .iter()
            .find(|w| w.kind == WarningKind::AssertFailure);
        let result = match (assertion, answer) {
            (Some(failed), _) => Err(format!(
                "Assertion failure on evaluate the expression '{text}': {}",
                failed.message
            )),
            (None, Ok(value)) => Ok(value),
            (None, Err(fault)) => Err(format!(
                "failed to evaluate expression '{text}': {}",
                fault.message()
            )),
        };
        Evaluation {
            result: result.map_err(|message| Failure { message }),
            warnings: self.warnings,
        }
    }

    // ---- limits and warnings ----

    pub(crate) fn warn(&mut self, kind: WarningKind, message: String) {
        self.warnings.push(Warning { kind, message });
    }

    /// Warns, and gives the fault that becomes null.
    fn fault(&mut self, kind: WarningKind, message: String) -> Fault {
        self.warn(kind, message.clone());
        Fault::Null(message)
    }

    fn problem(&mut self, problem: Problem) -> Fault {
        match problem {
            Problem::Warning(kind, message) => self.fault(kind, message),
            Problem::Fatal(message) => Fault::Fatal(message),
        }
    }

    fn expected(&mut self, what: &str, found: &Value) -> Fault {
        self.fault(
            WarningKind::InvalidType,
            format!("Expected {what} but found '{found}'"),
        )
    }

    /// Counts work that is not a node.
    pub(crate) fn work(&mut self, steps: u64) -> Result<(), Fault> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return Err(Fault::Fatal(format!(
                "it takes more than {MAX_STEPS} steps"
            )));
        }
        Ok(())
    }

    /// A value made of others, if it is not too large.
    pub(crate) fn sized(&mut self, value: Value) -> Answer {
        let extent = value.extent();
        if extent.depth > MAX_VALUE_DEPTH {
            let message = format!("a value is nested more than {MAX_VALUE_DEPTH} levels deep");
            return Err(Fault::Fatal(message));
        }
        if extent.size > MAX_VALUE_SIZE {
            let message = format!("a value holds more than {MAX_VALUE_SIZE} others");
            return Err(Fault::Fatal(message));
        }
        Ok(value)
    }

    // ---- nodes ----

    pub(crate) fn eval(&mut self, ast: &Arc<Ast>, id: NodeId, scope: &Scope<'_>) -> Answer {
        self.work(1)?;
        match &ast[id] {
            Node::Literal(value) => return Ok(value.clone()),
            Node::Variable { name, path } => return Ok(self.variable(name, path, scope)),
            _ => {}
        }
        if self.depth == MAX_DEPTH {
            return Err(Fault::Fatal(format!(
                "it is nested more than {MAX_DEPTH} levels deep"
            )));
        }
        self.depth += 1;
        let answer = self.node(ast, id, scope);
        self.depth -= 1;
        answer
    }

    fn node(&mut self, ast: &Arc<Ast>, id: NodeId, scope: &Scope<'_>) -> Answer {
        match &ast[id] {
            Node::Literal(value) => Ok(value.clone()),
            Node::Variable { name, path } => Ok(self.variable(name, path, scope)),
            Node::Compare { op, left, right } => self.compare(ast, *op, *left, *right, scope),
            Node::Arithmetic { first, rest } => {
                let mut value = self.eval(ast, *first, scope);
                for (op, operand) in rest {
                    let right = self.after(&value, ast, *operand, scope)?;
                    value = self.arithmetic(*op, value, right);
                }
                value
            }
            Node::Negate(value) => {
                let value = self.eval(ast, *value, scope);
                or_null(value.and_then(|value| match value {
                    Value::Number(n) => Ok(n.neg().into()),
                    other => Err(self.expected("number", &other)),
                }))
            }
            Node::Not(value) => {
                let value = self.eval(ast, *value, scope);
                self.boolean_or_null(value).map(|value| match value {
                    Value::Boolean(b) => (!b).into(),
                    other => other,
                })
            }
            Node::All(operands) => self.chain(ast, operands, false, scope),
            Node::Any(operands) => self.chain(ast, operands, true, scope),
            Node::If {
                condition,
                then,
                otherwise,
            } => {
                let condition = self.eval(ast, *condition, scope);
                let met = self.boolean_or_null(condition)? == Value::Boolean(true);
                self.eval(ast, if met { *then } else { *otherwise }, scope)
            }
            Node::Path { of, key } => {
                let value = self.eval(ast, *of, scope)?;
                Ok(self.path(&value, key))
            }
            Node::Call {
                name,
                arguments,
                builtin,
            } => self.call(ast, name, arguments, *builtin, scope),
            _ => self.larger_node(ast, id, scope),
        }
    }

    /// The rarer nodes, apart so that the frames of the others stay small.
    #[inline(never)]
    fn larger_node(&mut self, ast: &Arc<Ast>, id: NodeId, scope: &Scope<'_>) -> Answer {
        match &ast[id] {
            Node::List(items) => self.list(ast, items, scope),
            Node::Context(entries) => self.context(ast, entries, scope),
            Node::Range(range) => self.range(ast, range, scope),
            Node::Filter { list, filter } => or_null(self.filter(ast, *list, *filter, scope)),
            Node::In { value, test } => {
                let value = self.eval(ast, *value, scope)?;
                let name = tests::input_name(scope);
                self.eval(ast, *test, &scope.with_name(&name, &value))
            }
            Node::InstanceOf { value, type_name } => {
                let value = self.eval(ast, *value, scope)?;
                Ok(operators::is_instance(&value, type_name).into())
            }
            Node::For { iterators, body } => or_null(self.for_each(ast, iterators, *body, scope)),
            Node::Some {
                iterators,
                condition,
            } => or_null(self.quantified(ast, iterators, *condition, true, scope)),
            Node::Every {
                iterators,
                condition,
            } => or_null(self.quantified(ast, iterators, *condition, false, scope)),
            Node::Series { from, to } => self.series(ast, *from, *to, scope),
            Node::CallIn {
                context,
                name,
                arguments,
            } => self.call_in(ast, *context, name, arguments, scope),
            Node::Function { parameters, body } => {
                let captured = scope.capture();
                let function = Function::new(parameters.clone(), ast.clone(), *body, captured);
                self.sized(Value::Function(Arc::new(function)))
            }
            Node::Input => scope.variable("?").ok_or(Fault::NoInput),
            Node::Test(test) => self.test(ast, test, scope),
            _ => unreachable!("the other nodes are handled in `node`"),
        }
    }

    fn variable(&mut self, name: &str, path: &[Arc<str>], scope: &Scope<'_>) -> Value {
        let Some(mut value) = scope.variable(name) else {
            let message = format!("No variable found with name '{name}'");
            self.warn(WarningKind::NoVariableFound, message);
            return Value::Null;
        };
        for key in path {
            value = self.path(&value, key);
        }
        value
    }

    /// The second operand, which is evaluated even if the first one failed; unless all is over.
    fn after(
        &mut self,
        left: &Answer,
        ast: &Arc<Ast>,
        right: NodeId,
        scope: &Scope<'_>,
    ) -> Result<Answer, Fault> {
        if let Err(Fault::Fatal(message)) = left {
            return Err(Fault::Fatal(message.clone()));
        }
        match self.eval(ast, right, scope) {
            Err(Fault::Fatal(message)) => Err(Fault::Fatal(message)),
            answer => Ok(answer),
        }
    }

    fn both(
        &mut self,
        ast: &Arc<Ast>,
        left: NodeId,
        right: NodeId,
        scope: &Scope<'_>,
    ) -> Result<(Value, Value), Fault> {
        let left = self.eval(ast, left, scope);
        let right = self.after(&left, ast, right, scope)?;
        Ok((left?, right?))
    }

    fn arithmetic(&mut self, op: crate::ast::ArithmeticOp, left: Answer, right: Answer) -> Answer {
        or_null(left.and_then(|left| {
            let right = right?;
            let value = operators::arithmetic(op, &left, &right).map_err(|p| self.problem(p))?;
            if let Value::String(text) = &value {
                self.work(text.len() as u64 / 64)?;
                return self.sized(value);
            }
            Ok(value)
        }))
    }

    fn compare(
        &mut self,
        ast: &Arc<Ast>,
        op: Comparison,
        left: NodeId,
        right: NodeId,
        scope: &Scope<'_>,
    ) -> Answer {
        let (left, right) = self.both(ast, left, right, scope)?;
        self.compared(op, &left, &right)
    }

    /// A boolean, or null with a warning if there is no such comparison.
    fn compared(&mut self, op: Comparison, left: &Value, right: &Value) -> Answer {
        match operators::compare(op, left, right) {
            Ok(answer) => Ok(answer.into()),
            Err(problem) => or_null(Err(self.problem(problem))),
        }
    }

    fn boolean_or_null(&mut self, answer: Answer) -> Answer {
        match answer {
            Ok(Value::Boolean(b)) => Ok(b.into()),
            Ok(other) => {
                self.warn(
                    WarningKind::InvalidType,
                    format!("Expected boolean but found '{other}'"),
                );
                Ok(Value::Null)
            }
            fault => or_null(fault),
        }
    }

    /// `and` with `decisive` false, `or` with true: the decisive value needs no more operands.
    /// A null that a chain starts with is found once more by each operator after the next.
    fn chain(
        &mut self,
        ast: &Arc<Ast>,
        operands: &[NodeId],
        decisive: bool,
        scope: &Scope<'_>,
    ) -> Answer {
        let (first, rest) = operands.split_first().expect("a chain has two operands");
        let first = self.eval(ast, *first, scope);
        let mut value = self.boolean_or_null(first)?;
        for (i, operand) in rest.iter().enumerate() {
            if i > 0 {
                value = self.boolean_or_null(Ok(value))?;
            }
            value = self.step(value, decisive, |e| e.eval(ast, *operand, scope))?;
        }
        Ok(value)
    }

    /// One more operand of a conjunction or disjunction.
    fn step(
        &mut self,
        so_far: Value,
        decisive: bool,
        operand: impl FnOnce(&mut Self) -> Answer,
    ) -> Answer {
        match so_far {
            Value::Boolean(b) if b == decisive => Ok(b.into()),
            Value::Null => match or_null(operand(self))? {
                Value::Boolean(b) if b == decisive => Ok(b.into()),
                _ => Ok(Value::Null),
            },
            _ => {
                let value = operand(self);
                self.boolean_or_null(value)
            }
        }
    }

    fn range(&mut self, ast: &Arc<Ast>, range: &RangeNode, scope: &Scope<'_>) -> Answer {
        let (start, end) = self.both(ast, range.start, range.end, scope)?;
        let range = Range {
            start,
            start_included: range.start_included,
            end,
            end_included: range.end_included,
        };
        if !operators::is_range(&range.start, &range.end) {
            let message = format!(
                "Invalid range definition '{}'",
                Value::Range(Arc::new(range))
            );
            return Err(self.fault(WarningKind::InvalidType, message));
        }
        Ok(Value::Range(Arc::new(range)))
    }

    /// An entry or a property; null with a warning if there is none.
    fn path(&mut self, value: &Value, key: &str) -> Value {
        match value {
            Value::Context(map) => {
                if let Some(found) = map.get(key) {
                    return found.clone();
                }
                let keys: Vec<String> = map.iter().map(|(key, _)| format!("'{key}'")).collect();
                let available = match keys.is_empty() {
                    true => "The context is empty".to_owned(),
                    false => format!("Available keys: {}", keys.join(", ")),
                };
                let message = format!("No context entry found with key '{key}'. {available}");
                self.warn(WarningKind::NoContextEntryFound, message);
                Value::Null
            }
            Value::List(items) => Value::list(items.iter().map(|item| self.path(item, key))),
            Value::Null => {
                let message =
                    format!("No context entry found with key '{key}'. The context is null");
                self.warn(WarningKind::NoContextEntryFound, message);
                Value::Null
            }
            other => {
                let properties = operators::properties(other);
                if let Some(property) = operators::property(other, key) {
                    return property;
                }
                let names: Vec<String> = properties.iter().map(|p| format!("'{p}'")).collect();
                let message = format!(
                    "No property found with name '{key}' of value '{other}'. Available properties: {}",
                    names.join(", ")
                );
                self.warn(WarningKind::NoPropertyFound, message);
                Value::Null
            }
        }
    }
}

/// What an operator makes of a fault in it.
fn or_null(answer: Answer) -> Answer {
    match answer {
        Err(Fault::Null(_)) => Ok(Value::Null),
        other => other,
    }
}
