//! The text of a record with conflicts: the merged file, with git's markers around the lines of the
//! fields that conflict, so that either side of each can be kept by deleting lines.
//!
//! Both choices must leave JSON. A comma belongs to a line, so where a conflict at the end of an
//! object has no line on one side, the line before it differs as well and goes between the markers.

use super::{Field, Side};
use serde_json::Value;

/// The file's text.
pub(super) fn text(fields: &[(String, Field)]) -> String {
    let mut writer = Writer {
        out: "{\n".to_owned(),
        hunk: None,
    };
    writer.fields(fields, 1);
    writer.out.push_str("}\n");
    writer.out
}

struct Writer {
    out: String,
    /// The lines of both sides since the last line that they share.
    hunk: Option<(String, String)>,
}

impl Writer {
    fn fields(&mut self, fields: &[(String, Field)], depth: usize) {
        for (index, (name, field)) in fields.iter().enumerate() {
            let follows = |side| {
                fields[index + 1..]
                    .iter()
                    .any(|(_, field)| field.is_on(side))
            };
            let commas = (follows(Side::Ours), follows(Side::Theirs));
            match field {
                Field::Value(value) if commas.0 == commas.1 => {
                    self.close_hunk();
                    self.out.push_str(&line(name, value, depth, commas.0));
                }
                Field::Object(inner) if commas.0 == commas.1 => {
                    self.close_hunk();
                    let indent = "  ".repeat(depth);
                    let name = Value::from(name.as_str());
                    self.out
                        .extend([indent.as_str(), &name.to_string(), ": {\n"]);
                    self.fields(inner, depth + 1);
                    self.out.extend([&indent, "}", comma(commas.0), "\n"]);
                }
                _ => {
                    let hunk = self.hunk.get_or_insert_default();
                    if let Some(value) = field.on(Side::Ours) {
                        hunk.0.push_str(&line(name, &value, depth, commas.0));
                    }
                    if let Some(value) = field.on(Side::Theirs) {
                        hunk.1.push_str(&line(name, &value, depth, commas.1));
                    }
                }
            }
        }
        self.close_hunk();
    }

    fn close_hunk(&mut self) {
        if let Some((ours, theirs)) = self.hunk.take() {
            self.out.push_str("<<<<<<< ours\n");
            self.out.push_str(&ours);
            self.out.push_str("=======\n");
            self.out.push_str(&theirs);
            self.out.push_str(">>>>>>> theirs\n");
        }
    }
}

/// `"name": value`, indented, with as many lines as the value takes.
fn line(name: &str, value: &Value, depth: usize, follows: bool) -> String {
    let indent = "  ".repeat(depth);
    // Line breaks in texts are escaped, so each of these begins a line of layout.
    let value = format!("{value:#}").replace('\n', &format!("\n{indent}"));
    format!("{indent}{}: {value}{}\n", Value::from(name), comma(follows))
}

fn comma(follows: bool) -> &'static str {
    if follows { "," } else { "" }
}
