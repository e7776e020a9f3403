//! A compiled process as text that a reader of BPMN understands.

use std::fmt::Write;

use bpmn::process::{
    BoundaryTrigger, Catch, ElementKind, EndBehavior, JobDefinition, Message, MultiInstance,
    Process, StartTrigger, Text, Timer,
};
use bpmn::{ElementIdx, FlowIdx};

pub(crate) fn process(process: &Process) -> String {
    let mut out = String::new();
    let element = |idx: ElementIdx| {
        let element = process.element(idx);
        format!("{} {}", element.id, element.element_type().as_str())
    };
    let flows = |flows: &[FlowIdx]| {
        let ids = flows.iter().map(|flow| &*process.flow(*flow).id);
        ids.collect::<Vec<_>>().join(", ")
    };
    let mut line = |indent: usize, text: String| {
        writeln!(out, "{:indent$}{text}", "").expect("a string takes all");
    };
    line(0, format!("process {} {:?}", process.id, process.name));
    line(
        2,
        format!("none start: {:?}", process.none_start.map(element)),
    );
    let starts: Vec<_> = process
        .message_starts
        .iter()
        .map(|idx| element(*idx))
        .collect();
    line(2, format!("message starts: {starts:?}"));
    for (index, at) in process.elements.iter().enumerate() {
        line(
            0,
            format!("{index} {} {}", at.element_type().as_str(), at.id),
        );
        if let Some(parent) = at.parent {
            line(4, format!("in {}", element(parent)));
        }
        if let Some(name) = &at.name {
            line(4, format!("name {name:?}"));
        }
        for text in kind(&at.kind, &element, &|flow| {
            process.flow(flow).id.to_string()
        }) {
            line(4, text);
        }
        for (what, ids) in [("from", &at.incoming), ("to", &at.outgoing)] {
            if !ids.is_empty() {
                line(4, format!("{what} {}", flows(ids)));
            }
        }
        for event in &at.boundary_events {
            line(4, format!("boundary {}", element(*event)));
        }
        for (what, mapping) in [("inputs", &at.inputs), ("outputs", &at.outputs)] {
            if let Some(mapping) = mapping {
                line(4, format!("{what} {}", mapping.text()));
            }
        }
    }
    for flow in &process.flows {
        let (source, target) = (element(flow.source), element(flow.target));
        let condition = flow.condition.as_ref().map(feel::Expression::text);
        line(
            0,
            format!("flow {}: {source} -> {target} {condition:?}", flow.id),
        );
    }
    for (id, idx) in &process.by_id {
        line(0, format!("id {id} = {}", idx.0));
    }
    out
}

fn kind(
    kind: &ElementKind,
    element: &dyn Fn(ElementIdx) -> String,
    flow: &dyn Fn(FlowIdx) -> String,
) -> Vec<String> {
    match kind {
        ElementKind::Process
        | ElementKind::ParallelGateway
        | ElementKind::IntermediateThrowEvent
        | ElementKind::PassThroughTask { .. }
        | ElementKind::StartEvent(StartTrigger::None)
        | ElementKind::EndEvent(EndBehavior::None) => vec![],
        ElementKind::SubProcess { start } => vec![format!("starts at {}", element(*start))],
        ElementKind::MultiInstanceBody(body) => multi_instance(body, element),
        ElementKind::StartEvent(StartTrigger::Message(at))
        | ElementKind::IntermediateCatchEvent(Catch::Message(at))
        | ElementKind::ReceiveTask(at) => vec![message(at)],
        ElementKind::EndEvent(EndBehavior::Terminate) => vec!["terminates".to_owned()],
        ElementKind::EndEvent(EndBehavior::Error(code)) => vec![format!("error {}", text(code))],
        ElementKind::IntermediateCatchEvent(Catch::Timer(at)) => vec![timer(at)],
        ElementKind::BoundaryEvent(event) => {
            let trigger = match &event.trigger {
                BoundaryTrigger::Message(at) => message(at),
                BoundaryTrigger::Timer(at) => timer(at),
                BoundaryTrigger::Error(code) => format!("error {code:?}"),
            };
            let host = element(event.attached_to);
            vec![
                format!("at {host}, interrupting: {}", event.interrupting),
                trigger,
            ]
        }
        ElementKind::JobTask { job, .. } => vec![job_definition(job)],
        ElementKind::ScriptTask(script) => {
            vec![format!(
                "{} = {}",
                script.result_variable,
                script.expression.text()
            )]
        }
        ElementKind::ExclusiveGateway { default } => default
            .iter()
            .map(|default| format!("default {}", flow(*default)))
            .collect(),
    }
}

fn multi_instance(body: &MultiInstance, element: &dyn Fn(ElementIdx) -> String) -> Vec<String> {
    let order = if body.sequential {
        "one after another"
    } else {
        "all at once"
    };
    let mut lines = vec![format!(
        "{order}: {} for {:?} in {}",
        element(body.inner),
        body.input_element,
        body.input_collection.text()
    )];
    if let Some(output) = &body.output {
        let variable = &output.element_variable;
        let element = output.element.text();
        lines.push(format!(
            "collects {element} in {}, variable {variable:?}",
            output.collection
        ));
    }
    if let Some(condition) = &body.completion_condition {
        lines.push(format!("until {}", condition.text()));
    }
    lines
}

fn message(at: &Message) -> String {
    let key = at.correlation_key.as_ref().map(feel::Expression::text);
    format!("message {} key {key:?}", text(&at.name))
}

fn timer(at: &Timer) -> String {
    match at {
        Timer::Duration(at) => format!("after {}", text(at)),
        Timer::Date(at) => format!("at {}", text(at)),
        Timer::Cycle(at) => format!("every {}", text(at)),
    }
}

fn job_definition(job: &JobDefinition) -> String {
    let (job_type, retries) = (text(&job.job_type), text(&job.retries));
    format!("job {job_type} retries {retries} headers {}", job.headers)
}

fn text(text: &Text) -> String {
    match text {
        Text::Static(text) => format!("{text:?}"),
        Text::Expression(expression) => format!("={}", expression.text()),
    }
}
