//! BPMN's signs: what an element looks like, without its name and its place in the whole.
//!
//! Thin ring = start, double ring = in between, thick ring = end; an outlined sign in it catches,
//! a filled one throws.

use super::canvas::{Canvas, Ink};
use crate::diagram::Bounds;
use crate::xml::Node;

/// A cogwheel around the origin.
const COG: &str = "M5.3-1.8L7.9-1.4V1.4L5.3 1.8 5 2.5 6.6 4.6 4.6 6.6 2.5 5 1.8 5.3 1.4 7.9H-1.4L-1.8 5.3-2.5 5-4.6 6.6-6.6 4.6-5 2.5-5.3 1.8-7.9 1.4V-1.4L-5.3-1.8-5-2.5-6.6-4.6-4.6-6.6-2.5-5-1.8-5.3-1.4-7.9H1.4L1.8-5.3 2.5-5 4.6-6.6 6.6-4.6 5-2.5Z";

pub(super) fn event(canvas: &mut Canvas, node: Node<'_>, bounds: Bounds) {
    let (x, y) = middle(bounds);
    let radius = bounds.width / 2.0;
    let throws = node.is_throw_event();
    let ink = match node.name() {
        "startEvent" => Ink::Start,
        "endEvent" => Ink::End,
        _ => Ink::Between,
    };
    let waits_on = node.is("boundaryEvent") && !node.flag("cancelActivity", true);
    let dashes = if waits_on { "5 3" } else { "" };
    let width = if node.is("endEvent") { 3.5 } else { 1.5 };
    canvas.circle(x, y, radius - width / 4.0, ink, width, dashes);
    if node.is("boundaryEvent") || node.name().starts_with("intermediate") {
        canvas.circle(x, y, radius - 3.5, ink, 1.5, dashes);
    }
    if let Some(definition) = node.event_definitions().next() {
        let sign = definition.name().trim_end_matches("EventDefinition");
        event_sign(canvas, sign, (x, y), ink, throws);
    }
}

fn event_sign(canvas: &mut Canvas, sign: &str, (x, y): (f64, f64), ink: Ink, throws: bool) {
    let mut draw = |path: &str, filled: bool| canvas.sign(path, x, y, ink, filled);
    match sign {
        "message" if throws => draw("M-8-5.5H8L0 .5ZM-8-4V5.5H8V-4L0 2.5Z", true),
        "message" => draw("M-8-5.5H8V5.5H-8ZM-8-5.5L0 1 8-5.5", false),
        "timer" => {
            draw("M9 0A9 9 0 1 1-9 0 9 9 0 1 1 9 0ZM0-6V0L4 2.5", false);
            draw("M0-9V-7M9 0H7M0 9V7M-9 0H-7", false);
        }
        "error" => draw("M-8 7L-3-7 2 1 8-7 3 7-2-1Z", throws),
        "signal" => draw("M0-8L8 6H-8Z", throws),
        "escalation" => draw("M0-8L6.5 7.5 0 1-6.5 7.5Z", throws),
        "terminate" => draw("M8.5 0A8.5 8.5 0 1 1-8.5 0 8.5 8.5 0 1 1 8.5 0Z", true),
        _ => {}
    }
}

pub(super) fn gateway(canvas: &mut Canvas, node: Node<'_>, bounds: Bounds) {
    let (x, y) = middle(bounds);
    let reach = bounds.width / 2.0;
    let diamond = format!("M0-{reach}L{reach} 0 0 {reach}-{reach} 0Z");
    canvas.shape(&diamond, x, y, Ink::Gateway);
    let sign = match node.name() {
        "exclusiveGateway" => "M-7-8L7 8M7-8L-7 8",
        "parallelGateway" => "M0-11V11M-11 0H11",
        "inclusiveGateway" => "M10 0A10 10 0 1 1-10 0 10 10 0 1 1 10 0Z",
        "eventBasedGateway" => {
            canvas.circle(x, y, 13.0, Ink::Gateway, 1.0, "");
            canvas.circle(x, y, 10.5, Ink::Gateway, 1.0, "");
            "M0-6.5L6.2-2 3.8 5.3H-3.8L-6.2-2Z"
        }
        _ => "",
    };
    let bold = matches!(node.name(), "exclusiveGateway" | "parallelGateway");
    canvas.bold_sign(sign, x, y, Ink::Gateway, if bold { 3.0 } else { 1.5 });
}

/// The sign in a task's corner that says who does the work.
pub(super) fn task(canvas: &mut Canvas, node: Node<'_>, bounds: Bounds) {
    let (x, y) = (bounds.x + 15.0, bounds.y + 15.0);
    let mut draw = |path: &str, filled: bool| canvas.sign(path, x, y, Ink::Task, filled);
    match node.name() {
        "serviceTask" => {
            draw(COG, false);
            draw("M2.6 0A2.6 2.6 0 1 1-2.6 0 2.6 2.6 0 1 1 2.6 0Z", false);
        }
        "scriptTask" => {
            draw("M-4-8H7C3-4 10 3 6 8H-6C-2 3-9-3-4-8Z", false);
            draw("M-3-4.5H3M-3.2-1.2H3.6M-1.6 2H5M-1.4 5H4.6", false);
        }
        "userTask" => draw(
            "M3-4A3 3 0 1 1-3-4 3 3 0 1 1 3-4ZM-7 8V5C-7 2-4 0-2 0H2C4 0 7 2 7 5V8Z",
            false,
        ),
        "sendTask" => draw("M-8-5.5H8L0 .5ZM-8-4V5.5H8V-4L0 2.5Z", true),
        "receiveTask" => draw("M-8-5.5H8V5.5H-8ZM-8-5.5L0 1 8-5.5", false),
        "businessRuleTask" => draw("M-8-6H8V6H-8ZM-8-2H8M-8 2H8M-3-2V6", false),
        _ => {}
    }
}

/// The signs at an activity's lower edge: whether it is done once for each of many, and whether there
/// is more inside than is shown.
pub(super) fn activity(canvas: &mut Canvas, node: Node<'_>, bounds: Bounds, collapsed: bool) {
    let (x, y) = (
        bounds.x + bounds.width / 2.0,
        bounds.y + bounds.height - 11.0,
    );
    let many = node.bpmn_child("multiInstanceLoopCharacteristics");
    let aside = if many.is_some() && collapsed {
        12.0
    } else {
        0.0
    };
    if let Some(many) = many {
        let path = if many.flag("isSequential", false) {
            "M-6-5H6M-6 0H6M-6 5H6"
        } else {
            "M-5-6V6M0-6V6M5-6V6"
        };
        canvas.bold_sign(path, x - aside, y, Ink::Task, 2.5);
    }
    if collapsed {
        canvas.sign("M-7-7H7V7H-7ZM0-4V4M-4 0H4", x + aside, y, Ink::Task, false);
    }
}

fn middle(bounds: Bounds) -> (f64, f64) {
    (
        bounds.x + bounds.width / 2.0,
        bounds.y + bounds.height / 2.0,
    )
}
