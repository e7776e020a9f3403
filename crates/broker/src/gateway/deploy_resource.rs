//! DeployResource: all of the files, or none.

use super::{Gateway, TENANT, check_tenant};
use engine::{Command, Response, command};
use proto::deployment::Metadata;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn deploy_resource(
        &self,
        request: proto::DeployResourceRequest,
    ) -> Result<proto::DeployResourceResponse, Status> {
        check_tenant("DeployResource", &request.tenant_id)?;
        let bytes = request
            .resources
            .iter()
            .map(|resource| resource.content.len())
            .sum();
        let resources = request
            .resources
            .into_iter()
            .map(|resource| command::Resource {
                name: resource.name.into(),
                content: resource.content.into(),
            });
        let command = Command::Deploy(resources.collect());
        let Response::Deployed { key, processes } = self.execute(command, bytes).await? else {
            return Err(Status::internal(
                "a deployment was answered with something else",
            ));
        };
        let deployments = processes.into_iter().map(|process| proto::Deployment {
            metadata: Some(Metadata::Process(proto::ProcessMetadata {
                bpmn_process_id: process.bpmn_process_id.to_string(),
                version: process.version,
                process_definition_key: process.process_key.0,
                resource_name: process.resource_name.to_string(),
                tenant_id: TENANT.to_owned(),
            })),
        });
        Ok(proto::DeployResourceResponse {
            key: key.0,
            deployments: deployments.collect(),
            tenant_id: TENANT.to_owned(),
        })
    }
}
