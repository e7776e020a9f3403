//! Faults become incidents at the element where they happened.

use crate::context::Context;
use crate::event::{ErrorType, Event, Incident, IncidentCreated};
use crate::key::Key;
use std::sync::Arc;

/// Why an element cannot go on by itself.
pub(crate) struct Fault {
    pub(crate) error_type: ErrorType,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            error_type,
            message: message.into(),
        }
    }

    /// An expression gave something of the wrong kind.
    pub(crate) fn extract(message: impl Into<String>) -> Self {
        Self::new(ErrorType::ExtractValueError, message)
    }
}

/// Makes an incident of a fault, at an element instance and maybe its job.
pub(crate) fn raise(ctx: &mut Context<'_>, key: Key, job_key: Option<Key>, fault: Fault) {
    let Some(instance) = ctx.state().element_instances().get(key) else {
        return;
    };
    let element = instance.element;
    ctx.emit_new(Event::Incident(Incident::Created(IncidentCreated {
        error_type: fault.error_type,
        message: Arc::from(fault.message),
        element: (key, element),
        job_key,
        variable_scope_key: key,
    })));
}

/// Takes back the incident of an element instance that is being left.
pub(crate) fn withdraw(ctx: &mut Context<'_>, key: Key) {
    let instance = ctx.state().element_instances().get(key);
    if let Some(incident_key) = instance.and_then(|instance| instance.incident_key) {
        ctx.emit(incident_key, Event::Incident(Incident::Resolved));
    }
}
