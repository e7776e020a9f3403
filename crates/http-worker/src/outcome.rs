//! What a call means for a job of `io.camunda:http-json:1`: the headers `resultVariable`,
//! `resultExpression`, `errorExpression` and `retryBackoff`, and what holds without them.

use std::time::Duration;

use jiff::Timestamp;
use messaging::worker::{Job, Outcome};
use serde_json::{Map, Value, json};

use crate::job::{self, input};
use crate::response::Response;
use crate::{error_functions, expression, retry};

/// Most characters of a message (the connectors' limit).
const MESSAGE_CHARS_MAX: usize = 6000;
/// The code of a call that nothing came back from.
const NO_ANSWER_CODE: &str = "500";

/// How the model wants the end of its call taken.
#[derive(Debug)]
pub(crate) struct Reaction {
    result_variable: Option<String>,
    result_expression: Option<String>,
    error_expression: Option<String>,
    back_off: Option<Duration>,
    /// How long the job should be the worker's, counted from the call.
    pub(crate) job_timeout: Option<Duration>,
    retries: i32,
}

/// What an `errorExpression` can say.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// Nothing: what holds without the expression.
    Default,
    BpmnError {
        code: String,
        message: String,
        variables: Map<String, Value>,
    },
    JobError {
        message: String,
        variables: Map<String, Value>,
        retries: Option<i32>,
        back_off: Option<Duration>,
    },
    Ignore(Map<String, Value>),
}

impl Reaction {
    pub(crate) fn read(job: &Job) -> Result<Reaction, job::Error> {
        let header = |name: &str| {
            let text = job.custom_headers.get(name).and_then(Value::as_str);
            text.map(str::to_owned)
                .filter(|text| !text.trim().is_empty())
        };
        let duration = |name: &str| {
            header(name)
                .map(|text| {
                    retry::iso_duration(&text)
                        .ok_or_else(|| input(name, "must be an ISO 8601 duration such as PT30S"))
                })
                .transpose()
        };
        Ok(Reaction {
            result_variable: header("resultVariable"),
            result_expression: header("resultExpression"),
            error_expression: header("errorExpression"),
            back_off: duration("retryBackoff")?,
            job_timeout: duration("jobTimeout")?.filter(|timeout| !timeout.is_zero()),
            retries: job.retries,
        })
    }

    /// The call ended with an answer, whatever its status.
    pub(crate) fn answered(&self, response: &Response) -> Outcome {
        if response.status >= 400 {
            let variables =
                json!({"response": {"headers": response.headers, "body": response.body}});
            let context = self.error(&response.status.to_string(), response.reason, &variables);
            return self.judged(&context, || {
                self.failed(response.failure(), response.retry_after.as_deref())
            });
        }
        let whole = response.to_value();
        match self.results(&whole) {
            Ok(variables) => self.judged(&self.context(whole), || Outcome::Complete(variables)),
            // The call was made; repeating it would not mend the expression.
            Err(problem) => {
                let context = self.error("", &problem, &json!({}));
                self.judged(&context, || for_good(problem.clone()))
            }
        }
    }

    /// Nothing came back.
    pub(crate) fn unanswered(&self, message: &str) -> Outcome {
        let context = self.error(NO_ANSWER_CODE, message, &json!({}));
        self.judged(&context, || self.failed(message.to_owned(), None))
    }

    /// No call was made, for a reason that may pass: nothing for the model to judge.
    pub(crate) fn not_called(&self, message: &str) -> Outcome {
        self.failed(message.to_owned(), None)
    }

    /// What an `errorExpression` sees of an error; no code is null.
    fn error(&self, code: &str, message: &str, variables: &Value) -> Map<String, Value> {
        let code = Some(code).filter(|code| !code.is_empty());
        let error = json!({
            "code": code,
            "message": message,
            "type": Value::Null,
            "variables": variables,
        });
        self.context(json!({ "error": error }))
    }

    /// What an expression sees of a result: its entries, the same under `response`, and `job`.
    fn context(&self, result: Value) -> Map<String, Value> {
        let mut context = Map::new();
        if let Value::Object(entries) = &result {
            context.extend(entries.clone());
        }
        context.insert("response".to_owned(), result);
        context.insert("job".to_owned(), json!({"retries": self.retries}));
        context
    }

    fn judged(&self, context: &Map<String, Value>, default: impl FnOnce() -> Outcome) -> Outcome {
        let Some(text) = &self.error_expression else {
            return default();
        };
        let value =
            error_functions::expand(text).and_then(|text| expression::evaluate(&text, context));
        match value.and_then(verdict) {
            // The call was made; repeating it would not mend the expression.
            Err(problem) => for_good(format!("errorExpression: {problem}")),
            Ok(Verdict::Default) => default(),
            Ok(Verdict::Ignore(variables)) => Outcome::Complete(variables),
            Ok(Verdict::BpmnError {
                code,
                message,
                variables,
            }) => Outcome::Error {
                code,
                message: cut(message),
                variables,
            },
            Ok(Verdict::JobError {
                message,
                variables,
                retries,
                back_off,
            }) => Outcome::Fail {
                retries: retries.unwrap_or(self.retries - 1).max(0),
                message: cut(message),
                back_off: back_off.or(self.back_off).unwrap_or_default(),
                variables,
            },
        }
    }

    fn failed(&self, message: String, retry_after: Option<&str>) -> Outcome {
        let retries = (self.retries - 1).max(0);
        let asked = retry_after.and_then(|text| retry::retry_after(text, Timestamp::now()));
        let own = self.back_off.unwrap_or_else(|| retry::back_off(retries));
        Outcome::Fail {
            retries,
            message: cut(message),
            back_off: own.max(asked.unwrap_or_default()),
            variables: Map::new(),
        }
    }

