//! ResolveIncident: what the incident stopped is tried again.

use super::{Gateway, key};
use engine::Command;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn resolve_incident(
        &self,
        request: proto::ResolveIncidentRequest,
    ) -> Result<proto::ResolveIncidentResponse, Status> {
        let command = Command::ResolveIncident(key(request.incident_key)?);
        self.carry_out(command, 0).await?;
        Ok(proto::ResolveIncidentResponse {})
    }
}
