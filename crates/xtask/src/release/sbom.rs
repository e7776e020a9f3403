//! The bill of materials of a program: CycloneDX 1.5, as JSON.
//!
//! Serial number and time are left out, which the format allows: the same commit has the same bill.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::links::{Id, Links};
use super::plan::Plan;

/// The bill of what `program` links, by `graph`; the program may be the suite of all.
pub(crate) fn write(
    program: &str,
    graph: &BTreeMap<Id, BTreeSet<Id>>,
    links: &Links,
    plan: &Plan,
) -> Result<String> {
    let own: Id = (program.to_owned(), plan.version.clone());
    let mut components = Vec::new();
    for id in graph.keys().filter(|id| **id != own) {
        components.push(component(id, links)?);
    }
    let mut dependencies: Vec<Value> = graph
        .iter()
        .map(|(id, links)| {
            let names: Vec<String> = links.iter().map(reference).collect();
            json!({"ref": reference(id), "dependsOn": names})
        })
        .collect();
    if !graph.contains_key(&own) {
        let programs: Vec<String> = plan
            .services
            .iter()
            .map(|service| reference(&(service.name.clone(), plan.version.clone())))
            .collect();
        dependencies.push(json!({"ref": reference(&own), "dependsOn": programs}));
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": reference(&own),
                "name": program,
                "version": plan.version,
                "licenses": [{"expression": "Apache-2.0"}],
                "properties": [
                    {"name": "backroom:commit", "value": plan.commit.name},
                    {"name": "backroom:target", "value": plan.target.triple},
                ],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

fn component(id: &Id, links: &Links) -> Result<Value> {
    let known = links.get(id)?;
    let mut component = Map::new();
    let mut set = |name: &str, value: Value| drop(component.insert(name.to_owned(), value));
    set("type", "library".into());
    set("bom-ref", reference(id).into());
    set("name", id.0.clone().into());
    set("version", id.1.clone().into());
    if let Some(text) = &known.description {
        let line: Vec<&str> = text.split_whitespace().collect();
        set("description", line.join(" ").into());
    }
    if let Some(sum) = &known.sha256 {
        set("hashes", json!([{"alg": "SHA-256", "content": sum}]));
    }
    if let Some(licence) = &known.licence {
        set("licenses", json!([{"expression": licence}]));
    }
    if known.is_foreign {
        set(
            "purl",
            format!("pkg:cargo/{}@{}", id.0, purl_version(&id.1)).into(),
        );
    }
    if let Some(url) = &known.repository {
        set("externalReferences", json!([{"type": "vcs", "url": url}]));
    }
    Ok(Value::Object(component))
}

fn reference(id: &Id) -> String {
    format!("{}@{}", id.0, id.1)
}

/// Build metadata such as `+1.2` is encoded in a package URL.
fn purl_version(version: &str) -> String {
    version.replace('+', "%2B")
}

#[cfg(test)]
mod tests {
    use cyclonedx_bom::prelude::{Bom, Validate};

    use super::super::order::Order;
    use super::super::plan::SUITE;
    use super::*;

    /// Of this very workspace, so that the bill is of the size and the oddity of a real one.
    #[test]
    fn the_bills_of_this_workspace_are_valid_and_name_what_is_linked() {
        let root = crate::project_root().unwrap();
        let order = Order::parse(&["plan".to_owned()]).unwrap();
        let plan = Plan::make(&root, &order).unwrap();
        let links = Links::read(&root, &plan).unwrap();

        let inventory = links.of("inventory").unwrap();
        let text = write("inventory", inventory, &links, &plan).unwrap();
        assert_eq!(text, write("inventory", inventory, &links, &plan).unwrap());
        let bom = Bom::parse_from_json(text.as_bytes()).unwrap();
        let checked = bom.validate();
        assert!(checked.passed(), "{checked:?}");
        let names: Vec<String> = bom
            .components
            .unwrap()
            .0
            .iter()
            .map(|component| component.name.to_string())
            .collect();
        let has = |name: &str| names.iter().any(|other| other == name);
        assert!(has("ghettodb") && has("gix") && has("build-info"));
        // Not linked: SQLite (only `ghettodb` itself has it), a macro, what a build script or a test has.
        assert!(!has("rusqlite") && !has("serde_derive") && !has("protox") && !has("tiny_http"));
        assert!(
            links
                .of("ghettodb")
                .unwrap()
                .keys()
                .any(|id| id.0 == "rusqlite")
        );

        let suite = write(SUITE, &links.all(), &links, &plan).unwrap();
        let checked = Bom::parse_from_json(suite.as_bytes()).unwrap().validate();
        assert!(checked.passed(), "{checked:?}");
        for word in [
            "\"serialNumber\"",
            "\"timestamp\"",
            &root.display().to_string(),
        ] {
            assert!(!suite.contains(word), "{word}");
        }
    }
}
