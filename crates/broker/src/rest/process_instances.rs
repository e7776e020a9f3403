//! Process instances, those that run and those that ended.

use super::TENANT;
use crate::readmodel::{Field, Kind, Resource};

/// In the order of the numbers in the table.
pub(super) const STATES: Kind = Kind::Choice(&["ACTIVE", "COMPLETED", "TERMINATED"]);

#[rustfmt::skip]
pub(super) const RESOURCE: Resource = Resource {
    from: "process_instance p LEFT JOIN process_definition d ON d.key = p.definition_key",
    key: "processInstanceKey",
    fields: &[
        Field { name: "processInstanceKey", sql: "p.key", kind: Kind::Key },
        Field { name: "processDefinitionId", sql: "d.id", kind: Kind::Text },
        Field { name: "processDefinitionName", sql: "d.name", kind: Kind::Text },
        Field { name: "processDefinitionVersion", sql: "d.version", kind: Kind::Integer },
        Field { name: "processDefinitionVersionTag", sql: "NULL", kind: Kind::Text },
        Field { name: "processDefinitionKey", sql: "p.definition_key", kind: Kind::Key },
        Field { name: "parentProcessInstanceKey", sql: "NULL", kind: Kind::Key },
        Field { name: "parentElementInstanceKey", sql: "NULL", kind: Kind::Key },
        Field { name: "startDate", sql: "p.started", kind: Kind::Time },
        Field { name: "endDate", sql: "p.ended", kind: Kind::Time },
        Field { name: "state", sql: "p.state", kind: STATES },
        Field {
            name: "hasIncident",
            sql: "EXISTS (SELECT 1 FROM incident i
                  WHERE i.process_instance_key = p.key AND i.state = 0)",
            kind: Kind::Boolean,
        },
        Field { name: "tenantId", sql: TENANT, kind: Kind::Text },
    ],
    conditions: &[],
    variables: Some(
        "EXISTS (SELECT 1 FROM variable v WHERE v.name = ?
         AND substr(v.value, 1, 64) = substr(?, 1, 64) AND v.value = ?
         AND v.process_instance_key = p.key)",
    ),
};
