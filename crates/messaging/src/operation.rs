//! What a service is made of: operations, each a function of a payload and a transaction.
//!
//! A service gives a table of them; the modes turn the table into command lines, job types and
//! answers. An operation that may change something leaves its result under the dispatch's
//! idempotency key in the same commit, also where the answer is a refusal of business ("not enough
//! stock"), so the same dispatch again changes nothing and gives the same answer.

use ghettodb::{Committed, Database, Memory, TransactError, Transaction};
use serde_json::{Map, Value};

use crate::payload::{Dispatch, Refusal};

/// The variables that an operation answers with.
pub type Answer = Map<String, Value>;

/// One microservice.
#[derive(Debug)]
pub struct Service {
    /// Name of the binary.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// What it can do.
    pub operations: &'static [Operation],
}

impl Service {
    /// The operation of this event type.
    pub fn operation(&self, event_type: &str) -> Option<&'static Operation> {
        self.operations
            .iter()
            .find(|operation| operation.event_type == event_type)
    }

    /// Does one dispatch on records in memory: the whole way from payload to answer, without git
    /// and gateway.
    ///
    /// # Errors
    /// As [`Operation::perform`].
    pub fn perform_in_memory(
        &self,
        memory: &mut Memory,
        event_type: &str,
        payload: Map<String, Value>,
    ) -> Result<Answer, Error> {
        let operation = self
            .operation(event_type)
            .ok_or_else(|| Refusal::State(format!("unknown event type '{event_type}'")))?;
        let dispatch = Dispatch::new(operation.event_type, payload)?;
        let prepared = (operation.prepare)(&dispatch)?;
        let now = jiff::Timestamp::now().to_string();
        memory.transact(&now, |tx| prepared.apply(&dispatch, tx))
    }
}

/// One operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// Name of the event that asks for it.
    pub event_type: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// The fields of its payload beside `_id`.
    pub fields: &'static [Field],
    /// Name of the message that answers it; none where nothing waits.
    pub result_message: Option<&'static str>,
    /// The BPMN error that a long-lived worker throws where the answer is a no of the business; none
    /// where it never is.
    pub business_error: Option<BusinessError>,
    /// Reads the payload and says what is to be done; asks third parties before any transaction.
    pub prepare: fn(&Dispatch) -> Result<Prepared, Refusal>,
}

impl Operation {
    /// The job type that a long-lived worker serves: the event type with hyphens.
    pub fn job_type(&self) -> String {
        self.event_type.replace('_', "-")
    }

    /// Names of the fields of its payload beside `_id`.
    pub fn field_names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|field| field.name).collect()
    }

    /// Reads the payload, runs the operation and pushes its commit.
    ///
    /// # Errors
    /// When the input is refused or the database fails; nothing was written then.
    pub fn perform(
        &self,
        database: &mut Database,
        dispatch: &Dispatch,
    ) -> Result<Committed<Answer>, Error> {
        let prepared = (self.prepare)(dispatch)?;
        database
            .transact(&prepared.message(dispatch), |tx| {
                prepared.apply(dispatch, tx)
            })
            .map_err(|error| match error {
                TransactError::Operation(error) => error,
                TransactError::Database(error) => Error::Database(error),
            })
    }
}

/// How an answer says no, and the error that a model catches then, as a boundary event of the task.
#[derive(Debug)]
pub struct BusinessError {
    /// The variable of the answer that is `false` where the business says no.
    pub unless: &'static str,
    /// Code of the error; its variables are the whole answer.
    pub code: &'static str,
    /// For an operator whose model catches no such error.
    pub message: &'static str,
}

impl BusinessError {
    /// Whether the answer is a no.
    pub fn is_said_by(&self, answer: &Answer) -> bool {
        answer.get(self.unless) == Some(&Value::Bool(false))
    }
}

/// A field of an operation's payload, for command lines and workers.
#[derive(Debug)]
pub struct Field {
    /// Name in the payload.
    pub name: &'static str,
    /// How a flag's text becomes its value.
    pub kind: Kind,
    /// What it is, in one line.
    pub about: &'static str,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, taken as it is.
    Text,
    /// A number.
    Number,
    /// An object of these texts: JSON in a flag, an input each (`FIELD_PART`) in a form.
    Object(&'static [&'static str]),
}

type Apply = dyn Fn(&mut Transaction<'_>) -> Result<Answer, Error> + Send;

/// An operation that is ready to run, as often as the data branch moves below it.
pub struct Prepared {
    subject: String,
    writes: bool,
    apply: Box<Apply>,
}

impl Prepared {
    /// An operation that may change records. `subject` heads its commit.
    pub fn change(
        subject: impl Into<String>,
        apply: impl Fn(&mut Transaction<'_>) -> Result<Answer, Error> + Send + 'static,
    ) -> Prepared {
        Prepared {
            subject: subject.into(),
            writes: true,
            apply: Box::new(apply),
        }
    }

    /// An operation that only reads, and reads again each time.
    pub fn read(
        subject: impl Into<String>,
        apply: impl Fn(&mut Transaction<'_>) -> Result<Answer, Error> + Send + 'static,
    ) -> Prepared {
        Prepared {
            subject: subject.into(),
            writes: false,
            apply: Box::new(apply),
        }
    }

    /// The line that heads its commit.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What its commit says of it where it stands there alone, for people and tools.
    pub(crate) fn message(&self, dispatch: &Dispatch) -> ghettodb::Message {
        ghettodb::Message {
            subject: self.subject.clone(),
            trailers: vec![
                ("Order-Id".to_owned(), dispatch.id().to_owned()),
                ("Operation".to_owned(), dispatch.event_type().to_owned()),
                ("Idempotency-Key".to_owned(), dispatch.key()),
            ],
        }
    }

    /// Whether it may change records.
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Runs the operation in a transaction, once for each idempotency key if it may write.
    ///
    /// # Errors
    /// When the input is refused, the key was used for another payload, or a record is unreadable.
    pub fn apply(&self, dispatch: &Dispatch, tx: &mut Transaction<'_>) -> Result<Answer, Error> {
        if !self.writes {
            return (self.apply)(tx);
        }
        let key = dispatch.key();
        let result = ghettodb::once(tx, &key, &dispatch.payload_sha256(), |tx| {
            (self.apply)(tx).map(Value::Object)
        })?;
        match result {
            Value::Object(answer) => Ok(answer),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(Error::Journal(key)),
        }
    }
}

/// Why an operation gave no answer. A refusal of business is an answer, not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed, or refused a name or key.
    #[error(transparent)]
    Database(#[from] ghettodb::Error),
    /// A record of another table breaks a rule of this service.
    #[error("record '{id}' of table '{table}': field '{field}' is not {rule}")]
    Record {
        /// The table.
        table: &'static str,
        /// The record's `_id`.
        id: String,
        /// The field.
        field: &'static str,
        /// What it should be.
        rule: &'static str,
    },
    /// The journal holds something else than an answer.
    #[error("table 'operations': the result under key '{0}' is not an object")]
    Journal(String),
}

impl Error {
    /// Whether the sender is at fault: the same input will never be accepted.
    pub fn is_refusal(&self) -> bool {
        match self {
            Error::Refused(_) => true,
            Error::Database(error) => error.is_refusal(),
            Error::Record { .. } | Error::Journal(_) => false,
        }
    }

    /// What to do about it, in one line.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Refused(_) => None,
            Error::Database(error) => error.hint(),
            Error::Record { .. } | Error::Journal(_) => {
                Some("mend the record, commit and push it; then run this again")
            }
        }
    }
}
