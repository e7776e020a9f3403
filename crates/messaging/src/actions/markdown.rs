//! Texts of others in Markdown: shown literally, whatever they hold.

use std::fmt::Write;

/// A block that shows a text literally: its fence is longer than any in the text.
pub fn fenced(text: &str, language: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

/// A text on one line as code, anywhere but in a table, where a `|` would end the cell.
pub fn code(text: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    // A span may not begin or end with a backtick, and loses one space at each end if both have one.
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.is_empty() || text.starts_with(edge) || text.ends_with(edge) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text in a cell of a table. Characters that could mean something are written as numbers, which
/// Markdown takes for text in every place.
pub fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in visible(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '-' | ',') {
            write!(cell, "&#{};", u32::from(c)).expect("a String takes everything");
        } else {
            cell.push(c);
        }
    }
    cell
}

/// The text with line ends and everything that would move or turn a line written out.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}') {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fenced("a", "json"), "```json\na\n```");
        assert_eq!(fenced("a ```` b", ""), "`````\na ```` b\n`````");
    }

    #[test]
    fn code_stays_one_span() {
        assert_eq!(code("o-1"), "`o-1`");
        assert_eq!(code("<img src=x>"), "`<img src=x>`");
        assert_eq!(code("a `b`"), "`` a `b` ``");
        assert_eq!(code(""), "`  `");
        assert_eq!(code("a\n\n# b\u{202e}"), "`a\\n\\n# b\\u{202e}`");
    }

    #[test]
    fn a_cell_ends_where_it_should() {
        assert_eq!(cell("a | b"), "a &#124; b");
        assert_eq!(cell("<b>\\|\n@x"), "&#60;b&#62;&#92;&#124;&#92;n&#64;x");
        assert_eq!(cell("Real-Life, 🎉 é"), "Real-Life, 🎉 é");
    }
}
