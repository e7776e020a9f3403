//! An operator's day by the commands alone, each with `--json`: its shape is what scripts rely on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use shop::wait::until;

use crate::stage::{ALE, BOOK, Stage, Variant, both_variants, run, shop, slow};

/// A command's document.
#[track_caller]
fn told(data: &Path, args: &[&str]) -> Value {
    let (code, out, err) = run(shop(data, &[args, &["--json"]].concat()));
    assert_eq!(code, 0, "{args:?}: {err}{out}");
    serde_json::from_str(&out).expect("one JSON document")
}

/// The names of a document's fields.
fn fields(document: &Value) -> Vec<&str> {
    let object = document.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

both_variants!(a_day);

async fn a_day(variant: Variant) {
    if !slow("operator") {
        return;
    }
    let stage = Stage::open_for(variant).await.unwrap();
    let data: PathBuf = stage.store.folder.root().to_owned();

    let deployed = told(&data, &["deploy"]);
    let first = &deployed["deployed"][0];
    let names = [
        "process",
        "version",
        "process_definition_key",
        "resource",
        "unchanged",
    ];
    assert_eq!(fields(first), names);
    assert_eq!(first["unchanged"], false);
    assert_eq!(told(&data, &["deploy"])["deployed"][0]["unchanged"], true);

    let restocked = told(&data, &["restock", "--product", BOOK, "--wait"]);
    assert_eq!(fields(&restocked), ["_id", "done", "duration_ms"]);

    let placing = ["order", "--variant", variant.word(), "--order-id"];
    let fine = [&placing[..], &["fine", "--product", BOOK, "--wait"]].concat();
    let ended = told(&data, &fine);
    let order = [
        "_id",
        "process",
        "process_instance_key",
        "product",
        "quantity",
        "started",
        "ended",
        "outcome",
        "duration_ms",
    ];
    assert_eq!(fields(&ended), order);
    assert_eq!(ended["outcome"], "fulfilled");
    // The same order again is the same order.
    assert_eq!(
        told(&data, &fine)["process_instance_key"],
        ended["process_instance_key"]
    );
    let (code, _, err) = run(shop(&data, &["order", "--restart", "fine"]));
    assert_eq!(
        (code, err.contains("has a process already")),
        (3, true),
        "{err}"
    );

    a_stuck_order(&stage, variant, &data).await;

    let orders = told(&data, &["orders"]);
    let listed: Vec<_> = orders["orders"].as_array().unwrap().iter().collect();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["_id"], &listed[0]["outcome"]),
        (&json!("stuck"), &json!("cancelled"))
    );
    let greedy = [&placing[..], &["greedy", "--product", ALE, "--wait"]].concat();
    assert_eq!(told(&data, &greedy)["outcome"], "out_of_stock");
    stage.store.stop().await.unwrap();
}

/// By a rule, which is shown as it was made.
fn lose_the_answer(data: &Path) {
    let lose = ["rules", "add", "drop_answer", "--order-id", "stuck"];
    let event = ["--event-type", "charge_customer"];
    let rules = told(data, &[&lose[..], &event].concat());
    let rule = [
        "id",
        "event_type",
        "_id",
        "action",
        "times",
        "delay_ms",
        "used",
    ];
    assert_eq!(fields(&rules["rules"][0]), rule);
    assert_eq!(told(data, &["rules"]), rules);
}

/// Charged, but it goes no further: alarm, acknowledged, cancelled, refunded.
async fn a_stuck_order(stage: &Stage, variant: Variant, data: &Path) {
    let dispatches = stage.store.dispatches();
    let (waits_at, waits_at_name) = match variant {
        // The charge's answer is lost for good.
        Variant::Dispatch => {
            lose_the_answer(data);
            ("charged_customer", "CHARGED_CUSTOMER")
        }
        // Nobody ships.
        Variant::Grpc => {
            stage.store.kill("shipping").await.unwrap();
            ("ship", "Ship")
        }
    };
    let order = ["order", "--variant", variant.word(), "--order-id", "stuck"];
    let placed = told(data, &[&order[..], &["--product", BOOK]].concat());
    assert_eq!(fields(&placed), ["_id"]);
    stage
        .until("stuck", |instance| {
            let mut active = instance.active.iter();
            active.any(|element| element.id == waits_at)
        })
        .await
        .unwrap();

    assert_eq!(
        told(data, &["clock", "+301s"]),
        json!({ "moved_by_ms": 301_000 })
    );
    let incident = until("the alarm", Duration::from_secs(120), async || {
        let incidents = told(data, &["incidents"]);
        Ok(incidents["incidents"].get(0).cloned())
    });
    let incident = incident.await.unwrap();
    let names = [
        "incident_key",
        "_id",
        "process",
        "process_instance_key",
        "element_id",
        "error_type",
        "message",
        "since",
        "waits_at",
    ];
    assert_eq!(fields(&incident), names);
    assert_eq!(incident["_id"], "stuck");
    assert_eq!(incident["element_id"], "raise_incident");
    assert_eq!(incident["waits_at"][0]["element_id"], waits_at);
    let (code, out, _) = run(shop(data, &["incidents"]));
    assert_eq!(code, 0);
    let line = format!("stuck  {waits_at_name} (5 min");
    assert!(out.contains(&line), "{out}");

    let key = incident["incident_key"].as_str().unwrap();
    let resolved = told(data, &["resolve", key]);
    assert_eq!(
        resolved,
        json!({ "incident_key": key, "resolved": true, "kind": "alarm" })
    );
    let status = until(
        "the acknowledgement",
        Duration::from_secs(120),
        async || {
            let status = told(data, &["status", "stuck"]);
            Ok((status["alarm"] == "acknowledged").then_some(status))
        },
    );
    let status = status.await.unwrap();
    assert_eq!(status["outcome"], "in_progress");
    assert_eq!(status["waits_at"][0]["element_id"], waits_at);
    let element = ["element_id", "type", "state", "started", "ended"];
    assert_eq!(fields(&status["elements"][0]), element);

    // Workers have no dispatches that could be delivered again.
    if variant == Variant::Dispatch {
        let charged = until("the charge", Duration::from_secs(120), async || {
            let deliveries = dispatches.deliveries(Some("stuck")).await?;
            Ok(deliveries.into_iter().find(|delivery| {
                delivery.event_type == "charge_customer" && delivery.state == "succeeded"
            }))
        });
        let again = told(data, &["redeliver", &charged.await.unwrap().id]);
        assert_eq!(fields(&again), ["delivery", "event_type", "_id", "runs"]);
    }

    let cancelled = told(data, &["cancel", "stuck"]);
    assert_eq!(
        fields(&cancelled),
        ["_id", "process_instance_key", "cancelled", "holds"]
    );
    assert_eq!(cancelled["holds"]["pieces_of_stock"], 1);
    assert_eq!(cancelled["holds"]["payment"]["amount"], 3900);
    let refunded = told(data, &["refund", "stuck"]);
    assert_eq!(
        fields(&refunded),
        ["_id", "payment_id", "amount", "currency", "refunded"]
    );
    let (code, _, _) = run(shop(data, &["refund", "stuck"]));
    assert_eq!(code, 3, "once is enough");

    let audit = told(data, &["audit", "stuck"]);
    assert_eq!(
        fields(&audit),
        ["timeline", "fits_together", "problems", "_id"]
    );
    assert_eq!(audit["fits_together"], true);
    let line = &audit["timeline"][0];
    assert_eq!(fields(line), ["time", "source", "what"]);
}
