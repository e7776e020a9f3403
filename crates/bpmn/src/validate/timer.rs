//! Timers: a static text has to be what it is for, an expression has to parse.

use super::Context;
use crate::expression;
use crate::timer::{is_cron, parse_cycle};
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is_catch_event() {
        return;
    }
    for definition in node.event_definitions() {
        for (element, what) in [
            ("timeDuration", "duration"),
            ("timeDate", "date"),
            ("timeCycle", "cycle"),
        ] {
            let Some(time) = definition.bpmn_child(element) else {
                continue;
            };
            if let Err(message) = check_time(what, time.text().trim()) {
                let message = format!("Invalid timer {what} expression ({message})");
                context.error(node, message);
            }
        }
    }
}

fn check_time(what: &str, text: &str) -> Result<(), String> {
    if let Some(feel) = expression::feel_part(text) {
        return expression::parse(feel).map(drop);
    }
    let format = match what {
        "duration" if feel::parse_duration(text).is_none() => "duration",
        "date" if feel::parse_date_time(text).is_none() => "date-time",
        "cycle" if !is_cron(text) => return parse_cycle(text).map(drop),
        _ => return Ok(()),
    };
    Err(format!(
        "Invalid {format} format '{text}' for expression '{text}'."
    ))
}
