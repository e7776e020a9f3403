//! What a picture is drawn on: strokes and words as SVG, all in one style.

use super::text::{LINE, SIZE, escaped};
use crate::diagram::{Bounds, Point};

/// Which pen, by the role of what is drawn.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Start,
    Between,
    End,
    Gateway,
    Task,
    Frame,
}

impl Ink {
    /// Stroke and fill. All can be told apart by their form alone: the colours only help.
    fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("#2f7d4f", "#eaf6ee"),
            Self::Between => ("#2b5fa4", "#edf3fb"),
            Self::End => ("#a33232", "#fbeeee"),
            Self::Gateway => ("#96700f", "#fdf6e0"),
            Self::Task => ("#39475c", "#f6f8fb"),
            Self::Frame => ("#7a8799", "#fdfdfe"),
        }
    }
}

const LETTERS: &str = "#1d2633";
const FLOW: &str = "#39475c";
/// How round a flow's corners are.
const BEND: f64 = 6.0;

/// An SVG in the making.
pub(super) struct Canvas {
    svg: String,
}

impl Canvas {
    /// A sheet of which `window` is seen, with its own background: the page may be dark.
    pub(super) fn new(title: &str, window: Bounds) -> Self {
        let Bounds {
            x,
            y,
            width,
            height,
        } = window;
        let title = escaped(title);
        let svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x} {y} {width} {height}" width="{width}" height="{height}" role="img" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif" font-size="{SIZE}" stroke-linejoin="round" stroke-linecap="round">
<title>{title}</title>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9.5" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 1L10 5 0 9Z" fill="{FLOW}"/></marker></defs>
<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="#fff"/>
"##
        );
        Self { svg }
    }

    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn add(&mut self, line: &str) {
        self.svg.push_str(line);
        self.svg.push('\n');
    }

    pub(super) fn rounded(&mut self, bounds: Bounds, ink: Ink) {
        let (stroke, fill) = ink.colours();
        let Bounds {
            x,
            y,
            width,
            height,
        } = bounds;
        self.add(&format!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>"#
        ));
    }

    pub(super) fn circle(&mut self, x: f64, y: f64, r: f64, ink: Ink, width: f64, dashes: &str) {
        let (stroke, fill) = ink.colours();
        let dashes = match dashes {
            "" => String::new(),
            dashes => format!(r#" stroke-dasharray="{dashes}""#),
        };
        self.add(&format!(
            r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" stroke="{stroke}" stroke-width="{width}"{dashes}/>"#
        ));
    }

    /// A closed shape around (x, y).
    pub(super) fn shape(&mut self, path: &str, x: f64, y: f64, ink: Ink) {
        let (stroke, fill) = ink.colours();
        self.path(path, x, y, fill, stroke, 1.5);
    }

    /// A sign around (x, y), outlined or filled.
    pub(super) fn sign(&mut self, path: &str, x: f64, y: f64, ink: Ink, filled: bool) {
        let (stroke, _) = ink.colours();
        let (fill, width) = if filled { (stroke, 0.5) } else { ("none", 1.2) };
        self.path(path, x, y, fill, stroke, width);
    }

    /// A sign of strokes alone.
    pub(super) fn bold_sign(&mut self, path: &str, x: f64, y: f64, ink: Ink, width: f64) {
        let (stroke, _) = ink.colours();
        self.path(path, x, y, "none", stroke, width);
    }

    fn path(&mut self, path: &str, x: f64, y: f64, fill: &str, stroke: &str, width: f64) {
        if !path.is_empty() {
            self.add(&format!(
                r#"<path transform="translate({x} {y})" d="{path}" fill="{fill}" stroke="{stroke}" stroke-width="{width}"/>"#
            ));
        }
    }

    /// A flow with its arrowhead; a default flow has a stroke across its start.
    pub(super) fn flow(&mut self, points: &[Point], is_default: bool) {
        let [first, inner @ .., last] = points else {
            return;
        };
        let mut path = format!("M{} {}", first.x, first.y);
        let mut from = *first;
        for (place, corner) in inner.iter().enumerate() {
            let to = inner.get(place + 1).unwrap_or(last);
            let (enter, leave) = (towards(*corner, from), towards(*corner, *to));
            path += &turn(enter, *corner, leave);
            from = *corner;
        }
        path += &line(*last);
        self.add(&format!(
            r#"<path d="{path}" fill="none" stroke="{FLOW}" stroke-width="1.5" marker-end="url(#tip)"/>"#
        ));
        if is_default && let Some(next) = points.get(1) {
            let mark = towards(towards(*first, *next), *next);
            let (x, y) = (mark.x, mark.y);
            self.path("M-4-5L4 5", x, y, "none", FLOW, 1.5);
        }
    }

    /// Lines of words, centred below `top`.
    pub(super) fn words(&mut self, lines: &[String], x: f64, top: f64) {
        let mut baseline = top + SIZE;
        for line in lines {
            let line = escaped(line);
            // A halo, so that a flow that passes beneath takes no letter with it.
            self.add(&format!(
                r##"<text x="{x}" y="{baseline}" text-anchor="middle" fill="{LETTERS}" stroke="#fff" stroke-width="3" paint-order="stroke">{line}</text>"##
            ));
            baseline += LINE;
        }
    }

    /// Lines of words in the middle of a shape.
    pub(super) fn words_in(&mut self, lines: &[String], bounds: Bounds) {
        let mut baseline = bounds.y + bounds.height / 2.0 + SIZE * 0.36;
        for _ in lines.iter().skip(1) {
            baseline -= LINE / 2.0;
        }
        for line in lines {
            let line = escaped(line);
            let x = bounds.x + bounds.width / 2.0;
            self.add(&format!(
                r#"<text x="{x}" y="{baseline:.1}" text-anchor="middle" fill="{LETTERS}">{line}</text>"#
            ));
            baseline += LINE;
        }
    }

    /// One line of words, bold, from the left.
    pub(super) fn heading(&mut self, name: &str, x: f64, baseline: f64) {
        let name = escaped(name);
        self.add(&format!(
            r#"<text x="{x}" y="{baseline}" font-weight="bold" fill="{LETTERS}">{name}</text>"#
        ));
    }
}

/// A straight line to a point, as SVG's paths write it.
fn line(to: Point) -> String {
    format!("L{} {}", to.x, to.y)
}

/// A line to a corner and around it.
fn turn(enter: Point, corner: Point, leave: Point) -> String {
    let line = line(enter);
    format!("{line}Q{} {} {} {}", corner.x, corner.y, leave.x, leave.y)
}

/// The point that lies `BEND` from `from` on the way to `to`; half way, if that is nearer.
fn towards(from: Point, to: Point) -> Point {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = dx.hypot(dy);
    if length == 0.0 {
        return from;
    }
    let part = (BEND / length).min(0.5);
    let rounded = |value: f64| (value * 10.0).round() / 10.0;
    Point {
        x: rounded(from.x + dx * part),
        y: rounded(from.y + dy * part),
    }
}
