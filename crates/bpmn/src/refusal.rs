//! Why a model file is refused, in Zeebe's words.

use std::fmt;

use crate::xml::{Fault, Node};

/// One fault of a model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The element as Zeebe names it: its id, or what leads to it from the next element that has
    /// one (`flow > conditionExpression`). Empty for a fault of the file as a whole.
    pub element: String,
    /// What is wrong.
    pub message: String,
    /// The line in the file, from 1, where it is known.
    pub line: Option<u32>,
}

impl Problem {
    pub(crate) fn at(node: Node<'_>, message: impl Into<String>) -> Self {
        Self {
            element: node.path(),
            message: message.into(),
            line: Some(node.line()),
        }
    }
}

/// All faults of a model file.
///
/// Its `Display` is what Zeebe says of the resource in its answer to a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    resource_name: String,
    /// Never empty.
    problems: Vec<Problem>,
}

impl Refusal {
    /// A file that is no XML, or that breaks the schema: Zeebe names no element then.
    pub(crate) fn of_file(resource_name: &str, fault: Fault) -> Self {
        let problem = Problem {
            element: String::new(),
            message: fault.message,
            line: Some(fault.line),
        };
        Self {
            resource_name: resource_name.to_owned(),
            problems: vec![problem],
        }
    }

    /// `Err` if there are problems.
    pub(crate) fn of_elements(resource_name: &str, problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        Err(Self {
            resource_name: resource_name.to_owned(),
            problems,
        })
    }

    /// The faults, in the order in which they are shown; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}': ", self.resource_name)?;
        let mut shown = "";
        for problem in &self.problems {
            if problem.element.is_empty() {
                write!(f, "{}", problem.message)?;
                continue;
            }
            if problem.element != shown {
                writeln!(f, "- Element: {}", problem.element)?;
                shown = &problem.element;
            }
            writeln!(f, "    - ERROR: {}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
