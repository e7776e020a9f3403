//! Incidents, open and resolved.

use super::TENANT;
use crate::readmodel::{Field, Kind, Resource};

#[rustfmt::skip]
pub(super) const RESOURCE: Resource = Resource {
    from: "incident i
           LEFT JOIN element m ON m.definition_key = i.definition_key AND m.element = i.element
           LEFT JOIN process_definition d ON d.key = i.definition_key",
    key: "incidentKey",
    fields: &[
        Field { name: "incidentKey", sql: "i.key", kind: Kind::Key },
        Field { name: "errorType", sql: "i.error_type", kind: Kind::Text },
        Field { name: "errorMessage", sql: "i.error_message", kind: Kind::Text },
        Field { name: "state", sql: "i.state", kind: Kind::Choice(&["ACTIVE", "RESOLVED"]) },
        Field { name: "creationTime", sql: "i.created", kind: Kind::Time },
        Field { name: "elementId", sql: "m.id", kind: Kind::Text },
        Field { name: "elementInstanceKey", sql: "i.element_instance_key", kind: Kind::Key },
        Field { name: "jobKey", sql: "i.job_key", kind: Kind::Key },
        Field { name: "processInstanceKey", sql: "i.process_instance_key", kind: Kind::Key },
        Field { name: "processDefinitionId", sql: "d.id", kind: Kind::Text },
        Field { name: "processDefinitionKey", sql: "i.definition_key", kind: Kind::Key },
        Field { name: "tenantId", sql: TENANT, kind: Kind::Text },
    ],
    conditions: &[],
    variables: None,
};
