//! Tests of whole models: the schema's limits, damaged files, what Zeebe said of real ones, and
//! the store's own.

#![expect(
    clippy::disallowed_methods,
    reason = "models are read from files; the library reads none"
)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod coverage;
mod damage;
mod diagram;
mod limits;
mod lint;
mod timers;
mod workflows;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository's folder.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The models in a folder, by name.
fn models(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut models: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "bpmn"))
        .map(|path| {
            let name = path.file_name().expect("a file has a name");
            let xml = fs::read(&path).expect("a model can be read");
            (name.to_string_lossy().into_owned(), xml)
        })
        .collect();
    models.sort();
    models
}

/// A model of one process with this inside.
fn model(process: &str, rest: &str) -> String {
    format!(
        "<definitions xmlns=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" \
         xmlns:zeebe=\"http://camunda.org/schema/zeebe/1.0\" id=\"definitions\" \
         targetNamespace=\"test\">\n<process id=\"p\" isExecutable=\"true\">{process}</process>\
         {rest}</definitions>"
    )
}
