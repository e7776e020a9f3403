//! Diagrams.

use bpmn::diagram::{Bounds, Point, parse};

#[test]
fn shapes_and_edges() {
    let diagram = "<b:BPMNDiagram xmlns:b=\"http://www.omg.org/spec/BPMN/20100524/DI\" \
        xmlns:di=\"http://www.omg.org/spec/DD/20100524/DI\" \
        xmlns:dc=\"http://www.omg.org/spec/DD/20100524/DC\"><b:BPMNPlane bpmnElement=\"p\">\
        <b:BPMNShape bpmnElement=\"sub\" isExpanded=\"true\"><dc:Bounds x=\"1\" y=\"2.5\" width=\"30\" \
        height=\"40\" /></b:BPMNShape><b:BPMNShape bpmnElement=\"s\"><dc:Bounds x=\"1\" y=\"2\" \
        width=\"36\" height=\"36\" /><b:BPMNLabel><dc:Bounds x=\"5\" y=\"6\" width=\"7\" height=\"8\" />\
        </b:BPMNLabel></b:BPMNShape><b:BPMNShape bpmnElement=\"s\"><dc:Bounds x=\"INF\" y=\"2\" \
        width=\"36\" height=\"36\" /></b:BPMNShape><b:BPMNEdge bpmnElement=\"f\"><di:waypoint x=\"-1\" \
        y=\"0\" /><di:waypoint x=\"1e2\" y=\"0\" /></b:BPMNEdge></b:BPMNPlane></b:BPMNDiagram>";
    let process = "<startEvent id=\"s\" /><subProcess id=\"sub\"><startEvent id=\"t\" /></subProcess>\
        <sequenceFlow id=\"f\" sourceRef=\"s\" targetRef=\"sub\" />";
    let diagram = parse("a.bpmn", super::model(process, diagram).as_bytes()).unwrap();
    let [sub, start] = &diagram.shapes[..] else {
        panic!(
            "a shape that stands nowhere is not drawn: {:?}",
            diagram.shapes
        );
    };
    assert_eq!(
        (sub.element.as_str(), sub.expanded, sub.label),
        ("sub", Some(true), None)
    );
    let bounds = |x, y, width, height| Bounds {
        x,
        y,
        width,
        height,
    };
    assert_eq!(sub.bounds, bounds(1.0, 2.5, 30.0, 40.0));
    assert_eq!((start.expanded, start.horizontal), (None, None));
    assert_eq!(start.label, Some(bounds(5.0, 6.0, 7.0, 8.0)));
    let [edge] = &diagram.edges[..] else {
        panic!("one flow is drawn: {:?}", diagram.edges);
    };
    assert_eq!(edge.element, "f");
    assert_eq!(
        edge.waypoints,
        [Point { x: -1.0, y: 0.0 }, Point { x: 100.0, y: 0.0 }]
    );
}

#[test]
fn a_model_without_a_diagram_has_an_empty_one() {
    let xml = super::model("<startEvent id=\"s\" />", "");
    assert_eq!(parse("a.bpmn", xml.as_bytes()).unwrap(), Default::default());
    assert!(parse("a.bpmn", b"<html />").is_err());
}
