//! `shop lint`: what a broker of today would refuse, or silently take as text, in a model of
//! yesterday; and the model as it is written today.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use bpmn::lint::{Finding, Lint, Verdict};
use serde_json::{Value, json};
use shop::project::Project;

use crate::ui;

/// Say what a broker of today would refuse or silently take as text in a model; exit code 1 if there
/// is anything
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model files [default: all of workflows/]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the corrected model in the file's place; exit code 1 if something is left
    #[arg(long)]
    fix: bool,
}

/// One file, looked through.
struct Looked {
    path: PathBuf,
    lint: Lint,
    /// Whether the corrected model was written.
    is_fixed: bool,
}

impl Looked {
    /// Whether there is something to do for the author.
    fn needs_care(&self) -> bool {
        let mut findings = self.lint.findings.iter();
        !self.lint.refused.is_empty()
            || match self.is_fixed {
                true => findings.any(|finding| finding.instead.is_none()),
                false => findings.next().is_some(),
            }
    }
}

pub(crate) fn run(args: Args, json: bool) -> Result<ExitCode> {
    let paths = match args.files.is_empty() {
        true => Project::find()?.models()?,
        false => args.files,
    };
    let looked = paths
        .into_iter()
        .map(|path| look(path, args.fix))
        .collect::<Result<Vec<_>>>()?;
    match json {
        true => {
            let files: Vec<Value> = looked.iter().map(to_json).collect();
            ui::json(&json!({ "files": files }));
        }
        false => looked.iter().for_each(tell),
    }
    Ok(match looked.iter().any(Looked::needs_care) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn look(path: PathBuf, fix: bool) -> Result<Looked> {
    let shown = path.display();
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {shown}"))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    let lint = bpmn::lint::lint(&name.to_string_lossy(), &bytes)
        .map_err(|refusal| anyhow::anyhow!("{shown}: no broker reads this file: {refusal}"))?;
    let mut findings = lint.findings.iter();
    let is_fixed = fix && findings.any(|finding| finding.instead.is_some());
    if is_fixed {
        anyhow::ensure!(
            std::str::from_utf8(&bytes).is_ok(),
            "{shown} is in UTF-16 and stays as it is: save it as UTF-8 first"
        );
        replace(&path, &lint.fixed).with_context(|| format!("cannot write {shown}"))?;
    }
    Ok(Looked {
        path,
        lint,
        is_fixed,
    })
}

/// Puts a text in the place of a file, all of it or nothing.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let target = path.canonicalize()?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(std::fs::metadata(&target)?.permissions())?;
    file.persist(target)?;
    Ok(())
}

fn tell(looked: &Looked) {
    let shown = looked.path.display();
    for finding in &looked.lint.findings {
        ui::line(&format!("{shown}:{}: {}", finding.line, told(finding)));
        match &finding.instead {
            Some(instead) => ui::line(&format!("    write {instead}")),
            None => ui::line("    rewrite it by hand as FEEL, with a leading '='"),
        }
    }
    for problem in &looked.lint.refused {
        // A text that only its author can rewrite has been told.
        let is_told =
            |finding: &Finding| finding.instead.is_none() && problem.element == finding.element;
        if looked.lint.findings.iter().any(is_told) {
            continue;
        }
        let line = problem
            .line
            .map_or(String::new(), |line| format!(":{line}"));
        let element = &problem.element;
        ui::line(&format!(
            "{shown}{line}: {element}: refused: {}",
            problem.message
        ));
    }
    let count = looked.lint.findings.len();
    match (looked.is_fixed, looked.needs_care()) {
        (true, false) => ui::line(&format!("{shown}: fixed, {count} texts")),
        (true, true) => ui::line(&format!("{shown}: fixed in part; see above for the rest")),
        (false, false) => ui::line(&format!("{shown}: ok")),
        (false, true) => {}
    }
}

fn told(finding: &Finding) -> String {
    let place = match finding.attribute.as_str() {
        "" => finding.element.clone(),
        attribute => format!("{} {attribute}", finding.element),
    };
    let what = match finding.verdict {
        Verdict::Refused => "refused",
        Verdict::TakenAsText => "taken as text",
    };
    format!("{place}: {what}: {}", finding.found)
}

fn to_json(looked: &Looked) -> Value {
    let findings = looked.lint.findings.iter().map(|finding| {
        json!({
            "line": finding.line,
            "element": finding.element,
            "attribute": finding.attribute,
            "found": finding.found,
            "verdict": match finding.verdict {
                Verdict::Refused => "refused",
                Verdict::TakenAsText => "taken-as-text",
            },
            "instead": finding.instead,
        })
    });
    let refused = looked.lint.refused.iter().map(|problem| {
        json!({"line": problem.line, "element": problem.element, "message": problem.message})
    });
    json!({
        "file": looked.path.display().to_string(),
        "findings": findings.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "fixed": looked.is_fixed,
        "ok": !looked.needs_care(),
    })
}
