//! What was measured, as a Markdown table that is as good to read in a terminal; the only printer.

use crate::timing::{median, show};
use anyhow::Result;
use std::io::Write;
use std::time::Duration;

/// What one chore found.
pub(crate) struct Report {
    title: String,
    rows: Vec<[String; 6]>,
    notes: Vec<String>,
    claims: Vec<(String, bool)>,
}

impl Report {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        let title = title.into();
        progress(&title);
        Report {
            title,
            rows: Vec::new(),
            notes: Vec::new(),
            claims: Vec::new(),
        }
    }

    /// Compares the medians; `aim` is the largest ratio of ours to the baseline that is wanted.
    pub(crate) fn compare(
        &mut self,
        what: impl Into<String>,
        ours: &[Duration],
        baseline: (&str, &[Duration]),
        aim: Option<f64>,
    ) {
        let (own, other) = (median(ours), median(baseline.1));
        let ratio = own.as_secs_f64() / other.as_secs_f64();
        let what = what.into();
        let ratio_text = match ratio {
            ..0.1 => format!("1/{:.0}", 1.0 / ratio),
            ..0.95 => format!("1/{:.1}", 1.0 / ratio),
            _ => format!("{ratio:.2}"),
        };
        let verdict = aim.map_or("", |aim| if ratio <= aim { "met" } else { "missed" });
        let row = [
            what,
            show(own),
            format!("{}: {}", baseline.0, show(other)),
            ratio_text,
            aim.map_or_else(String::new, aim_text),
            verdict.to_owned(),
        ];
        progress(&row.join(" | "));
        self.rows.push(row);
    }

    /// A figure without a judgement.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// What must be so, whatever the speed.
    pub(crate) fn claim(&mut self, text: impl Into<String>, holds: bool) {
        self.claims.push((text.into(), holds));
    }

    /// Whether all claims hold.
    pub(crate) fn holds(&self) -> bool {
        self.claims.iter().all(|(_, holds)| *holds)
    }
}

fn aim_text(aim: f64) -> String {
    match aim {
        ..1.0 => format!("≤ 1/{:.0}", 1.0 / aim),
        _ => format!("≤ {aim}"),
    }
}

/// Says on standard error how far it has got.
pub(crate) fn progress(text: &str) {
    // Where nobody listens, nothing is missed.
    writeln!(std::io::stderr(), "{}", text).ok();
}

/// Says which machine this is, as far as the system tells.
pub(crate) fn machine() -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let git = crate::repository::output(crate::repository::git(&["--version"]))?;
    let system = std::env::consts::OS;
    let architecture = std::env::consts::ARCH;
    writeln!(
        std::io::stdout(),
        "{cores} cores, {architecture}, {system}, {git}\n"
    )?;
    Ok(())
}

/// Prints the reports: a table each, the other figures, the claims.
pub(crate) fn print(reports: &[Report]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for report in reports {
        writeln!(out, "### {}\n", report.title)?;
        if !report.rows.is_empty() {
            let head = ["", "ours", "baseline", "ratio", "aim", ""].map(str::to_owned);
            table(&mut out, &head, &report.rows)?;
        }
        for note in &report.notes {
            writeln!(out, "* {note}")?;
        }
        for (claim, holds) in &report.claims {
            let verdict = if *holds { "holds" } else { "BROKEN" };
            writeln!(out, "* {claim}: {verdict}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn table(out: &mut impl Write, head: &[String; 6], rows: &[[String; 6]]) -> Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().chain([head]).map(|row| &row[column]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut line = |row: &[String; 6]| {
        for (cell, width) in row.iter().zip(&widths) {
            write!(out, "| {cell:width$} ")?;
        }
        writeln!(out, "|")
    };
    line(head)?;
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(&rule.try_into().expect("as many rules as columns"))?;
    for row in rows {
        line(row)?;
    }
    writeln!(out)?;
    Ok(())
}
