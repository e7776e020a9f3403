//! BPMN XML to a validated, compiled process, with the refusals that Zeebe gives.
//!
//! The file is read as it is written (`xml`, `model`), held against the BPMN schema (`schema`)
//! and the rules that Zeebe enforces at deployment (`validate`), and what passed is turned into
//! the dense form that the engine runs (`compile`, [`process`]). Nothing in here executes a
//! process, reads a file or a clock.

mod compile;
pub mod coverage;
pub mod diagram;
mod expression;
pub mod lint;
mod model;
pub mod picture;
pub mod process;
mod refusal;
mod schema;
pub mod timer;
mod validate;
mod xml;

use std::sync::Arc;

use model::Model;
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
    let document = read(resource_name, xml)?;
    let model = Model::new(&document);
    let mut problems = validate::problems(&model);
    problems.extend(coverage::unsupported(&model));
    Refusal::of_elements(resource_name, problems)?;
    let mut processes = Vec::new();
    for process in model.executable_processes() {
        match compile::process(&model, process) {
            Ok(process) => processes.push(Arc::new(process)),
            Err(problem) => Refusal::of_elements(resource_name, vec![problem])?,
        }
    }
    Ok(processes)
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
    let document = read(resource_name, xml)?;
    let model = Model::new(&document);
    Refusal::of_elements(resource_name, validate::problems(&model))?;
    Ok(Check {
        unsupported: coverage::unsupported(&model),
    })
}

/// Reads a file that follows the BPMN schema.
fn read(resource_name: &str, xml: &[u8]) -> Result<xml::Document, Refusal> {
    let document = xml::Document::parse(xml);
    let checked = document.and_then(|document| schema::check(&document).map(|()| document));
    checked.map_err(|fault| Refusal::of_file(resource_name, fault))
}
