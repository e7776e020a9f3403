//! Calls: which function is meant, its arguments, and what becomes of its faults.

use std::sync::Arc;

use super::{Answer, Evaluator, Fault, or_null};
use crate::WarningKind;
use crate::ast::{Arguments, Ast, NodeId};
use crate::builtins::Builtin;
use crate::function::Function;
use crate::scope::Scope;
use crate::value::Value;

impl Evaluator<'_> {
    /// A function defined in the expression goes before a built-in one.
    pub(super) fn call(
        &mut self,
        ast: &Arc<Ast>,
        name: &str,
        arguments: &Arguments,
        builtin: Option<&'static Builtin>,
        scope: &Scope<'_>,
    ) -> Answer {
        let answer = match scope.function(name, |f| takes(f, arguments)) {
            Some(function) => {
                let arguments = self.arguments(ast, arguments, function.parameters(), scope);
                arguments.and_then(|arguments| self.invoke(&function, arguments))
            }
            None => match builtin {
                Some(builtin) => self.call_builtin(ast, builtin, arguments, scope),
                None => return or_null(Err(self.no_function(name, arguments))),
            },
        };
        match answer {
            Err(Fault::Null(message)) if name == "assert" => {
                self.warn(WarningKind::AssertFailure, message);
                Ok(Value::Null)
            }
            Err(Fault::Null(message)) => {
                let message = format!("Failed to invoke function '{name}': {message}");
                self.warn(WarningKind::FunctionInvocationFailure, message);
                Ok(Value::Null)
            }
            other => other,
        }
    }

    /// A function that is an entry of a context; its faults end the evaluation.
    pub(super) fn call_in(
        &mut self,
        ast: &Arc<Ast>,
        context: NodeId,
        name: &str,
        arguments: &Arguments,
        scope: &Scope<'_>,
    ) -> Answer {
        let map = match self.eval(ast, context, scope)? {
            Value::Context(map) => map,
            other => return Err(self.expected("context", &other)),
        };
        let found = map.entries().iter().find_map(|(key, value)| match value {
            Value::Function(f) if **key == *name && takes(f, arguments) => Some(Arc::clone(f)),
            _ => None,
        });
        let Some(function) = found else {
            return Err(self.no_function(name, arguments));
        };
        let arguments = self.arguments(ast, arguments, function.parameters(), scope)?;
        self.invoke(&function, arguments)
    }

    fn no_function(&mut self, name: &str, arguments: &Arguments) -> Fault {
        let parameters = match arguments {
            Arguments::Positional(arguments) => format!("{} parameters", arguments.len()),
            Arguments::Named(arguments) => {
                let names: Vec<&str> = arguments.iter().map(|(name, _)| &**name).collect();
                format!("parameters: {}", names.join(","))
            }
        };
        let message = format!("No function found with name '{name}' and {parameters}");
        self.fault(WarningKind::NoFunctionFound, message)
    }

    fn call_builtin(
        &mut self,
        ast: &Arc<Ast>,
        builtin: &'static Builtin,
        arguments: &Arguments,
        scope: &Scope<'_>,
    ) -> Answer {
        let mut values = self.arguments(ast, arguments, builtin.parameters, scope)?;
        if builtin.variadic && matches!(arguments, Arguments::Positional(_)) {
            let fixed = builtin.parameters.len() - 1;
            let rest = values.split_off(fixed);
            // A function of a list alone takes one list or its items.
            values.push(match rest.as_slice() {
                [list @ Value::List(_)] if fixed == 0 => list.clone(),
                _ => Value::list(rest),
            });
        }
        let value = (builtin.call)(self, &values)?;
        self.sized(value)
    }

    /// The arguments in the order of the parameters; one that is not given is null. All are
    /// evaluated, even if one fails.
    fn arguments(
        &mut self,
        ast: &Arc<Ast>,
        arguments: &Arguments,
        parameters: &[impl AsRef<str>],
        scope: &Scope<'_>,
    ) -> Result<Vec<Value>, Fault> {
        let nodes: Vec<Option<NodeId>> = match arguments {
            Arguments::Positional(nodes) => nodes.iter().copied().map(Some).collect(),
            Arguments::Named(named) => {
                let given = |parameter: &str| {
                    named
                        .iter()
                        .find(|(name, _)| **name == *parameter)
                        .map(|(_, node)| *node)
                };
                parameters
                    .iter()
                    .map(|parameter| given(parameter.as_ref()))
                    .collect()
            }
        };
        let mut values = Vec::with_capacity(nodes.len());
        let mut fault: Option<Fault> = None;
        for node in nodes {
            match node.map_or(Ok(Value::Null), |node| self.eval(ast, node, scope)) {
                Ok(value) => values.push(value),
                Err(Fault::Fatal(message)) => return Err(Fault::Fatal(message)),
                Err(Fault::NoInput) => fault = Some(Fault::NoInput),
                Err(other) => {
                    fault.get_or_insert(other);
                }
            }
        }
        match fault {
            Some(fault) => Err(fault),
            None => Ok(values),
        }
    }

    /// Calls a function that was defined in FEEL.
    pub(crate) fn invoke(&mut self, function: &Function, arguments: Vec<Value>) -> Answer {
        let parameters: Vec<(Arc<str>, Value)> = function
            .parameters()
            .iter()
            .cloned()
            .zip(arguments)
            .collect();
        let root = Scope::root(self.context);
        let captured = root.with_captured(&function.captured);
        self.eval(
            &function.ast,
            function.body,
            &captured.with_variables(&parameters),
        )
    }
}

fn takes(function: &Function, arguments: &Arguments) -> bool {
    let parameters = function.parameters();
    match arguments {
        Arguments::Positional(arguments) => parameters.len() == arguments.len(),
        Arguments::Named(arguments) => arguments.iter().all(|(name, _)| parameters.contains(name)),
    }
}
