//! The watchdog: no delivery comes to nothing in silence.
//!
//! A delivery whose latest runs failed, were cancelled, or were never started in time is started
//! again, up to a number of times; after that, and where starting again makes no sense, it stands
//! as a failure with a sentence that says what happened and what to do. One that only waits is told,
//! too, and never cancelled for it unless it is started again. A run that its concurrency
//! group cancelled is started again only when the group has room, so that those which the watchdog
//! starts don't cancel each other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::backend::Phase;
use crate::config::Watchdog;
use crate::dispatcher::Dispatcher;
use crate::records::{Cause, Conclusion, Delivery, Run, State, Status};

/// How often it looks even if nothing ends: deliveries that never start end nothing.
const INTERVAL: Duration = Duration::from_millis(500);

/// What is to be done about a delivery.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// All is well, or will be.
    Fine,
    /// These runs are still waiting and should have started; others are to take their place.
    Overdue(Vec<u64>),
    /// These workflows of it are to be started again; none = all that listen.
    Again(Vec<String>),
    /// It stays as it is, and this is why.
    Failed(String),
}

impl Dispatcher {
    /// Looks after deliveries until the dispatcher ends.
    pub(crate) fn watch(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let mut phase = self.phase.subscribe();
        tokio::spawn(async move {
            loop {
                let looking = Arc::clone(&this);
                if let Err(error) = tokio::task::spawn_blocking(move || looking.look()).await {
                    tracing::error!(%error, "the watchdog could not look");
                }
                tokio::select! {
                    _ = phase.wait_for(|phase| *phase > Phase::Open) => break,
                    () = this.ended.notified() => {}
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
            // `stop` waits for the phase, and the folder's lock goes with the dispatcher.
            drop(this);
            drop(phase);
        });
    }

    fn look(self: &Arc<Self>) {
        let settings = self.config.watchdog;
        let open = |d: &Delivery| d.state() != State::Succeeded;
        for delivery in self.records.list(open) {
            match judge(&delivery, &settings, Timestamp::now()) {
                Verdict::Fine => {}
                Verdict::Overdue(runs) => {
                    for run in runs {
                        self.live.cancel(run, Cause::Watchdog);
                    }
                }
                Verdict::Again(files) => {
                    // One that could not be started again is not tried for ever.
                    if delivery.failure.is_none() && self.has_room(&delivery) {
                        self.again(&delivery, &files);
                    }
                }
                Verdict::Failed(why) if delivery.failure.as_ref() == Some(&why) => {}
                Verdict::Failed(why) => {
                    tracing::error!(
                        delivery = delivery.id,
                        event_type = delivery.event_type,
                        order = delivery.order_id(),
                        why,
                        "a delivery came to nothing"
                    );
                    self.records.update(&delivery.id, |d| d.failure = Some(why));
                }
            }
        }
    }

    /// Whether starting the delivery again cancels nobody in its groups.
    fn has_room(&self, delivery: &Delivery) -> bool {
        let mut memberships = delivery
            .latest()
            .filter_map(|run| run.membership(&delivery.repository));
        memberships.all(|membership| self.live.has_room(&membership))
    }

    fn again(self: &Arc<Self>, delivery: &Delivery, files: &[String]) {
        let fits = |file: &str| files.is_empty() || files.iter().any(|f| f == file);
        match self.start_again(&delivery.id, fits, 1) {
            Ok(_) => tracing::warn!(
                delivery = delivery.id,
                event_type = delivery.event_type,
                time = delivery.redispatches + 1,
                "the watchdog started a delivery again"
            ),
            Err(error) => {
                let why = format!("it could not be started again: {error}");
                self.records.update(&delivery.id, |d| d.failure = Some(why));
            }
        }
    }
}

fn judge(delivery: &Delivery, settings: &Watchdog, now: Timestamp) -> Verdict {
    let since = |then: Timestamp| Duration::try_from(then.duration_until(now)).unwrap_or_default();
    let overdue = |then: Timestamp| {
        since(then.max(delivery.not_before.unwrap_or(then))) >= settings.start_limit
    };
    let redeliver = format!("POST /_backroom/deliveries/{}/redeliver", delivery.id);
    match delivery.state() {
        State::Succeeded | State::Running => Verdict::Fine,
        State::Queued => {
            let late: Vec<u64> = delivery
                .latest()
                .filter(|run| run.status != Status::Completed && overdue(run.created_at))
                .map(|run| run.id)
                .collect();
            if late.is_empty() {
                Verdict::Fine
            } else if delivery.redispatches < settings.redispatches_max {
                Verdict::Overdue(late)
            } else {
                Verdict::Failed(format!(
                    "it waits for its start for more than {} s; look at what runs in its \
                     concurrency group, and at --max-parallel",
                    settings.start_limit.as_secs_f64()
                ))
            }
        }
        State::Unheard => Verdict::Failed(format!(
            "no workflow listens to '{}'; add it to the 'types' of the workflow that should, \
             restart the dispatcher and {redeliver}",
            delivery.event_type
        )),
        State::Dropped if !overdue(delivery.received_at) => Verdict::Fine,
        State::Dropped if delivery.redispatches < settings.redispatches_max => {
            Verdict::Again(Vec::new())
        }
        State::Dropped => Verdict::Failed(format!("it got lost and never started; {redeliver}")),
        State::Failed | State::Cancelled => {
            let bad = || {
                delivery
                    .latest()
                    .filter(|run| run.conclusion != Some(Conclusion::Success))
            };
            // Who cancels a run by hand doesn't want it to come back.
            let by_hand = bad().any(|run| run.cancelled_by == Some(Cause::Request));
            if !by_hand && delivery.redispatches < settings.redispatches_max {
                return Verdict::Again(bad().map(|run| run.workflow.clone()).collect());
            }
            let told: Vec<String> = bad().map(told).collect();
            Verdict::Failed(format!(
                "{}; when that is mended, {redeliver}",
                told.join("; ")
            ))
        }
    }
}

/// What became of a run, as a sentence.
fn told(run: &Run) -> String {
    let note = run.attempts.last().and_then(|attempt| attempt.note.clone());
    let exit = run.attempts.last().and_then(|attempt| attempt.exit_code);
    let what = match (run.cancelled_by, note, exit) {
        (Some(cause), _, _) => cause.words().to_owned(),
        (None, Some(note), _) => note,
        (None, None, Some(code)) => format!("exit code {code}, see its log"),
        (None, None, None) => "it could not be started".to_owned(),
    };
    format!("run {} of '{}': {what}", run.id, run.workflow)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SETTINGS: Watchdog = Watchdog {
        redispatches_max: 2,
        start_limit: Duration::from_secs(60),
    };

    fn delivery(redispatches: u32, runs: serde_json::Value) -> Delivery {
        let text = json!({
            "id": "d", "repository": "shop/data", "event_type": "e", "client_payload": {},
            "received_at": "2026-01-01T00:00:00Z", "rule": null, "not_before": null,
            "redispatches": redispatches, "runs": runs,
        });
        serde_json::from_str(&text.to_string()).unwrap()
    }

    fn run(id: u64, fields: &serde_json::Value) -> serde_json::Value {
        let mut run = json!({
            "id": id, "round": 1, "workflow": format!("w{id}.yml"), "name": "W", "service": "w",
            "status": "completed", "conclusion": "success", "rule": null,
            "created_at": "2026-01-01T00:00:00Z", "attempts": [],
        });
        for (name, value) in fields.as_object().unwrap() {
            run[name] = value.clone();
        }
        run
    }

    #[track_caller]
    fn judged(delivery: &Delivery, after_s: i64) -> Verdict {
        let then = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        judge(
            delivery,
            &SETTINGS,
            then + jiff::SignedDuration::from_secs(after_s),
        )
    }

    #[track_caller]
    fn fails(delivery: &Delivery, says: &[&str]) {
        let Verdict::Failed(why) = judged(delivery, 1) else {
            panic!("{:?}", judged(delivery, 1));
        };
        assert!(says.iter().all(|says| why.contains(says)), "{why}");
    }

    #[test]
    fn only_the_workflows_that_came_to_nothing_are_started_again() {
        let failed = json!({"conclusion": "failure"});
        let runs = json!([run(1, &json!({})), run(2, &failed)]);
        assert_eq!(
            judged(&delivery(1, runs.clone()), 1),
            Verdict::Again(vec!["w2.yml".to_owned()])
        );
        fails(&delivery(2, runs), &["run 2 of 'w2.yml'", "/d/redeliver"]);
        let group = json!({"conclusion": "cancelled", "cancelled_by": "group"});
        let one = delivery(0, json!([run(3, &group)]));
        assert_eq!(judged(&one, 1), Verdict::Again(vec!["w3.yml".to_owned()]));
    }

    #[test]
    fn what_a_person_cancelled_stays_cancelled() {
        let by_hand = json!({"conclusion": "cancelled", "cancelled_by": "request"});
        fails(
            &delivery(0, json!([run(1, &by_hand)])),
            &["cancelled by request"],
        );
    }

    #[test]
    fn what_waits_too_long_is_overdue() {
        let waits = run(1, &json!({"status": "queued", "conclusion": null}));
        let waiting = delivery(0, json!([waits]));
        assert_eq!(judged(&waiting, 59), Verdict::Fine);
        assert_eq!(judged(&waiting, 60), Verdict::Overdue(vec![1]));
        let mut last = waiting;
        last.redispatches = 2;
        assert!(
            matches!(judged(&last, 60), Verdict::Failed(why) if why.contains("more than 60 s"))
        );
        let runs = run(1, &json!({"status": "in_progress", "conclusion": null}));
        assert_eq!(judged(&delivery(0, json!([runs])), 3600), Verdict::Fine);
    }

    #[test]
    fn what_got_lost_is_started_again_after_a_while_and_the_unheard_is_told() {
        let mut lost = delivery(0, json!([]));
        fails(&lost, &["no workflow listens to 'e'", "types"]);
        lost.rule = serde_json::from_str(r#"{"id": 1, "action": "drop"}"#).unwrap();
        assert_eq!(judged(&lost, 59), Verdict::Fine);
        assert_eq!(judged(&lost, 60), Verdict::Again(vec![]));
        lost.redispatches = 2;
        assert!(matches!(judged(&lost, 60), Verdict::Failed(why) if why.contains("got lost")));
    }
}
