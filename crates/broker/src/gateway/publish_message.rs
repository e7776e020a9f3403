//! PublishMessage: to whoever waits for it, or into the buffer for its time to live.

use super::{Gateway, TENANT, check_tenant, variables};
use engine::{Command, Response, command};
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn publish_message(
        &self,
        request: proto::PublishMessageRequest,
    ) -> Result<proto::PublishMessageResponse, Status> {
        check_tenant("PublishMessage", &request.tenant_id)?;
        let bytes = request.variables.len();
        let command = Command::PublishMessage(command::PublishMessage {
            name: request.name.into(),
            correlation_key: request.correlation_key.into(),
            message_id: request.message_id.into(),
            time_to_live_ms: request.time_to_live,
            variables: variables(&request.variables)?,
        });
        let Response::Key(key) = self.execute(command, bytes).await? else {
            return Err(Status::internal(
                "a message was answered with something else",
            ));
        };
        Ok(proto::PublishMessageResponse {
            key: key.0,
            tenant_id: TENANT.to_owned(),
        })
    }
}
