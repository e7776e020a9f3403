//! CreateProcessInstanceWithResult: answered when the instance completes. If it never does, since
//! it was cancelled or takes too long, the call just times out, as on Zeebe.

use super::create_process_instance::{command_of, created};
use super::{Gateway, status};
use engine::Response;
use protocol as proto;
use std::time::Duration;
use tonic::Status;

/// How long a caller waits who does not say.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

impl Gateway {
    pub(super) async fn create_process_instance_with_result(
        &self,
        request: proto::CreateProcessInstanceWithResultRequest,
    ) -> Result<proto::CreateProcessInstanceWithResultResponse, Status> {
        let timeout = match u64::try_from(request.request_timeout) {
            Ok(0) | Err(_) => TIMEOUT_DEFAULT,
            Ok(ms) => Duration::from_millis(ms),
        };
        let creation = request.request.unwrap_or_default();
        let bytes = creation.variables.len();
        let fetch = Some(request.fetch_variables);
        let command = command_of("CreateProcessInstanceWithResult", creation, fetch)?;
        let completion = async {
            let (response, result) = self
                .engine
                .execute_with_result(command, bytes)
                .await
                .map_err(status::of_no_answer)?;
            if let Response::Rejected(rejection) = response {
                return Err(status::of_rejection(&rejection));
            }
            let created = created(response)?;
            match result.await {
                Ok(variables) => Ok((created, variables)),
                Err(_) => Err(status::of_no_answer(crate::handle::NoAnswer::Stopped)),
            }
        };
        let Ok(completed) = tokio::time::timeout(timeout, completion).await else {
            return Err(Status::deadline_exceeded(format!(
                "Time out between gateway and broker: Request command-api-1 to {} timed out in {}",
                self.address,
                iso_8601(timeout)
            )));
        };
        let (created, variables) = completed?;
        Ok(proto::CreateProcessInstanceWithResultResponse {
            process_definition_key: created.process_definition_key,
            bpmn_process_id: created.bpmn_process_id,
            version: created.version,
            process_instance_key: created.process_instance_key,
            variables,
            tenant_id: created.tenant_id,
        })
    }
}

/// A duration as Java prints it: `PT1S`, `PT0.5S`, `PT1M30S`, `PT2H`.
fn iso_8601(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = Duration::new(seconds % 60, duration.subsec_nanos()).as_secs_f64();
    let hours = (hours > 0).then(|| format!("{hours}H"));
    let minutes = (minutes > 0).then(|| format!("{minutes}M"));
    let rest = (rest > 0.0).then(|| format!("{rest}S"));
    let parts = [hours, minutes, rest].into_iter().flatten();
    format!("PT{}", parts.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_java_does() {
        for (ms, text) in [
            (1000, "PT1S"),
            (10_000, "PT10S"),
            (500, "PT0.5S"),
            (90_000, "PT1M30S"),
            (7_200_000, "PT2H"),
        ] {
            assert_eq!(iso_8601(Duration::from_millis(ms)), text);
        }
    }
}
