//! The table of what runs, and the page that repeats it.

use bpmn::coverage::{ROWS, Zeebe};

#[test]
fn the_page_says_what_the_table_says() {
    let page = std::fs::read_to_string(super::repository().join("docs/coverage.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(2);
    let written: Vec<_> = rows.map(str::to_owned).collect();
    let expected: Vec<_> = ROWS
        .iter()
        .map(|row| {
            let runs = if row.runs { "yes" } else { "not yet" };
            let runs = if row.zeebe == Zeebe::Runs { runs } else { "no" };
            let zeebe = match row.zeebe {
                Zeebe::Runs => "runs",
                Zeebe::Ignores => "ignores",
                Zeebe::Refuses => "refuses",
            };
            format!("| {} | {runs} | {zeebe} |", row.element)
        })
        .collect();
    assert_eq!(written, expected);
}
