//! Runs every model under `tests/refusals/` and `tests/compiled/` as a test of its own name.
//!
//! Beside each model stands what came of it: the refusal, or the compiled form.
//! `UPDATE_EXPECT=1` writes these; read the diff before you keep it.

#![expect(
    clippy::disallowed_methods,
    reason = "models are read from files; the library reads none"
)]

mod dump;

use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn main() {
    let mut trials = Vec::new();
    for (folder, show) in [
        ("refusals", refusal as fn(&str, &[u8]) -> String),
        ("compiled", compiled),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(folder);
        for entry in fs::read_dir(path).expect("the folder is there") {
            let path = entry.expect("a folder can be listed").path();
            if path.extension().is_some_and(|ending| ending == "bpmn") {
                let stem = path
                    .file_stem()
                    .expect("a file has a name")
                    .to_string_lossy();
                trials.push(Trial::test(format!("{folder}/{stem}"), move || {
                    run(&path, show)
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn run(path: &Path, show: fn(&str, &[u8]) -> String) -> Result<(), Failed> {
    let name = path
        .file_name()
        .expect("a file has a name")
        .to_string_lossy();
    let actual = show(&name, &fs::read(path)?);
    let expected_path = path.with_extension("txt");
    let expected = fs::read_to_string(&expected_path).unwrap_or_default();
    if actual == expected {
        return Ok(());
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(expected_path, actual)?;
        return Ok(());
    }
    let path = expected_path.display();
    Err(Failed::from(format!(
        "{path} differs; UPDATE_EXPECT=1 writes what came out:\n{actual}"
    )))
}

/// Why a model is not deployed, and whether that is Zeebe's opinion too.
fn refusal(name: &str, xml: &[u8]) -> String {
    let mut text = match bpmn::compile(name, xml) {
        Ok(_) => return "compiles\n".to_owned(),
        Err(refusal) => refusal.to_string(),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if bpmn::check(name, xml).is_ok() {
        text.push_str("(Zeebe would take it.)\n");
    }
    text
}

fn compiled(name: &str, xml: &[u8]) -> String {
    match bpmn::compile(name, xml) {
        Ok(processes) => processes.iter().fold(String::new(), |mut text, process| {
            write!(text, "{}", dump::process(process)).expect("a string takes all");
            text
        }),
        Err(refusal) => format!("refused: {refusal}"),
    }
}
