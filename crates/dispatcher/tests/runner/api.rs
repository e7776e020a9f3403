//! Statuses and error shapes of the dispatches endpoint, and of the dispatcher's own API.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::store::{DISPATCHES, Folders, Store, TOKEN};

/// One request to the endpoint and what GitHub would answer.
struct Case {
    path: &'static str,
    authorization: Option<String>,
    body: String,
    status: u16,
    says: &'static str,
}

#[tokio::test]
async fn statuses_and_shapes_are_githubs() {
    let store = Store::start(Folders::new("exit 0"), |_| {}).await;
    let good = || Some(format!("Bearer {TOKEN}"));
    let event = json!({"event_type": "restock_item"}).to_string();
    let payload = |bytes: usize| {
        let filler = "x".repeat(bytes - r#"{"a":""}"#.len());
        json!({"event_type": "restock_item", "client_payload": {"a": filler}}).to_string()
    };
    let case = |path, authorization, body: &str, status, says| Case {
        path,
        authorization,
        body: body.to_owned(),
        status,
        says,
    };
    let cases = [
        case(DISPATCHES, good(), &event, 204, ""),
        case(DISPATCHES, Some(format!("token {TOKEN}")), &event, 204, ""),
        case("/repos/SHOP/Data/dispatches", good(), &event, 204, ""),
        case(DISPATCHES, good(), &payload(65_535), 204, ""),
        case(DISPATCHES, None, &event, 401, "Requires authentication"),
        case(
            DISPATCHES,
            Some("Bearer wrong".into()),
            &event,
            401,
            "Bad credentials",
        ),
        case(
            "/repos/shop/other/dispatches",
            good(),
            &event,
            404,
            "Not Found",
        ),
        case(
            "/repos/shop/other/dispatches",
            None,
            &event,
            401,
            "Requires",
        ),
        case("/repos/shop/data", good(), &event, 404, "Not Found"),
        case(DISPATCHES, good(), "{", 400, "Problems parsing JSON"),
        case(
            DISPATCHES,
            good(),
            "{}",
            422,
            "\"event_type\" wasn't supplied.",
        ),
        case(
            DISPATCHES,
            good(),
            r#"{"event_type": ""}"#,
            422,
            "At least 1",
        ),
        case(DISPATCHES, good(), &payload(65_536), 422, "too large"),
        case(
            DISPATCHES,
            good(),
            &" ".repeat(1024 * 1024 + 1),
            422,
            "too large",
        ),
    ];
    for case in cases {
        let answer = store
            .client
            .send(
                Method::POST,
                case.path,
                case.authorization.as_deref(),
                &case.body,
            )
            .await;
        assert_eq!(answer.status().as_u16(), case.status, "{}", case.says);
        let text = answer.text().await.unwrap();
        if case.status == 204 {
            assert_eq!(text, "");
            continue;
        }
        let shape: Value = serde_json::from_str(&text).unwrap();
        assert!(
            shape["message"].as_str().unwrap().contains(case.says),
            "{text}"
        );
        assert_eq!(shape["status"], case.status.to_string());
        assert!(
            shape["documentation_url"]
                .as_str()
                .unwrap()
                .starts_with("https://docs.github.com/")
        );
    }
    let taken = store.client.get("/_backroom/deliveries").await;
    assert_eq!(
        taken.as_array().unwrap().len(),
        4,
        "only what got 204 is kept"
    );
    store.stop().await;
}

#[tokio::test]
async fn an_event_without_listener_is_taken_and_recorded() {
    let store = Store::start(Folders::new("exit 0"), |_| {}).await;
    store.client.dispatch("unheard_of", "o-1").await;
    let delivery = store.client.delivery("o-1").await;
    assert_eq!(delivery["state"], "unheard");
    assert_eq!(delivery["event_type"], "unheard_of");
    assert_eq!(delivery["runs"], json!([]));
    let path = format!(
        "/_backroom/deliveries/{}/redeliver",
        delivery["id"].as_str().unwrap()
    );
    let answer = store.client.call(Method::POST, &path, &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    store.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let store = Store::start(Folders::new("exit 0"), |_| {}).await;
    for (method, path, status, says) in [
        (Method::GET, "/_backroom/runs/1", 404, "no run has the id 1"),
        (Method::GET, "/_backroom/runs/x", 404, "is no run's id"),
        (
            Method::GET,
            "/_backroom/deliveries/x",
            404,
            "no delivery has the id 'x'",
        ),
        (
            Method::POST,
            "/_backroom/deliveries/x/redeliver",
            404,
            "no delivery",
        ),
        (
            Method::DELETE,
            "/_backroom/rules/7",
            404,
            "no rule has the id 7",
        ),
        (
            Method::GET,
            "/_backroom/deliveries?order=1",
            422,
            "'_id' alone",
        ),
        (Method::GET, DISPATCHES, 405, "Method Not Allowed"),
    ] {
        let answer = store.client.call(method, path, &Value::Null).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let shape: Value = answer.json().await.unwrap();
        assert!(shape["message"].as_str().unwrap().contains(says), "{shape}");
    }
    for bad in [
        json!({}),
        json!({"action": "explode"}),
        json!({"action": "drop", "odd": 1}),
    ] {
        let answer = store
            .client
            .call(Method::POST, "/_backroom/rules", &bad)
            .await;
        assert_eq!(answer.status().as_u16(), 422, "{bad}");
    }
    for path in [
        "/_backroom/deliveries",
        "/_backroom/rules",
        "/_backroom/runs/1",
    ] {
        let answer = store.client.send(Method::GET, path, None, "").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    store.stop().await;
}
