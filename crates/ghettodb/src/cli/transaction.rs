//! `ghettodb transaction`: several operations on several tables as one commit, with conditions.

use super::common::{Common, read};
use super::operations::{Change, Operation, commit, trailers};
use crate::failure::Failure;
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use ghettodb::{Condition, Error, Message, Record, parse_json};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a transaction takes.
#[derive(Debug, Args)]
pub(super) struct Transaction {
    /// File with a JSON list of steps, `-` for standard input.
    ///
    /// A step is one of the operations that write, as in
    /// `{"operation": "updateone", "table": "stock", "query": {..}, "record": {..}}`
    /// (`"all": true` lets `deletemany` take the query `{}`), or a condition on one record:
    /// `{"require": "exists", "table": .., "_id": ..}`, `{"require": "absent", ..}`,
    /// `{"require": "matches", .., "query": {..}}`, `{"require": "revision", .., "revision": ".."}`.
    /// Each step sees the changes of those before it. The result is the list of their results.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Idempotency key: the same call again changes nothing and gives the same result.
    #[arg(long)]
    key: Option<String>,
    /// First line of the commit's message.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
}

impl Transaction {
    pub(super) fn run(self, common: &Common) -> Result<Value, Failure> {
        let (payload, steps) = self.steps().map_err(Failure::usage)?;
        let message = Message {
            subject: self.message.unwrap_or_else(|| subject(&steps)),
            trailers: trailers("transaction", self.key.as_deref()),
        };
        commit(
            common,
            &message,
            self.key.as_deref(),
            &payload,
            |transaction| steps.iter().map(|step| step.apply(transaction)).collect(),
        )
    }

    fn steps(&self) -> Result<(Value, Vec<Step>), anyhow::Error> {
        let name = self.file.display();
        let text = read(&self.file)?;
        let payload = parse_json(&text).map_err(|fault| anyhow!("{name}:{fault}"))?;
        let Value::Array(steps) = &payload else {
            bail!("{name} holds no JSON list of steps");
        };
        let steps = steps.iter().enumerate().map(|(index, step)| {
            Step::read(step).with_context(|| format!("{name}: step {}", index + 1))
        });
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        Ok((payload, steps))
    }
}

fn subject(steps: &[Step]) -> String {
    let mut changes = steps.iter().filter_map(|step| match step {
        Step::Change(change) => Some(change.subject()),
        Step::Require { .. } => None,
    });
    match (changes.next(), changes.count()) {
        (Some(only), 0) => only,
        (first, others) => format!(
            "transaction of {} operations",
            others + usize::from(first.is_some())
        ),
    }
}

enum Step {
    Change(Change),
    Require {
        table: String,
        id: String,
        condition: Condition,
    },
}

impl Step {
    fn read(step: &Value) -> Result<Self, anyhow::Error> {
        let Value::Object(step) = step else {
            bail!("a step is a JSON object");
        };
        let mut fields = Fields(step.clone());
        let step = match (step.contains_key("operation"), step.contains_key("require")) {
            (true, false) => Self::read_change(&mut fields)?,
            (false, true) => Self::read_condition(&mut fields)?,
            _ => bail!("a step has either `operation` or `require`"),
        };
        match fields.0.keys().next() {
            Some(surplus) => bail!("unknown field {surplus:?}"),
            None => Ok(step),
        }
    }

    fn read_change(fields: &mut Fields) -> Result<Self, anyhow::Error> {
        let name = fields.text("operation")?;
        let operation = Operation::from_name(&name)
            .with_context(|| format!("{name:?} is no operation that writes"))?;
        let change = Change {
            operation,
            table: match operation {
                Operation::DropDb => String::new(),
                _ => fields.text("table")?,
            },
            query: fields.object("query")?,
            record: fields.object("record")?,
        };
        let all = fields.0.shift_remove("all") == Some(Value::Bool(true));
        if let Some(missing) = change.missing() {
            bail!("`{missing}` is missing");
        }
        if change.sweeps() && !all {
            bail!("the query {{}} deletes every record; if that is meant, add \"all\": true");
        }
        Ok(Step::Change(change))
    }

    fn read_condition(fields: &mut Fields) -> Result<Self, anyhow::Error> {
        let name = fields.text("require")?;
        Ok(Step::Require {
            table: fields.text("table")?,
            id: fields.text("_id")?,
            condition: match name.as_str() {
                "exists" => Condition::Exists,
                "absent" => Condition::Absent,
                "matches" => {
                    Condition::Matches(fields.object("query")?.context("`query` is missing")?)
                }
                "revision" => Condition::Revision(fields.text("revision")?),
                _ => bail!(
                    "{name:?} is no condition; there are exists, absent, matches and revision"
                ),
            },
        })
    }

    fn apply(&self, transaction: &mut ghettodb::Transaction<'_>) -> Result<Value, Error> {
        match self {
            Step::Change(change) => change.apply(transaction),
            Step::Require {
                table,
                id,
                condition,
            } => {
                transaction.require(table, id, condition)?;
                Ok(json!({"_id": id, "revision": transaction.revision(table, id)?}))
            }
        }
    }
}

/// The fields of a step that nobody has asked for yet.
struct Fields(Record);

impl Fields {
    fn text(&mut self, name: &str) -> Result<String, anyhow::Error> {
        match self.0.shift_remove(name) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => bail!("`{name}` is {other}, not a text"),
            None => bail!("`{name}` is missing"),
        }
    }

    fn object(&mut self, name: &str) -> Result<Option<Record>, anyhow::Error> {
        match self.0.shift_remove(name) {
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => bail!("`{name}` is {other}, not a JSON object"),
            None => Ok(None),
        }
    }
}
