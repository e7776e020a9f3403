//! Deploying models: all of a command's resources or none. A file with the same bytes under the
//! same name as the newest version is unchanged and keeps its key.

use super::{Refused, invalid_argument};
use crate::command::{DeployedProcess, Resource, Response};
use crate::context::Context;
use crate::event::{Event, ProcessDefinition, StartSubscription};
use crate::key::Key;
use bpmn::Process;
use bpmn::process::{ElementKind, StartTrigger, Text};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn create(ctx: &mut Context<'_>, resources: &[Resource]) -> Result<Response, Refused> {
    if resources.is_empty() {
        return Err(invalid_argument(
            "Expected to deploy at least one resource, but none given".into(),
        ));
    }
    let processes = compile(resources)?;
    let deployment_key = ctx.emit_new(Event::DeploymentCreated);
    let processes = processes
        .into_iter()
        .map(|(resource, process)| deploy(ctx, deployment_key, resource, &process))
        .collect();
    Ok(Response::Deployed {
        key: deployment_key,
        processes,
    })
}

fn compile(resources: &[Resource]) -> Result<Vec<(&Resource, Arc<Process>)>, Refused> {
    let mut problems = Vec::new();
    let mut processes: Vec<(&Resource, Arc<Process>)> = Vec::new();
    let mut files: BTreeMap<Arc<str>, &str> = BTreeMap::new();
    for resource in resources {
        let ending = resource.name.rsplit('.').next().unwrap_or_default();
        match ending {
            "bpmn" | "xml" => match bpmn::compile(&resource.name, &resource.content) {
                Ok(compiled) => {
                    for process in compiled {
                        match files.insert(Arc::clone(&process.id), &resource.name) {
                            Some(other) => problems.push(format!(
                                "Duplicated process id in resources '{other}' and '{}'",
                                resource.name
                            )),
                            None => processes.push((resource, process)),
                        }
                    }
                }
                Err(refusal) => problems.push(refusal.to_string()),
            },
            "dmn" | "form" => problems.push(format!(
                "'{}': this engine takes BPMN models alone, and no .{ending} resources yet",
                resource.name
            )),
            _ => problems.push(format!("\n'{}': unknown resource type", resource.name)),
        }
    }
    if problems.is_empty() {
        return Ok(processes);
    }
    Err(invalid_argument(format!(
        "Expected to deploy new resources, but encountered the following errors:\n{}",
        problems.join("\n")
    )))
}

fn deploy(
    ctx: &mut Context<'_>,
    deployment_key: Key,
    resource: &Resource,
    process: &Arc<Process>,
) -> DeployedProcess {
    let latest = ctx.state().definitions().latest(&process.id);
    let (unchanged, version) = match latest {
        Some(latest)
            if latest.data.resource == resource.content
                && latest.data.resource_name == resource.name =>
        {
            (Some(latest.key), latest.data.version)
        }
        Some(latest) => (None, latest.data.version + 1),
        None => (None, 1),
    };
    let process_key = unchanged.unwrap_or_else(|| {
        let key = ctx.emit_new(Event::ProcessCreated(ProcessDefinition {
            bpmn_process_id: Arc::clone(&process.id),
            version,
            resource_name: Arc::clone(&resource.name),
            deployment_key,
            resource: Arc::clone(&resource.content),
        }));
        subscribe_starts(ctx, key, process);
        key
    });
    DeployedProcess {
        process_key,
        bpmn_process_id: Arc::clone(&process.id),
        version,
        resource_name: Arc::clone(&resource.name),
    }
}

/// Messages start the newest version: its subscriptions take the place of the older ones.
fn subscribe_starts(ctx: &mut Context<'_>, process_key: Key, process: &Process) {
    let old: Vec<Key> = ctx
        .state()
        .subscriptions()
        .starts_of(&process.id)
        .map(|(key, _)| key)
        .collect();
    for key in old {
        ctx.emit(key, Event::StartSubscription(StartSubscription::Deleted));
    }
    for idx in &process.message_starts {
        let ElementKind::StartEvent(StartTrigger::Message(message)) = &process.element(*idx).kind
        else {
            continue;
        };
        let message_name = match &message.name {
            Text::Static(name) => Arc::clone(name),
            Text::Expression(expression) => {
                // There are no variables before there is an instance.
                let environment = feel::Environment::utc(ctx.now().0);
                match expression.evaluate(&(), &environment).result {
                    Ok(feel::Value::String(name)) => name,
                    Ok(_) | Err(_) => continue,
                }
            }
        };
        ctx.emit_new(Event::StartSubscription(StartSubscription::Created {
            process_key,
            bpmn_process_id: Arc::clone(&process.id),
            element: idx.0,
            message_name,
        }));
    }
}
