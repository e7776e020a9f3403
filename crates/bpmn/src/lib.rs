//! BPMN XML to a validated, compiled process, with the refusals that Zeebe gives.
//!
//! `parse` reads the file as it is written, `validate` holds it against the rules that Zeebe
//! enforces, `compile` turns what passed into the dense form that the engine runs. Nothing in
//! here executes a process.

pub mod process;

pub use process::{ElementIdx, ElementType, FlowIdx, Process};
