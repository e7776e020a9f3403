//! BPMN XML to a validated, compiled process, with the refusals that Zeebe gives
