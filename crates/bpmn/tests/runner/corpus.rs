//! Models from public repositories, each deployed once to a Zeebe 8.6, with its verdict.
//!
//! They are not part of this repository: where they are absent, the test says so and passes.

use std::fs;

use super::repository;

#[test]
fn zeebe_and_check_agree() {
    let corpus = repository().join("../shared/bpmn-corpus");
    let Ok(verdicts) = fs::read_to_string(corpus.join("verdicts.tsv")) else {
        println!("skipped: no models at {}", corpus.display());
        return;
    };
    let (mut count, mut differing) = (0, Vec::new());
    for row in verdicts.lines().skip(1) {
        let mut columns = row.split('\t');
        let (file, verdict) = (columns.next().unwrap(), columns.next().unwrap());
        let words = columns.nth(2).unwrap_or_default();
        let xml = fs::read(corpus.join(verdict).join(file)).unwrap();
        count += 1;
        match (verdict, bpmn::check(file, &xml)) {
            ("accept", Ok(_)) | ("reject", Err(_)) => {}
            (_, result) => {
                differing.push(format!("{file}: Zeebe {verdict} {words}, we {result:?}"));
            }
        }
    }
    assert!(
        differing.is_empty(),
        "{} of {count} differ: {differing:#?}",
        differing.len()
    );
}

/// What Zeebe accepts, this engine compiles or names what it lacks; it never fails otherwise.
#[test]
fn what_zeebe_accepts_compiles_or_lacks_an_element() {
    let corpus = repository().join("../shared/bpmn-corpus/accept");
    if !corpus.exists() {
        println!("skipped: no models at {}", corpus.display());
        return;
    }
    for (name, xml) in super::models(&corpus) {
        let lacks = !bpmn::check(&name, &xml)
            .expect("Zeebe accepts it")
            .unsupported
            .is_empty();
        let compiled = bpmn::compile(&name, &xml);
        assert_eq!(compiled.is_err(), lacks, "{name}: {:?}", compiled.err());
    }
}
