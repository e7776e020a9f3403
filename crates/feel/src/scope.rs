//! The names an expression sees: layers on the evaluator's stack, the innermost first.

use std::sync::Arc;

use crate::Context;
use crate::function::{Captured, Function};
use crate::value::{ContextMap, Value};

/// A layer of names and the ones around it.
pub(crate) struct Scope<'a> {
    parent: Option<&'a Scope<'a>>,
    layer: Layer<'a>,
}

enum Layer<'a> {
    /// The variables of the whole expression.
    Root(&'a dyn Context),
    /// One name, such as `item` or `?`.
    Name(&'a str, &'a Value),
    /// Parameters or iteration variables: all are variables, functions too.
    Variables(&'a [(Arc<str>, Value)]),
    /// The entries of a context: a function among them is no variable, but can be called.
    Entries(&'a [(Arc<str>, Value)]),
    /// The results so far of a `for`, as the variable `partial`.
    Partial(&'a [Value]),
    Captured(&'a Captured),
}

impl<'a> Scope<'a> {
    pub(crate) fn root(context: &'a dyn Context) -> Scope<'a> {
        Scope {
            parent: None,
            layer: Layer::Root(context),
        }
    }

    pub(crate) fn with_name<'s>(&'s self, name: &'s str, value: &'s Value) -> Scope<'s> {
        Scope {
            parent: Some(self),
            layer: Layer::Name(name, value),
        }
    }

    pub(crate) fn with_variables<'s>(&'s self, variables: &'s [(Arc<str>, Value)]) -> Scope<'s> {
        Scope {
            parent: Some(self),
            layer: Layer::Variables(variables),
        }
    }

    pub(crate) fn with_entries<'s>(&'s self, entries: &'s [(Arc<str>, Value)]) -> Scope<'s> {
        Scope {
            parent: Some(self),
            layer: Layer::Entries(entries),
        }
    }

    pub(crate) fn with_context<'s>(&'s self, context: &'s ContextMap) -> Scope<'s> {
        self.with_entries(context.entries())
    }

    pub(crate) fn with_partial<'s>(&'s self, partial: &'s [Value]) -> Scope<'s> {
        Scope {
            parent: Some(self),
            layer: Layer::Partial(partial),
        }
    }

    pub(crate) fn with_captured<'s>(&'s self, captured: &'s Captured) -> Scope<'s> {
        Scope {
            parent: Some(self),
            layer: Layer::Captured(captured),
        }
    }

    fn layers(&self) -> impl Iterator<Item = &Layer<'_>> {
        std::iter::successors(Some(self), |scope| scope.parent).map(|scope| &scope.layer)
    }

    pub(crate) fn variable(&self, name: &str) -> Option<Value> {
        // A plain loop: this is the most frequent call of all.
        let mut scope = self;
        loop {
            if let Some(value) = scope.layer.variable(name) {
                return Some(value);
            }
            scope = scope.parent?;
        }
    }

    /// The innermost function of this name that fits.
    pub(crate) fn function(
        &self,
        name: &str,
        fits: impl Fn(&Function) -> bool,
    ) -> Option<Arc<Function>> {
        self.layers().find_map(|layer| layer.function(name, &fits))
    }

    /// All names but those of the root, the innermost of each.
    pub(crate) fn capture(&self) -> Captured {
        let mut captured = Captured::default();
        for layer in self.layers() {
            match layer {
                Layer::Root(_) => {}
                Layer::Name(name, value) => captured.add_variable(&Arc::from(*name), value),
                Layer::Partial(items) => {
                    captured
                        .add_variable(&Arc::from("partial"), &Value::list(items.iter().cloned()));
                }
                Layer::Variables(variables) => {
                    for (name, value) in variables.iter().rev() {
                        captured.add_variable(name, value);
                    }
                }
                Layer::Entries(entries) => {
                    for (name, value) in entries.iter().rev() {
                        match value {
                            Value::Function(function) => captured.add_function(name, function),
                            _ => captured.add_variable(name, value),
                        }
                    }
                }
                Layer::Captured(outer) => {
                    for (name, value) in &outer.variables {
                        captured.add_variable(name, value);
                    }
                    for (name, function) in &outer.functions {
                        captured.add_function(name, function);
                    }
                }
            }
        }
        captured
    }
}

impl Layer<'_> {
    fn variable(&self, name: &str) -> Option<Value> {
        let last = |variables: &[(Arc<str>, Value)]| {
            variables
                .iter()
                .rev()
                .find(|(n, _)| **n == *name)
                .map(|(_, value)| value.clone())
        };
        match self {
            Layer::Root(context) => context.variable(name),
            Layer::Name(n, value) => (*n == name).then(|| (*value).clone()),
            Layer::Variables(variables) => last(variables),
            Layer::Entries(entries) => last(entries).filter(|v| !matches!(v, Value::Function(_))),
            Layer::Partial(items) => {
                (name == "partial").then(|| Value::list(items.iter().cloned()))
            }
            Layer::Captured(captured) => last(&captured.variables),
        }
    }

    fn function(&self, name: &str, fits: &impl Fn(&Function) -> bool) -> Option<Arc<Function>> {
        let found = |f: &Arc<Function>| fits(f).then(|| Arc::clone(f));
        match self {
            Layer::Entries(entries) => entries.iter().find_map(|(n, value)| match value {
                Value::Function(f) if **n == *name => found(f),
                _ => None,
            }),
            Layer::Captured(captured) => captured
                .functions
                .iter()
                .find_map(|(n, f)| if **n == *name { found(f) } else { None }),
            Layer::Root(_) | Layer::Name(..) | Layer::Variables(_) | Layer::Partial(_) => None,
        }
    }
}

impl Captured {
    fn add_variable(&mut self, name: &Arc<str>, value: &Value) {
        if !self.variables.iter().any(|(n, _)| n == name) {
            self.variables.push((name.clone(), value.clone()));
        }
    }

    fn add_function(&mut self, name: &Arc<str>, function: &Arc<Function>) {
        self.functions.push((name.clone(), function.clone()));
    }
}
