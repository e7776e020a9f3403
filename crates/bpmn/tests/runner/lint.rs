//! Models in the style of before FEEL: what is found in them, and what comes of them.

use super::{models, repository};
use bpmn::lint::{Lint, Verdict, lint};
use std::fs;

fn old(name: &str) -> String {
    fs::read_to_string(repository().join("crates/bpmn/tests/old-style").join(name)).unwrap()
}

fn linted(text: &str) -> Lint {
    lint("model.bpmn", text.as_bytes()).unwrap()
}

/// Each finding as one line.
fn told(lint: &Lint) -> Vec<String> {
    let findings = lint.findings.iter().map(|finding| {
        let verdict = match finding.verdict {
            Verdict::Refused => "refused",
            Verdict::TakenAsText => "text",
        };
        let instead = finding.instead.as_deref().unwrap_or("?");
        format!("{} {verdict}: {} -> {instead}", finding.line, finding.found)
    });
    findings.collect()
}

#[test]
fn what_a_broker_of_today_makes_of_an_old_model_is_told() {
    assert_eq!(
        told(&linted(&old("populate-stock.bpmn"))),
        [
            "12 refused: products -> =products",
            "22 text: authorization -> =authorization",
            "23 text: $.stock_level -> =stock_level",
            "24 text: product -> =product",
            "25 text: [restock, refill] -> =[\"restock\", \"refill\"]",
            "55 refused: _id -> =_id",
        ]
    );
    assert_eq!(
        told(&linted(&old("order-fulfilment.bpmn"))),
        [
            "11 text: _id -> =_id",
            "12 text: customer.address -> =customer.address",
            "13 text: repo + \"/dispatches\" -> =repo + \"/dispatches\"",
            "15 refused: stock -> =stock",
            "46 refused: stock_level > 0 && customer.address.country == 'DE' -> \
             =stock_level > 0 and customer.address.country = \"DE\"",
            "51 refused: = customer_charged == true -> =customer_charged = true",
            "57 refused: _id -> =_id",
        ]
    );
}

#[test]
fn a_fixed_model_is_accepted_and_needs_no_second_look() {
    for name in ["populate-stock.bpmn", "order-fulfilment.bpmn"] {
        let old = old(name);
        assert!(bpmn::check(name, old.as_bytes()).is_err(), "{name}");
        let first = linted(&old);
        assert_eq!(first.refused, [], "{name}");
        bpmn::check(name, first.fixed.as_bytes()).unwrap();
        let second = linted(&first.fixed);
        assert_eq!(told(&second), [""; 0], "{name}");
        assert_eq!(second.fixed, first.fixed, "{name}");
        // Nothing but the texts is another.
        assert_eq!(old.lines().count(), first.fixed.lines().count(), "{name}");
        let changed = old.lines().zip(first.fixed.lines());
        let changed = changed.filter(|(old, new)| old != new).count();
        assert_eq!(changed, first.findings.len(), "{name}");
    }
}

#[test]
fn a_byte_order_mark_stays() {
    for name in ["populate-stock.bpmn", "order-fulfilment.bpmn"] {
        let old = old(name);
        let marked = format!("\u{feff}{old}");
        let expected = format!("\u{feff}{}", linted(&old).fixed);
        assert_eq!(linted(&marked).fixed, expected, "{name}");
        assert_eq!(linted(&expected).fixed, expected, "{name}");
    }
}

#[test]
fn what_only_its_author_can_tell_stays_and_is_refused() {
    let odd =
        old("populate-stock.bpmn").replace("correlationKey=\"_id\"", "correlationKey=\"{ =\"");
    let lint = linted(&odd);
    assert_eq!(told(&lint).last().unwrap(), "55 refused: { = -> ?");
    assert!(lint.fixed.contains("correlationKey=\"{ =\""));
    assert_eq!(lint.refused.len(), 1);
    assert!(lint.refused[0].message.contains("static value '{ ='"));
}

#[test]
fn other_faults_are_told_as_the_broker_tells_them() {
    let other = old("populate-stock.bpmn").replace(" type=\"CAMUNDA-HTTP\"", "");
    let lint = linted(&other);
    assert_eq!(lint.refused.len(), 1, "{:?}", lint.refused);
    assert_eq!(lint.findings.len(), 6);
    let refusal = bpmn::lint::lint("model.bpmn", b"<no").unwrap_err();
    assert!(refusal.to_string().starts_with("'model.bpmn': "));
}

#[test]
fn the_models_of_the_shop_are_as_they_are_written_today() {
    let models = models(&repository().join("workflows"));
    assert!(!models.is_empty());
    for (name, model) in models {
        let lint = lint(&name, &model).unwrap();
        assert_eq!(told(&lint), [""; 0], "{name}");
        assert_eq!(lint.fixed.as_bytes(), model, "{name}");
    }
}

#[test]
fn models_that_a_broker_accepts_are_left_alone() {
    let folder = repository().join("../shared/bpmn-corpus/accept");
    if !folder.exists() {
        eprintln!("skipped: no {}", folder.display());
        return;
    }
    for (name, model) in models(&folder) {
        let lint = lint(&name, &model).unwrap();
        assert_eq!(told(&lint), [""; 0], "{name}");
        assert_eq!(lint.refused, [], "{name}");
    }
}
