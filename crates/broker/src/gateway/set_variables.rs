//! SetVariables: in one scope, or up to where each is known.

use super::{Gateway, key, variables};
use engine::{Command, Response};
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn set_variables(
        &self,
        request: proto::SetVariablesRequest,
    ) -> Result<proto::SetVariablesResponse, Status> {
        let command = Command::SetVariables {
            scope_key: key(request.element_instance_key)?,
            variables: variables(&request.variables)?,
            local: request.local,
        };
        let response = self.execute(command, request.variables.len()).await?;
        let Response::Key(key) = response else {
            return Err(Status::internal(
                "variables were answered with something else",
            ));
        };
        Ok(proto::SetVariablesResponse { key: key.0 })
    }
}