    /// The variables that an answer gives: all of it in `resultVariable`, and what
    /// `resultExpression` makes of it, which wins where both name the same.
    fn results(&self, whole: &Value) -> Result<Map<String, Value>, String> {
        let mut variables = Map::new();
        if let Some(name) = &self.result_variable {
            variables.insert(name.clone(), whole.clone());
        }
        let Some(expression) = &self.result_expression else {
            return Ok(variables);
        };
        let mut context = self.context(whole.clone());
        context.remove("job");
        match expression::evaluate(expression, &context) {
            Ok(Value::Null) => Ok(variables),
            Ok(Value::Object(result)) => {
                variables.extend(result);
                Ok(variables)
            }
            Ok(other) => Err(format!(
                "resultExpression gives {}, no context",
                kind(&other)
            )),
            Err(problem) => Err(format!("resultExpression: {problem}")),
        }
    }
}

/// A failure that no retry mends: the operator is asked at once.
pub(crate) fn for_good(message: String) -> Outcome {
    Outcome::Fail {
        retries: 0,
        message: cut(message),
        back_off: Duration::ZERO,
        variables: Map::new(),
    }
}

/// Reads the value of an `errorExpression`.
fn verdict(value: Value) -> Result<Verdict, String> {
    let mut fields = match value {
        Value::Null => return Ok(Verdict::Default),
        Value::Object(fields) if fields.is_empty() => return Ok(Verdict::Default),
        Value::Object(fields) => fields,
        other => {
            return Err(format!(
                "gives {}, none of bpmnError, jobError, ignoreError",
                kind(&other)
            ));
        }
    };
    let which = fields.remove(error_functions::MARK);
    let mut field = |name: &str| fields.remove(name).unwrap_or(Value::Null);
    let variables = match field("variables") {
        Value::Null => Map::new(),
        Value::Object(variables) => variables,
        other => return Err(format!("'variables' is {}, no context", kind(&other))),
    };
    let message = match field("message") {
        Value::Null => String::new(),
        value => job::scalar(&value).ok_or("'message' is no text")?,
    };
    match which.as_ref().and_then(Value::as_str) {
        Some("bpmnError") => match job::scalar(&field("code")).filter(|code| !code.is_empty()) {
            Some(code) => Ok(Verdict::BpmnError {
                code,
                message,
                variables,
            }),
            // As with the connectors: `bpmnError(response.body.code, ..)` of an answer without
            // a code throws nothing.
            None => Ok(Verdict::Default),
        },
        Some("jobError") => Ok(Verdict::JobError {
            message,
            variables,
            retries: match field("retries") {
                Value::Null => None,
                value => Some(
                    value
                        .to_string()
                        .parse()
                        .ok()
                        .filter(|retries| *retries >= 0)
                        .ok_or("'retries' of jobError must be a whole number, 0 or more")?,
                ),
            },
            back_off: match field("retryBackoff") {
                Value::Null => None,
                value => Some(
                    value
                        .as_str()
                        .and_then(retry::iso_duration)
                        .ok_or("'retryBackoff' of jobError must be a duration such as PT30S")?,
                ),
            },
        }),
        Some("ignoreError") => Ok(Verdict::Ignore(variables)),
        _ => Err("gives a context that is none of bpmnError, jobError, ignoreError".to_owned()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a context",
    }
}

/// The message without what goes beyond the limit.
pub(crate) fn cut(message: String) -> String {
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((at, _)) => message[..at].to_owned(),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(value: Value, says: &str) {
        let problem = verdict(value).unwrap_err();
        assert!(problem.contains(says), "{problem}");
    }

    #[test]
    fn verdicts() {
        for nothing in [Value::Null, json!({})] {
            assert_eq!(verdict(nothing), Ok(Verdict::Default));
        }
        assert_eq!(
            verdict(json!({"errorType": "bpmnError", "code": 404, "variables": {"a": 1}})),
            Ok(Verdict::BpmnError {
                code: "404".to_owned(),
                message: String::new(),
                variables: Map::from_iter([("a".to_owned(), json!(1))]),
            })
        );
        assert_eq!(
            verdict(
                json!({"errorType": "jobError", "message": "m", "retries": 2, "retryBackoff": "PT3S"})
            ),
            Ok(Verdict::JobError {
                message: "m".to_owned(),
                variables: Map::new(),
                retries: Some(2),
                back_off: Some(Duration::from_secs(3)),
            })
        );
        assert_eq!(
            verdict(json!({"errorType": "ignoreError"})),
            Ok(Verdict::Ignore(Map::new()))
        );
        refused(json!("x"), "gives a text");
        refused(json!({"a": 1}), "none of");
        assert_eq!(
            verdict(json!({"errorType": "bpmnError", "code": null})),
            Ok(Verdict::Default)
        );
        refused(
            json!({"errorType": "bpmnError", "code": "c", "variables": 1}),
            "a number",
        );
        refused(
            json!({"errorType": "jobError", "retries": 1.5}),
            "whole number",
        );
        refused(
            json!({"errorType": "jobError", "retries": -1}),
            "whole number",
        );
        refused(
            json!({"errorType": "jobError", "retryBackoff": "30"}),
            "duration",
        );
    }

    #[test]
    fn messages_are_cut() {
        assert_eq!(cut("ü".repeat(6001)), "ü".repeat(6000));
        assert_eq!(cut("ü".repeat(6000)), "ü".repeat(6000));
    }
}
