//! BPMN XML to a validated, compiled process, with the refusals that Zeebe gives.
//!
//! The file is read as it is written (`model`), held against the BPMN schema and the rules that
//! Zeebe enforces at deployment (`validate`), and what passed is turned into the dense form that
//! the engine runs (`compile`, [`process`]). Nothing in here executes a process, reads a file or
//! a clock.

pub mod diagram;
pub mod process;
mod refusal;
pub mod timer;

use std::sync::Arc;

pub use process::{ElementIdx, ElementType, FlowIdx, Process};
pub use refusal::{Problem, Refusal};

/// Compiles all executable processes of a model file.
///
/// `resource_name` is the name under which the file is deployed; refusals begin with it.
///
/// # Errors
///
/// What Zeebe 8.6 would refuse, in its words, and what this engine does not run yet. All
/// problems of the file are in the one [`Refusal`], except that a file which is not XML or
/// breaks the BPMN schema shows that alone.
pub fn compile(resource_name: &str, xml: &[u8]) -> Result<Vec<Arc<Process>>, Refusal> {
    let _ = xml;
    Err(Refusal::fatal(resource_name, None, "not yet".into()))
}

/// What [`check`] has to say about a model that Zeebe accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// Elements which Zeebe runs and this engine does not yet: [`compile`] refuses the file.
    pub unsupported: Vec<Problem>,
}

/// Judges a model file as Zeebe 8.6 would at deployment.
///
/// # Errors
///
/// What Zeebe 8.6 would refuse, in its words.
pub fn check(resource_name: &str, xml: &[u8]) -> Result<Check, Refusal> {
    compile(resource_name, xml).map(|_| Check::default())
}
