//! The rules that Zeebe 8.6 holds a model against at deployment, in its words.
//!
//! Each rule is a function that looks at one element; the lists below are all there are. They
//! say nothing about what this engine can run ([`crate::coverage`] does), and they presuppose
//! that the file follows the BPMN schema ([`crate::schema`]).

mod activity;
mod boundary_event;
mod definitions;
mod duplicates;
mod end_event;
mod event_definition;
mod execution_listeners;
mod expressions;
mod extension_attributes;
mod flow_element;
mod gateway;
mod ids;
mod intermediate_event;
mod link;
mod message;
mod process;
mod sequence_flow;
mod signal;
mod start_event;
mod straight_through;
mod sub_process;
mod task;
mod timer;
mod usage;

use crate::model::Model;
use crate::refusal::Problem;
use crate::xml::Node;
pub(crate) use expressions::{Kind, expression_texts};
use usage::Usage;

/// A rule: looks at one element and reports what is wrong with it.
type Rule = for<'d> fn(Node<'d>, &mut Context<'_, 'd>);

/// What can be judged by looking at the model.
const DESIGN_TIME: &[Rule] = &[
    ids::check,
    definitions::check,
    flow_element::check_type,
    flow_element::check_conditions,
    activity::check_boundary_events,
    activity::check_compensation_handler,
    boundary_event::check,
    task::check,
    end_event::check,
    intermediate_event::check_throw,
    intermediate_event::check_message_throw,
    intermediate_event::check_catch,
    event_definition::check,
    gateway::check,
    message::check,
    process::check,
    sequence_flow::check,
    signal::check,
    start_event::check,
    sub_process::check,
    extension_attributes::check,
    execution_listeners::check,
];

/// What needs FEEL and the formats of timers.
const EXPRESSIONS: &[Rule] = &[expressions::check, timer::check, straight_through::check];

/// What a rule sees beside its element, and where it reports.
struct Context<'m, 'd> {
    model: &'m Model<'d>,
    usage: &'m Usage<'d>,
    problems: Vec<Problem>,
}

impl<'d> Context<'_, 'd> {
    fn error(&mut self, node: Node<'d>, message: impl Into<String>) {
        self.problems.push(Problem::at(node, message));
    }
}

/// All that Zeebe would refuse, in the order of the file.
pub(crate) fn problems(model: &Model<'_>) -> Vec<Problem> {
    let usage = Usage::of(model);
    let mut context = Context {
        model,
        usage: &usage,
        problems: Vec::new(),
    };
    for rules in [DESIGN_TIME, EXPRESSIONS] {
        for node in model.relevant_nodes() {
            for rule in rules {
                rule(node, &mut context);
            }
        }
    }
    context.problems
}
