//! The back end `act`, with the real program where there is one: on PATH, or in the folder that
//! `BACKROOM_TOOLS` names. Elsewhere these tests say that they were skipped.

use std::path::{Path, PathBuf};

use dispatcher::BackendConfig;
use serde_json::{Value, json};

use crate::store::{DISPATCHES, Folders, Store, WAIT, eventually};

const WORKFLOWS: &str = "project/.github/workflows";
const PIN: &str = "0057852bfaa89a56745cba8c7296529d2fc39830";

/// The program act.
fn act() -> Option<PathBuf> {
    let tools = std::env::var_os("BACKROOM_TOOLS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = tools.into_iter().chain(std::env::split_paths(&path));
    folders.find_map(|folder| Some(folder.join("act")).filter(|program| program.is_file()))
}

#[expect(
    clippy::print_stderr,
    reason = "what a test that did nothing has to say"
)]
fn skipped() {
    eprintln!("skipped: no act on PATH or in BACKROOM_TOOLS");
}

/// A project with the repository's own composite action and one workflow.
fn project(script: &str, extra: &str) -> Folders {
    let folders = Folders::new(script);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let action = folders.path("project/.github/actions/setup-service");
    std::fs::create_dir_all(&action).unwrap();
    std::fs::create_dir_all(folders.path(WORKFLOWS)).unwrap();
    for file in ["action.yml", "setup.sh"] {
        let from = root.join(".github/actions/setup-service").join(file);
        std::fs::copy(from, action.join(file)).unwrap();
    }
    let workflow = format!(
        "name: Inventory
on: {{repository_dispatch: {{types: [restock_item]}}, workflow_dispatch: {{inputs: {{level: {{type: number, default: 2}}}}}}}}
concurrency: {{group: \"inventory-${{{{ github.event.client_payload._id }}}}\", queue: max}}
jobs:
  run:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@{PIN}
      - id: setup
        uses: ./.github/actions/setup-service
        with: {{service: inventory}}
{extra}
      - env:
          SERVICE: ${{{{ steps.setup.outputs.path }}}}
          ADDRESS: ${{{{ vars.ZEEBE_ADDRESS }}}}
          ZEEBE_CLIENT_SECRET: ${{{{ secrets.ZEEBE_CLIENT_SECRET }}}}
        run: '\"$SERVICE\" action'
"
    );
    std::fs::write(folders.path(WORKFLOWS).join("inventory.yml"), workflow).unwrap();
    folders
}

async fn start(folders: Folders, program: &Path) -> Store {
    let (workflows, project) = (folders.path(WORKFLOWS), folders.path("project"));
    Store::start(folders, |config| {
        config.workflows = workflows;
        config.backend = BackendConfig::Act {
            program: program.to_owned(),
            project,
        };
    })
    .await
}

/// A service's script: `--version` for the composite action, then these lines.
fn service(lines: &str) -> String {
    format!("[ \"$1\" = --version ] && {{ echo 'inventory 1'; exit 0; }}\n{lines}")
}

#[tokio::test]
async fn the_yaml_is_run_with_event_settings_and_secrets() {
    let Some(program) = act() else {
        return skipped();
    };
    let script = service(
        r##"cp "$GITHUB_EVENT_PATH" "$SEEN/event"; env > "$SEEN/env"
printf '# Restocked\n\n| a | b |\n' >> "$GITHUB_STEP_SUMMARY"
echo "secret: $ZEEBE_CLIENT_SECRET""##,
    );
    let cache = format!("      - uses: actions/cache@{PIN}\n        with: {{path: x, key: y}}");
    let store = start(project(&script, &cache), &program).await;
    let payload = json!({"_id": "o-1", "product": "$(touch pwned) \"x'; -- `id` \u{1f600} ${{ github.token }}"});
    let body = json!({"event_type": "restock_item", "client_payload": payload});
    store.client.post(DISPATCHES, &body, 204).await;
    let delivery = store.client.until("o-1", "succeeded").await;
    let event: Value = serde_json::from_str(&store.folders.seen("event").unwrap()).unwrap();
    assert_eq!(event["client_payload"], payload);
    let env = store.folders.seen("env").unwrap();
    for line in [
        "ADDRESS=127.0.0.1:26500",
        "ZEEBE_CLIENT_SECRET=canary-client-secret",
        "GITHUB_RUN_ID=1",
        "GITHUB_RUN_ATTEMPT=1",
        "GITHUB_REPOSITORY=shop/data",
        "GIT_PAGER=cat",
        "NO_COLOR=1",
        &format!("GITHUB_API_URL={}", store.client.url),
    ] {
        assert!(env.lines().any(|l| l == line), "{line} is not in\n{env}");
    }
    let shown = store
        .client
        .get(&format!("/_backroom/runs/{}", delivery["runs"][0]["id"]))
        .await;
    let log = shown["log"].as_str().unwrap();
    assert!(
        log.contains("secret: ***") && !log.contains("canary"),
        "{log}"
    );
    assert_eq!(shown["summary"], "# Restocked\n\n| a | b |\n");

    let path = "/repos/shop/data/actions/workflows/inventory.yml/dispatches";
    store
        .client
        .post(path, &json!({"ref": "main", "inputs": {"level": 3}}), 204)
        .await;
    store.client.run_until(2, "success").await;
    let event: Value = serde_json::from_str(&store.folders.seen("event").unwrap()).unwrap();
    assert_eq!(event["inputs"], json!({"level": "3"}));
    let folders = store.stop().await;
    folders.assert_clean();
    assert!(!folders.path("project/pwned").exists());
}

#[tokio::test]
async fn a_services_exit_code_decides_as_with_the_binary_alone() {
    let Some(program) = act() else {
        return skipped();
    };
    let script = service(r#"[ "$GITHUB_RUN_ATTEMPT" = 2 ] || exit 4"#);
    let store = start(project(&script, ""), &program).await;
    store.client.dispatch("restock_item", "o-1").await;
    let delivery = store.client.until("o-1", "succeeded").await;
    let codes: Vec<_> = delivery["runs"][0]["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["exit_code"])
        .collect();
    assert_eq!(codes, [&json!(4), &json!(0)]);
    store.stop().await;
}

#[tokio::test]
async fn a_run_is_cancelled_with_its_steps() {
    let Some(program) = act() else {
        return skipped();
    };
    let script = service(&format!(
        r#"touch "$SEEN/began"; {WAIT}; touch "$SEEN/finished""#
    ));
    let store = start(project(&script, ""), &program).await;
    store.client.dispatch("restock_item", "o-1").await;
    eventually("the step", || store.folders.count("began") == 1).await;
    store
        .client
        .post("/repos/shop/data/actions/runs/1/cancel", &Value::Null, 202)
        .await;
    store.client.run_until(1, "cancelled").await;
    assert!(store.folders.seen("finished").is_none());
    store.folders.open_gate();
    store.stop().await;
}

#[tokio::test]
async fn what_cannot_be_run_is_said() {
    let unpinned = "      - uses: actions/cache@v4";
    let store = start(project("exit 0", unpinned), Path::new("/no/such/act")).await;
    store.client.dispatch("restock_item", "o-1").await;
    let delivery = store.client.until("o-1", "failed").await;
    let note = delivery["runs"][0]["attempts"][0]["note"].as_str().unwrap();
    assert!(
        note.contains("'inventory.yml'") && note.contains("'actions/cache@v4' is not pinned"),
        "{note}"
    );
    store.stop().await;

    let store = start(project("exit 0", ""), Path::new("/no/such/act")).await;
    store.client.dispatch("restock_item", "o-1").await;
    let delivery = store.client.until("o-1", "failed").await;
    let note = delivery["runs"][0]["attempts"][0]["note"].as_str().unwrap();
    assert!(
        note.contains("/no/such/act") && note.contains("--act"),
        "{note}"
    );
    store.stop().await;
}
