//! GitHub's rates: what is over them is refused, dropped or held back, as there.

use std::time::Duration;

use dispatcher::rate::{Rate, Rates};
use reqwest::Method;
use serde_json::{Value, json};

use crate::store::{DISPATCHES, Folders, Store};

const MANY: Rate = Rate {
    count: 1000,
    per: Duration::from_secs(1),
};
const HOUR: Duration = Duration::from_secs(3600);
const ALL: Rates = Rates {
    requests: MANY,
    events: MANY,
    queued: MANY,
    starts: MANY,
};

async fn store(rates: Rates) -> Store {
    Store::start(Folders::new("exit 0"), |config| config.rates = Some(rates)).await
}

#[tokio::test]
async fn more_events_and_more_requests_are_refused_with_retry_after() {
    let two = Rate {
        count: 2,
        per: HOUR,
    };
    for (rates, status, says) in [
        (Rates { events: two, ..ALL }, 429, "secondary rate limit"),
        (
            Rates {
                requests: two,
                ..ALL
            },
            403,
            "rate limit exceeded",
        ),
    ] {
        let store = store(rates).await;
        for id in ["o-1", "o-2"] {
            store.client.dispatch("restock_item", id).await;
        }
        let body = json!({"event_type": "restock_item"});
        let answer = store.client.call(Method::POST, DISPATCHES, &body).await;
        assert_eq!(answer.status().as_u16(), status);
        let wait: u64 = answer.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=1800).contains(&wait), "{wait} s");
        let shape: Value = answer.json().await.unwrap();
        assert!(shape["message"].as_str().unwrap().contains(says), "{shape}");
        // The dispatcher's own endpoints are nobody's limit.
        let taken = store.client.get("/_backroom/deliveries").await;
        assert_eq!(taken.as_array().unwrap().len(), 2);
        store.stop().await;
    }
}

#[tokio::test]
async fn more_queued_runs_are_dropped_though_their_events_are_taken() {
    let one = Rate {
        count: 1,
        per: HOUR,
    };
    let store = store(Rates { queued: one, ..ALL }).await;
    store.client.dispatch("restock_item", "o-1").await;
    store.client.dispatch("restock_item", "o-2").await;
    store.client.until("o-1", "succeeded").await;
    let dropped = store.client.until("o-2", "failed").await;
    assert_eq!(dropped["runs"][0]["conclusion"], "startup_failure");
    assert!(
        store
            .client
            .failure("o-2")
            .await
            .contains("could not be started")
    );
    store.stop().await;
}

#[tokio::test]
async fn more_starts_wait() {
    let rate = Rate {
        count: 1,
        per: Duration::from_millis(200),
    };
    let store = store(Rates {
        starts: rate,
        ..ALL
    })
    .await;
    for id in ["o-1", "o-2"] {
        store.client.dispatch("restock_item", id).await;
    }
    let mut starts = Vec::new();
    for id in ["o-1", "o-2"] {
        let delivery = store.client.until(id, "succeeded").await;
        let start = delivery["runs"][0]["attempts"][0]["started_at"]
            .as_str()
            .unwrap();
        starts.push(start.parse::<jiff::Timestamp>().unwrap());
    }
    starts.sort();
    // The bucket was full at the start, and fills within 200 ms.
    let pause = starts[0].duration_until(starts[1]);
    assert!(pause.as_millis() >= 150, "{pause:?}");
    store.stop().await;
}
