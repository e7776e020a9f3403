//! A model as a picture: its diagram (BPMNDI) as SVG, in BPMN's notation.
//!
//! For pages that no program runs on. The same file gives the same bytes, on every machine. Pools,
//! lanes, data and annotations are not drawn, since no model here has them; an event without a sign
//! of its own in `symbols` is drawn as a plain ring.

mod canvas;
mod symbols;
mod text;

use canvas::{Canvas, Ink};

use crate::diagram::{self, Bounds, Edge, Point, Shape};
use crate::model::Model;
use crate::refusal::Refusal;
use crate::xml::Node;

/// Space around what is shown.
const MARGIN: f64 = 20.0;
/// The widest line of a name beside its element.
const LABEL_WIDTH: f64 = 112.0;

/// Draws a model file: all of it, or the part that the elements with the ids `window` take up.
///
/// What reaches out of that part is cut at its edge, so that one sees that it goes on.
///
/// # Errors
///
/// A file that is not XML or breaks the BPMN schema, as in [`diagram::parse`].
pub fn svg(resource_name: &str, xml: &[u8], window: &[&str]) -> Result<String, Refusal> {
    let document = crate::read(resource_name, xml)?;
    let model = Model::new(&document);
    let diagram = diagram::of(&model);
    let title = model
        .processes()
        .find_map(|process| process.attribute("name"));
    let seen = seen(&diagram, window);
    let mut canvas = Canvas::new(title.unwrap_or(resource_name), seen);
    let shapes = diagram.shapes.iter().filter(|shape| meets(shape, seen));
    let shapes: Vec<(&Shape, Node<'_>)> = shapes
        .filter_map(|shape| Some((shape, model.by_id(&shape.element)?)))
        .collect();
    let is_frame = |(shape, node): &&(&Shape, Node<'_>)| {
        node.is_sub_process() && shape.expanded.unwrap_or(false)
    };
    for (shape, node) in shapes.iter().filter(is_frame) {
        frame(&mut canvas, shape, *node);
    }
    for edge in diagram.edges.iter().filter(|edge| passes(edge, seen)) {
        if let Some(node) = model.by_id(&edge.element) {
            flow(&mut canvas, &model, edge, node);
        }
    }
    for (shape, node) in shapes.iter().filter(|shape| !is_frame(shape)) {
        element(&mut canvas, shape, *node);
    }
    Ok(canvas.finish())
}

fn frame(canvas: &mut Canvas, shape: &Shape, node: Node<'_>) {
    canvas.rounded(shape.bounds, Ink::Frame);
    let name = node.attribute("name").unwrap_or_default();
    canvas.heading(name, shape.bounds.x + 14.0, shape.bounds.y + 22.0);
    symbols::activity(canvas, node, shape.bounds, false);
}

fn element(canvas: &mut Canvas, shape: &Shape, node: Node<'_>) {
    let bounds = shape.bounds;
    let name = node.attribute("name").unwrap_or_default();
    if node.is_activity() {
        canvas.rounded(bounds, Ink::Task);
        symbols::task(canvas, node, bounds);
        symbols::activity(canvas, node, bounds, !node.is_task());
        canvas.words_in(&text::wrapped(name, bounds.width - 12.0), bounds);
        return;
    }
    if node.is_gateway() {
        symbols::gateway(canvas, node, bounds);
    } else if node.is_flow_node() {
        symbols::event(canvas, node, bounds);
    }
    let beside = shape.label.unwrap_or(Bounds {
        y: bounds.y + bounds.height + 5.0,
        ..bounds
    });
    label(canvas, name, beside);
}

fn flow(canvas: &mut Canvas, model: &Model<'_>, edge: &Edge, node: Node<'_>) {
    let source = node.attribute("sourceRef").and_then(|id| model.by_id(id));
    let default = source.and_then(|source| source.attribute("default"));
    let is_default = default.map(crate::model::local) == Some(edge.element.as_str());
    canvas.flow(&edge.waypoints, is_default);
    let name = node.attribute("name").unwrap_or_default();
    if let Some(beside) = edge.label {
        label(canvas, name, beside);
    } else if let [.., before, last] = &edge.waypoints[..] {
        label(
            canvas,
            name,
            Bounds {
                x: f64::midpoint(before.x, last.x),
                y: f64::midpoint(before.y, last.y) - text::LINE - 4.0,
                width: 0.0,
                height: 0.0,
            },
        );
    }
}

fn label(canvas: &mut Canvas, name: &str, beside: Bounds) {
    let lines = text::wrapped(name, LABEL_WIDTH);
    canvas.words(&lines, beside.x + beside.width / 2.0, beside.y);
}

/// The part of the plane that is shown.
fn seen(diagram: &diagram::Diagram, window: &[&str]) -> Bounds {
    let wanted = |shape: &&Shape| window.is_empty() || window.contains(&shape.element.as_str());
    let shapes = diagram.shapes.iter().filter(wanted);
    let mut corners: Vec<Point> = shapes
        .flat_map(|shape| std::iter::once(shape.bounds).chain(shape.label))
        .flat_map(corners_of)
        .collect();
    if window.is_empty() {
        corners.extend(diagram.edges.iter().flat_map(|edge| &edge.waypoints));
    }
    let least = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    if corners.is_empty() {
        return Bounds {
            x: 0.0,
            y: 0.0,
            width: MARGIN,
            height: MARGIN,
        };
    }
    let (left, top) = (least(|point| point.x), least(|point| point.y));
    let (right, bottom) = (most(|point| point.x), most(|point| point.y));
    Bounds {
        x: left - MARGIN,
        y: top - MARGIN,
        width: right - left + 2.0 * MARGIN,
        height: bottom - top + 2.0 * MARGIN,
    }
}

fn corners_of(bounds: Bounds) -> [Point; 2] {
    let Bounds {
        x,
        y,
        width,
        height,
    } = bounds;
    [
        Point { x, y },
        Point {
            x: x + width,
            y: y + height,
        },
    ]
}

/// Whether something of the shape or its label is seen.
fn meets(shape: &Shape, seen: Bounds) -> bool {
    std::iter::once(shape.bounds)
        .chain(shape.label)
        .any(|bounds| overlap(bounds, seen))
}

/// Whether the rectangle around the flow is seen.
fn passes(edge: &Edge, seen: Bounds) -> bool {
    edge.waypoints.windows(2).any(|ends| {
        let (a, b) = (ends[0], ends[1]);
        let around = Bounds {
            x: a.x.min(b.x),
            y: a.y.min(b.y),
            width: (a.x - b.x).abs(),
            height: (a.y - b.y).abs(),
        };
        overlap(around, seen)
    })
}

fn overlap(a: Bounds, b: Bounds) -> bool {
    let along = a.x <= b.x + b.width && b.x <= a.x + a.width;
    along && a.y <= b.y + b.height && b.y <= a.y + a.height
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = include_str!("../../../workflows/populate-stock.bpmn");

    fn drawn(window: &[&str]) -> String {
        svg("populate-stock.bpmn", MODEL.as_bytes(), window).unwrap()
    }

    #[test]
    fn each_element_and_flow_is_drawn_once() {
        let picture = drawn(&[]);
        // Three starts, three ends, a message and a timer with two rings each.
        assert_eq!(picture.matches("<circle").count(), 3 + 3 + 2 * 2);
        // The background, the frame and two tasks.
        assert_eq!(picture.matches("<rect").count(), 1 + 1 + 2);
        assert_eq!(picture.matches("marker-end").count(), 8);
        assert_eq!(picture.matches("stroke-dasharray").count(), 2);
        for name in ["Restock Product", "RESTOCKED", "Overdue", "Retry"] {
            assert_eq!(picture.matches(&format!(">{name}<")).count(), 1, "{name}");
        }
    }

    #[test]
    fn a_window_shows_its_elements_and_nothing_far_from_them() {
        let picture = drawn(&["create_stock_record", "restocked"]);
        assert!(picture.contains(">RESTOCKED<") && picture.contains("<svg "));
        assert!(!picture.contains(">Retry<"));
        assert!(picture.contains(r#"viewBox="366 150 "#), "{picture}");
    }

    #[test]
    fn what_is_no_model_is_refused_and_one_without_a_diagram_is_an_empty_sheet() {
        assert!(svg("x.bpmn", b"<a", &[]).is_err());
        let bare = MODEL.split("<bpmndi:BPMNDiagram").next().unwrap();
        let bare = format!("{bare}</bpmn:definitions>");
        let picture = svg("x.bpmn", bare.as_bytes(), &[]).unwrap();
        assert!(picture.contains(r#"viewBox="0 0 20 20""#) && !picture.contains("<circle"));
    }
}
