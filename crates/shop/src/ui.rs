//! The only printer: results to standard output, everything else to standard error.
//!
//! A reader that went away (`shop orders | head -1`) is no error. No colours, no cursor games:
//! the same text in a terminal, a file and a log.

use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;
use shop::failure::Failure;

/// Prints a line of a result.
pub(crate) fn line(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints one JSON document.
pub(crate) fn json(document: &Value) {
    line(&format!("{document:#}"));
}

/// Prints a line about the work itself.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Prints an error with what to do about it; gives the exit code.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    note(&format!("error: {error:#}"));
    match error.downcast_ref::<Failure>() {
        Some(failure) => {
            if let Some(hint) = &failure.hint {
                note(&format!("hint: {hint}"));
            }
            ExitCode::from(failure.exit as u8)
        }
        None => ExitCode::FAILURE,
    }
}

/// Prints rows under their headings, in columns as wide as they need to be.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    for row in laid_out(headings, rows) {
        line(&row);
    }
}

/// Lines of a table. Widths are counted in characters: good enough for names and keys.
pub(crate) fn laid_out(headings: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let shown: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = shown.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max();
        widest.unwrap_or(0).max(headings[column].chars().count())
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let lay = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(lay(&mut headings.iter().copied()))
        .chain(
            shown
                .iter()
                .map(|row| lay(&mut row.iter().map(String::as_str))),
        )
        .collect()
}

/// Text from elsewhere on one line, without what would move a terminal's cursor.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_headings() {
        let rows = [
            vec!["a".to_owned(), "two\nlines".to_owned()],
            vec!["longer".to_owned(), "é".to_owned()],
        ];
        assert_eq!(
            laid_out(&["ID", "NAME"], &rows),
            ["ID      NAME", "a       two lines", "longer  é"]
        );
    }
}
