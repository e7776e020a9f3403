//! Variables, each in its scope, the newest value; long ones are cut unless asked otherwise
//! (`?truncateValues=false`), and by key whole.

use super::TENANT;
use crate::readmodel::{Field, Kind, Resource};

#[rustfmt::skip]
pub(super) const RESOURCE: Resource = Resource {
    from: "variable v",
    key: "variableKey",
    fields: &[
        Field { name: "variableKey", sql: "v.key", kind: Kind::Key },
        Field { name: "name", sql: "v.name", kind: Kind::Text },
        Field { name: "value", sql: "v.value", kind: Kind::LongText },
        Field { name: "isTruncated", sql: "0", kind: Kind::Boolean },
        Field { name: "scopeKey", sql: "v.scope_key", kind: Kind::Key },
        Field { name: "processInstanceKey", sql: "v.process_instance_key", kind: Kind::Key },
        Field { name: "tenantId", sql: TENANT, kind: Kind::Text },
    ],
    conditions: &[],
    variables: None,
};
