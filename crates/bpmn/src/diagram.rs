//! The diagram of a model (BPMNDI): where its shapes and edges stand.
//!
//! For viewers; the engine never looks at it.

use crate::model::{Model, local};
use crate::refusal::Refusal;
use crate::xml::{Namespace, Node};

/// What a model file draws.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagram {
    /// Elements with an area, in the order of the file.
    pub shapes: Vec<Shape>,
    /// Flows and other connections, in the order of the file.
    pub edges: Vec<Edge>,
}

/// An element with an area.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The id of the element that is drawn.
    pub element: String,
    /// Where it stands.
    pub bounds: Bounds,
    /// Where its label stands, if the model says so.
    pub label: Option<Bounds>,
    /// Of a sub-process: whether its inside is shown.
    pub expanded: Option<bool>,
    /// Of a pool or lane: whether it lies on its side.
    pub horizontal: Option<bool>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The id of the element that is drawn.
    pub element: String,
    /// Its corners from source to target; two or more.
    pub waypoints: Vec<Point>,
    /// Where its label stands, if the model says so.
    pub label: Option<Bounds>,
}

/// A rectangle in the diagram's units, which are pixels at normal size; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A point in the diagram's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From above.
    pub y: f64,
}

/// Reads the diagram of a model file; one without a diagram gives an empty one.
///
/// # Errors
///
/// A file that is not XML or breaks the BPMN schema. Rules of Zeebe are not checked, so that a
/// viewer can also show what is refused.
pub fn parse(resource_name: &str, xml: &[u8]) -> Result<Diagram, Refusal> {
    let document = crate::read(resource_name, xml)?;
    Ok(of(&Model::new(&document)))
}

/// The diagram of a model that was read already.
pub(crate) fn of(model: &Model<'_>) -> Diagram {
    let mut diagram = Diagram::default();
    for node in model.definitions().descendants() {
        if *node.namespace() != Namespace::BpmnDi {
            continue;
        }
        let Some(element) = node.attribute("bpmnElement").map(local) else {
            continue;
        };
        let element = element.to_owned();
        let label = node.children().find(|child| child.name() == "BPMNLabel");
        let label = label.and_then(bounds);
        if let ("BPMNShape", Some(bounds)) = (node.name(), bounds(node)) {
            diagram.shapes.push(Shape {
                element,
                bounds,
                label,
                expanded: node
                    .attribute("isExpanded")
                    .map(|_| node.flag("isExpanded", false)),
                horizontal: node
                    .attribute("isHorizontal")
                    .map(|_| node.flag("isHorizontal", false)),
            });
        } else if node.name() == "BPMNEdge" {
            let waypoints = node.children().filter(|child| child.name() == "waypoint");
            diagram.edges.push(Edge {
                element,
                waypoints: waypoints.filter_map(point).collect(),
                label,
            });
        }
    }
    diagram
}

fn bounds(node: Node<'_>) -> Option<Bounds> {
    let bounds = node.children().find(|child| child.name() == "Bounds")?;
    Some(Bounds {
        x: number(bounds, "x")?,
        y: number(bounds, "y")?,
        width: number(bounds, "width")?,
        height: number(bounds, "height")?,
    })
}

fn point(node: Node<'_>) -> Option<Point> {
    Some(Point {
        x: number(node, "x")?,
        y: number(node, "y")?,
    })
}

/// A finite number, since nothing can be drawn at another.
fn number(node: Node<'_>, attribute: &str) -> Option<f64> {
    let number = node.attribute(attribute)?.trim().parse::<f64>().ok()?;
    number.is_finite().then_some(number)
}
