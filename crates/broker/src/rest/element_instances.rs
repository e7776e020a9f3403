//! Element instances: where a process instance was and is.

use super::TENANT;
use super::process_instances::STATES;
use crate::readmodel::{Field, Kind, Resource};

#[rustfmt::skip]
pub(super) const RESOURCE: Resource = Resource {
    from: "element_instance e
           LEFT JOIN element m ON m.definition_key = e.definition_key AND m.element = e.element
           LEFT JOIN process_definition d ON d.key = e.definition_key",
    key: "elementInstanceKey",
    fields: &[
        Field { name: "elementInstanceKey", sql: "e.key", kind: Kind::Key },
        Field { name: "processInstanceKey", sql: "e.process_instance_key", kind: Kind::Key },
        Field { name: "processDefinitionKey", sql: "e.definition_key", kind: Kind::Key },
        Field { name: "processDefinitionId", sql: "d.id", kind: Kind::Text },
        Field { name: "elementId", sql: "m.id", kind: Kind::Text },
        Field { name: "elementName", sql: "coalesce(m.name, m.id)", kind: Kind::Text },
        Field { name: "type", sql: "m.type", kind: Kind::Text },
        Field { name: "state", sql: "e.state", kind: STATES },
        Field { name: "startDate", sql: "e.started", kind: Kind::Time },
        Field { name: "endDate", sql: "e.ended", kind: Kind::Time },
        Field {
            name: "hasIncident",
            sql: "EXISTS (SELECT 1 FROM incident i
                  WHERE i.process_instance_key = e.process_instance_key AND i.state = 0
                  AND i.element_instance_key = e.key)",
            kind: Kind::Boolean,
        },
        Field {
            name: "incidentKey",
            sql: "(SELECT max(i.key) FROM incident i
                  WHERE i.process_instance_key = e.process_instance_key AND i.state = 0
                  AND i.element_instance_key = e.key)",
            kind: Kind::Key,
        },
        Field { name: "tenantId", sql: TENANT, kind: Kind::Text },
    ],
    conditions: &[
        Field { name: "elementInstanceScopeKey", sql: "e.scope_key", kind: Kind::Key },
    ],
    variables: None,
};
