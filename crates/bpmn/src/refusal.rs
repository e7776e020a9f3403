//! Why a model file is refused, in Zeebe's words.

use std::fmt;

/// One fault of a model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path that Zeebe names: the element's id, or the ids and names of elements without one
    /// below it, joined by ` > `. Empty for a fault of the file as a whole.
    pub element: String,
    /// What is wrong; may have several lines.
    pub message: String,
    /// The line in the file, from 1, where it is known.
    pub line: Option<u32>,
}

/// All faults of a model file.
///
/// Its `Display` is what Zeebe says of the resource in its answer to a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    resource_name: String,
    /// The file is no XML, or breaks the schema: Zeebe words these without an element.
    fatal: bool,
    problems: Vec<Problem>,
}

impl Refusal {
    /// A file that cannot be read at all.
    pub(crate) fn fatal(resource_name: &str, line: Option<u32>, message: String) -> Self {
        let element = String::new();
        let problem = Problem {
            element,
            message,
            line,
        };
        Self {
            resource_name: resource_name.to_owned(),
            fatal: true,
            problems: vec![problem],
        }
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
        for problem in &self.problems {
            if self.fatal {
                write!(f, "{}", problem.message)?;
            } else {
                writeln!(
                    f,
                    "- Element: {}\n    - ERROR: {}",
                    problem.element, problem.message
                )?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
