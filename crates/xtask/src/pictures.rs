//! `cargo xtask pictures`: the models as pictures, for the pages that show them.
//!
//! Each is a function of its model file, so `cargo xtask test` sees one that lags behind.

use std::path::Path;

use anyhow::{Context, Result};

use crate::ui;

/// Where they lie.
const FOLDER: &str = "docs/pictures";

/// Name of the picture, its model, and the elements that it shows: all, if none is named.
const PICTURES: [(&str, &str, &[&str]); 7] = [
    ("populate-stock", "populate-stock", &[]),
    ("restock-parallel", "restock-parallel", &[]),
    ("order-fulfilment", "order-fulfilment", &[]),
    ("order-fulfilment-grpc", "order-fulfilment-grpc", &[]),
    (
        "ask-and-wait",
        "populate-stock",
        &["create_stock_record", "restocked"],
    ),
    (
        "no-stock",
        "order-fulfilment",
        &["get_stock_level", "decrement_stock", "order_not_fulfilled"],
    ),
    (
        "alarm",
        "order-fulfilment",
        &["overdue", "raise_incident", "retry"],
    ),
];

/// Draws all of them.
pub(crate) fn run(root: &Path) -> Result<()> {
    let folder = root.join(FOLDER);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make '{FOLDER}'"))?;
    for (name, model, elements) in PICTURES {
        let path = format!("{FOLDER}/{name}.svg");
        std::fs::write(root.join(&path), drawn(root, model, elements)?)
            .with_context(|| format!("cannot write '{path}'"))?;
        ui::line(&path);
    }
    Ok(())
}

/// Names each picture that is not what its model looks like today.
pub(crate) fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (name, model, elements) in PICTURES {
        let path = format!("{FOLDER}/{name}.svg");
        let kept = std::fs::read_to_string(root.join(&path)).unwrap_or_default();
        if kept != drawn(root, model, elements)? {
            problems.push(format!(
                "{path} is not what workflows/{model}.bpmn looks like: `cargo xtask pictures` draws it"
            ));
        }
    }
    Ok(problems)
}

fn drawn(root: &Path, model: &str, elements: &[&str]) -> Result<String> {
    let resource = format!("{model}.bpmn");
    let path = root.join("workflows").join(&resource);
    let xml = std::fs::read(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
    bpmn::picture::svg(&resource, &xml, elements)
        .with_context(|| format!("cannot draw '{resource}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_lags_behind_its_model_is_named() {
        let root = tempfile::tempdir().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let workflows = root.path().join("workflows");
        std::fs::create_dir(&workflows).unwrap();
        for (_, model, _) in PICTURES {
            let file = format!("workflows/{model}.bpmn");
            std::fs::copy(project.join(&file), root.path().join(&file)).unwrap();
        }
        assert_eq!(problems(root.path()).unwrap().len(), PICTURES.len());
        run(root.path()).unwrap();
        assert!(problems(root.path()).unwrap().is_empty());
        let path = workflows.join("restock-parallel.bpmn");
        let model = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, model.replace("Overdue", "Late")).unwrap();
        let problems = problems(root.path()).unwrap();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("restock-parallel"), "{problems:?}");
    }
}
