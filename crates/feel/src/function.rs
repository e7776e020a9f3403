//! A function defined in FEEL: its parameters, its body, and what its body saw where it stood.

use std::sync::Arc;

use crate::ast::{Ast, NodeId};
use crate::value::{Extent, Value};

/// A function that an expression defined. Only the evaluation it comes from can call it.
#[derive(Debug)]
pub struct Function {
    parameters: Box<[Arc<str>]>,
    pub(crate) ast: Arc<Ast>,
    pub(crate) body: NodeId,
    pub(crate) captured: Captured,
}

/// The names in scope at a function's definition, apart from the variables of the whole
/// expression. Of each name it holds one.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) variables: Vec<(Arc<str>, Value)>,
    pub(crate) functions: Vec<(Arc<str>, Arc<Function>)>,
}

impl Function {
    pub(crate) fn new(
        parameters: Box<[Arc<str>]>,
        ast: Arc<Ast>,
        body: NodeId,
        captured: Captured,
    ) -> Self {
        Function {
            parameters,
            ast,
            body,
            captured,
        }
    }

    /// The names of its parameters.
    pub fn parameters(&self) -> &[Arc<str>] {
        &self.parameters
    }

    pub(crate) fn extent(&self) -> Extent {
        let variables = self
            .captured
            .variables
            .iter()
            .map(|(_, value)| value.extent());
        let functions = self
            .captured
            .functions
            .iter()
            .map(|(_, function)| function.extent());
        variables
            .chain(functions)
            .fold(Extent { depth: 1, size: 1 }, |around, inner| Extent {
                depth: around.depth.max(inner.depth.saturating_add(1)),
                size: around.size.saturating_add(inner.size),
            })
    }
}
