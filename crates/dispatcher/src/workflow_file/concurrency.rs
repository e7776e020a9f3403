//! The `concurrency:` of a workflow: its group and what becomes of others in it.

use serde_json::Value;

use crate::concurrency::Queue;
use crate::expression::{Template, is_truthy};

/// The `concurrency:` of a workflow, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrency {
    group: Template,
    cancel_in_progress: Option<Template>,
    queue: Queue,
}

impl Concurrency {
    pub(super) fn parse(value: &Value) -> Result<Concurrency, String> {
        let template = |text: &str| Template::parse(text).map_err(|e| e.to_string());
        let map = match value {
            Value::String(group) => {
                return Ok(Concurrency {
                    group: template(group)?,
                    cancel_in_progress: None,
                    queue: Queue::Single,
                });
            }
            Value::Object(map) => map,
            _ => return Err("must be a group's name or a mapping with 'group'".to_owned()),
        };
        if let Some(key) = map
            .keys()
            .find(|key| !["group", "cancel-in-progress", "queue"].contains(&key.as_str()))
        {
            return Err(format!(
                "has the key '{key}'; it takes 'group', 'cancel-in-progress' and 'queue'"
            ));
        }
        let group = map.get("group").and_then(Value::as_str);
        let group = group.ok_or("needs 'group', a text")?;
        let cancel_in_progress = match map.get("cancel-in-progress") {
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(template("${{ true }}")?),
            Some(Value::String(text)) if text.starts_with("${{") => Some(template(text)?),
            Some(_) => {
                return Err("'cancel-in-progress' must be true, false or an expression".to_owned());
            }
        };
        let queue = match map.get("queue").map(Value::as_str) {
            None | Some(Some("single")) => Queue::Single,
            Some(Some("max")) => Queue::Max,
            Some(_) => return Err("'queue' must be 'single' or 'max'".to_owned()),
        };
        if queue == Queue::Max && map.get("cancel-in-progress") == Some(&Value::Bool(true)) {
            return Err("'queue: max' does not go with 'cancel-in-progress: true'".to_owned());
        }
        Ok(Concurrency {
            group: template(group)?,
            cancel_in_progress,
            queue,
        })
    }

    /// The group's name, whether its running run is cancelled, and how many wait, for an event.
    #[must_use]
    pub fn evaluate(&self, contexts: &Value) -> (String, bool, Queue) {
        let cancel = self.cancel_in_progress.as_ref();
        let cancel = cancel.is_some_and(|when| is_truthy(&when.evaluate(contexts)));
        (self.group.render(contexts), cancel, self.queue)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn evaluated(written: &Value) -> (String, bool, Queue) {
        let contexts = json!({"github": {"event": {"client_payload": {"_id": "O-1"}}}});
        Concurrency::parse(written).unwrap().evaluate(&contexts)
    }

    #[test]
    fn every_form() {
        let group = "a-${{ github.event.client_payload._id }}";
        let named = || "a-O-1".to_owned();
        assert_eq!(evaluated(&json!(group)), (named(), false, Queue::Single));
        assert_eq!(
            evaluated(&json!({"group": group, "queue": "max"})),
            (named(), false, Queue::Max)
        );
        assert_eq!(
            evaluated(&json!({"group": group, "cancel-in-progress": true, "queue": "single"})),
            (named(), true, Queue::Single)
        );
        let when = "${{ github.event.client_payload._id == 'o-1' }}";
        assert!(evaluated(&json!({"group": "g", "cancel-in-progress": when})).1);
    }

    #[test]
    fn mistakes_are_named() {
        for (written, says) in [
            (json!(1), "a mapping with 'group'"),
            (json!({"queue": "max"}), "needs 'group'"),
            (json!({"group": "g", "queue": "all"}), "'single' or 'max'"),
            (
                json!({"group": "g", "queue": "max", "cancel-in-progress": true}),
                "does not go with",
            ),
            (json!({"group": "g", "cancel": true}), "the key 'cancel'"),
            (json!({"group": "${{ nope }}"}), "'nope'"),
            (
                json!({"group": "g", "cancel-in-progress": 1}),
                "an expression",
            ),
        ] {
            let problem = Concurrency::parse(&written).unwrap_err();
            assert!(problem.contains(says), "{written}: {problem}");
        }
    }
}
