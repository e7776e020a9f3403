//! What only orders with long-lived workers know: a worker killed with a job in hand, a job that fails
//! for want of git, and the errors that a no of the business throws.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use shop::outcome::Outcome;
use shop::wait::until;

use crate::stage::{BOOK, DECLINED, Stage, VISA, Variant, run, shop, slow};

const PATIENCE: Duration = Duration::from_secs(120);

/// Has git run `script` in the data repository at each push, as `name`.
fn hook(repository: &str, name: &str, script: &str) {
    let path = Path::new(repository).join("hooks").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_with_a_job_in_hand_has_its_effect_once() {
    if !slow("workers") {
        return;
    }
    let mut stage = Stage::open_for(Variant::Grpc).await.unwrap();
    stage.restock(1, &[BOOK]).await.unwrap();
    let repository = stage.store.addresses.data_repository.clone();
    let hold = Path::new(&repository).join("hold");
    std::fs::write(&hold, "").unwrap();
    // The commit of the charge is in, but its worker never hears of it.
    hook(
        &repository,
        "post-receive",
        r#"case "$(git log -1 --format=%an)" in *payment*) while [ -e hold ]; do sleep 0.02; done;; esac"#,
    );
    let order = Variant::Grpc.form("killed", BOOK, 1, VISA);
    stage.orchestrators.order(&order).await.unwrap();
    let database = &mut stage.database;
    until("the charge", PATIENCE, async || {
        let payments = database.snapshot()?.all("payments")?;
        Ok((payments.len() == 1).then_some(()))
    })
    .await
    .unwrap();
    stage.store.kill("payment").await.unwrap();
    std::fs::remove_file(hold).unwrap();
    stage.store.start_again("payment").await.unwrap();
    stage.time_jobs_out().await.unwrap();
    assert_eq!(stage.ended("killed").await.unwrap(), Outcome::Fulfilled);
    assert_eq!(stage.books().unwrap().payments.len(), 1);
    assert_eq!(stage.problems("killed").await.unwrap(), [""; 0]);
    stage.store.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_git_is_tried_again_and_then_an_incident_that_an_operator_resolves() {
    if !slow("workers") {
        return;
    }
    let stage = Stage::open_for(Variant::Grpc).await.unwrap();
    stage.restock(1, &[BOOK]).await.unwrap();
    let repository = stage.store.addresses.data_repository.clone();
    hook(
        &repository,
        "pre-receive",
        r#"read old new ref; case "$(git log -1 --format=%an $new)" in *payment*) echo tried >> tries; echo closed on sundays; exit 1;; esac"#,
    );
    let order = Variant::Grpc.form("sunday", BOOK, 1, VISA);
    stage.orchestrators.order(&order).await.unwrap();
    let data = stage.store.folder.root();
    let told = |args: &[&str]| -> Value {
        let (code, out, err) = run(shop(data, &[args, &["--json"]].concat()));
        assert_eq!(code, 0, "{args:?}: {err}{out}");
        serde_json::from_str(&out).unwrap()
    };
    let incident = until("the incident", PATIENCE, async || {
        Ok(told(&["incidents"])["incidents"].get(0).cloned())
    });
    let incident = incident.await.unwrap();
    assert_eq!(incident["_id"], "sunday");
    assert_eq!(incident["element_id"], "charge_customer");
    assert_eq!(incident["error_type"], "JOB_NO_RETRIES");
    let message = incident["message"].as_str().unwrap();
    assert!(message.contains("closed on sundays"), "{message}");
    let tries = std::fs::read_to_string(Path::new(&repository).join("tries")).unwrap();
    assert_eq!(tries.lines().count(), 3, "as often as the model says");

    std::fs::remove_file(Path::new(&repository).join("hooks/pre-receive")).unwrap();
    let key = incident["incident_key"].as_str().unwrap();
    let resolved = told(&["resolve", key]);
    assert_eq!(
        resolved,
        json!({ "incident_key": key, "resolved": true, "kind": "job" })
    );
    assert_eq!(stage.ended("sunday").await.unwrap(), Outcome::Fulfilled);
    assert_eq!(told(&["incidents"])["incidents"], json!([]));
    assert_eq!(told(&["audit", "sunday"])["fits_together"], true);
    stage.store.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_of_the_business_goes_the_way_of_its_error() {
    if !slow("workers") {
        return;
    }
    let mut stage = Stage::open_for(Variant::Grpc).await.unwrap();
    stage.restock(1, &[BOOK]).await.unwrap();
    let order = Variant::Grpc.form("poor", BOOK, 1, DECLINED);
    stage.orchestrators.order(&order).await.unwrap();
    let outcome = stage.ended("poor").await.unwrap();
    assert!(
        matches!(outcome, Outcome::Declined { reason: Some(_) }),
        "{outcome:?}"
    );
    let instance = stage.view.order("poor").await.unwrap().unwrap();
    let elements = stage.view.history(&instance.key).await.unwrap();
    let state = |id: &str| {
        let mut elements = elements.iter();
        let found = elements.find(|element| element.element_id == id);
        found.map(|element| element.state.as_str())
    };
    assert_eq!(state("charge_declined"), Some("COMPLETED"));
    assert_eq!(state("increment_stock"), Some("COMPLETED"));
    assert_eq!(state("ship"), None);
    assert!(instance.incidents.is_empty());
    assert_eq!(stage.books().unwrap().stock_level(BOOK), 1);
    assert_eq!(stage.problems("poor").await.unwrap(), [""; 0]);
    stage.store.stop().await.unwrap();
}
