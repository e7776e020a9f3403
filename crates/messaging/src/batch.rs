//! Several operations in one commit, for a process that has several to do at once.
//!
//! A push costs the same for one operation as for a hundred. Each keeps its own idempotency key and
//! gets its own answer; one that fails does so alone, and the others are committed without it.

use std::sync::Arc;

use ghettodb::{Database, TransactError, Transaction};

use crate::operation::{Answer, Error, Operation, Prepared};
use crate::payload::Dispatch;

/// One operation to do.
pub struct Task {
    /// What to do.
    pub operation: &'static Operation,
    /// With which payload.
    pub dispatch: Dispatch,
}

/// What became of a task. One failure of the database may be that of many tasks.
pub type Outcome = Result<Answer, Arc<Error>>;

/// A task that is ready to run, with its place among the others.
struct Ready<'a> {
    place: usize,
    dispatch: &'a Dispatch,
    prepared: Prepared,
}

/// Does all of them on the tip of the branch, in one commit if that can be, each as
/// [`Operation::perform`] would; gives the outcomes in the order of the tasks.
///
/// `service` heads the commit.
pub fn perform(service: &str, database: &mut Database, tasks: &[Task]) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = tasks.iter().map(|_| None).collect();
    let mut ready = Vec::with_capacity(tasks.len());
    for (place, task) in tasks.iter().enumerate() {
        match (task.operation.prepare)(&task.dispatch) {
            Ok(prepared) => ready.push(Ready {
                place,
                dispatch: &task.dispatch,
                prepared,
            }),
            Err(refusal) => outcomes[place] = Some(Err(Arc::new(refusal.into()))),
        }
    }
    commit(service, database, ready, &mut outcomes);
    let answered = outcomes
        .into_iter()
        .map(|outcome| outcome.expect("each task is refused, answered, or fails with its commit"));
    answered.collect()
}

fn commit(
    service: &str,
    database: &mut Database,
    mut ready: Vec<Ready<'_>>,
    outcomes: &mut [Option<Outcome>],
) {
    while !ready.is_empty() {
        let message = message(service, &ready);
        match database.transact(&message, |tx| answers(&ready, tx)) {
            Ok(committed) => {
                for (task, answer) in ready.iter().zip(committed.value) {
                    outcomes[task.place] = Some(Ok(answer));
                }
                return;
            }
            // Nothing was written; the others try again without this one.
            Err(TransactError::Operation((at, error))) => {
                let failed = ready.remove(at);
                outcomes[failed.place] = Some(Err(Arc::new(error)));
            }
            // Nobody says whose record it is.
            Err(TransactError::Database(error)) if is_of_one(&error) && ready.len() > 1 => {
                for task in ready {
                    commit(service, database, vec![task], outcomes);
                }
                return;
            }
            Err(TransactError::Database(error)) => {
                let error = Arc::new(Error::Database(error));
                for task in &ready {
                    outcomes[task.place] = Some(Err(error.clone()));
                }
                return;
            }
        }
    }
}

/// Whether a single record is the cause, as where it breaks a rule of its table.
fn is_of_one(error: &ghettodb::Error) -> bool {
    error.is_refusal() || matches!(error, ghettodb::Error::Rule { .. })
}

/// Runs one after another; each sees what those before it wrote. The first that fails is named.
fn answers(ready: &[Ready<'_>], tx: &mut Transaction<'_>) -> Result<Vec<Answer>, (usize, Error)> {
    let apply = |(at, task): (usize, &Ready<'_>)| {
        let answer = task.prepared.apply(task.dispatch, tx);
        answer.map_err(|error| (at, error))
    };
    ready.iter().enumerate().map(apply).collect()
}

/// Says of one operation what it always says; of several, their number and their keys.
fn message(service: &str, ready: &[Ready<'_>]) -> ghettodb::Message {
    let mut writes = ready.iter().filter(|task| task.prepared.writes());
    match (writes.next(), writes.count()) {
        (None, _) => ghettodb::Message::default(),
        (Some(task), 0) => task.prepared.message(task.dispatch),
        (Some(_), others) => ghettodb::Message {
            subject: format!("{service}: {} operations", others + 1),
            trailers: ready
                .iter()
                .filter(|task| task.prepared.writes())
                .map(|task| ("Idempotency-Key".to_owned(), task.dispatch.key()))
                .collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Service;
    use ghettodb::Options;
    use serde_json::{Value, json};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use tempfile::TempDir;

    const SERVICE: Service = Service {
        name: "register",
        about: "Keeps names, each once",
        operations: &[
            Operation {
                event_type: "add_name",
                about: "Adds a name; a blank one is an error that only the transaction finds",
                fields: &[],
                result_message: None,
                business_error: None,
                prepare: |dispatch| {
                    let name = dispatch.fields(&["name"])?.text("name")?;
                    Ok(Prepared::change(format!("add {name}"), move |tx| {
                        if name == "unreadable" {
                            return Err(Error::Journal(name.clone()));
                        }
                        let record = ghettodb::record_from(json!({ "name": name }))?;
                        tx.insert("names", record)?;
                        let count = tx.find("names", &Answer::new())?.len();
                        Ok(Answer::from_iter([("count".to_owned(), json!(count))]))
                    }))
                },
            },
            Operation {
                event_type: "count_names",
                about: "Counts them",
                fields: &[],
                result_message: None,
                business_error: None,
                prepare: |dispatch| {
                    dispatch.fields(&[])?;
                    Ok(Prepared::read("count", |tx| {
                        let count = tx.find("names", &Answer::new())?.len();
                        Ok(Answer::from_iter([("count".to_owned(), json!(count))]))
                    }))
                },
            },
        ],
    };

    struct Register {
        database: Database,
        origin: PathBuf,
        _folder: TempDir,
    }

    impl Register {
        fn open() -> Register {
            let folder = tempfile::tempdir().unwrap();
            let origin = folder.path().join("origin.git");
            ghettodb::init(&origin).unwrap();
            let options = Options::new(origin.display().to_string());
            let mut database = Database::open(options).unwrap();
            let settings = json!({ "_id": "names", "unique": ["name"] });
            let settings = ghettodb::record_from(settings).unwrap();
            database
                .transact(&ghettodb::Message::default(), |tx| {
                    tx.insert("_tables", settings.clone())
                })
                .unwrap();
            Register {
                database,
                origin,
                _folder: folder,
            }
        }

        /// Performs these, `(event type, payload)`; an outcome is its count or its error.
        fn perform(&mut self, tasks: &[(&str, Value)]) -> Vec<Result<Value, String>> {
            let tasks: Vec<_> = tasks
                .iter()
                .map(|(event_type, payload)| Task {
                    operation: SERVICE.operation(event_type).unwrap(),
                    dispatch: Dispatch::new(event_type, payload.as_object().unwrap().clone())
                        .unwrap(),
                })
                .collect();
            let outcomes = perform(SERVICE.name, &mut self.database, &tasks);
            let told = outcomes.into_iter().map(|outcome| match outcome {
                Ok(answer) => Ok(answer["count"].clone()),
                Err(error) => Err(error.to_string()),
            });
            told.collect()
        }

        /// Subjects of the commits that came after the settings, oldest first, with their keys.
        fn commits(&mut self) -> Vec<(String, Vec<String>)> {
            let mut commits = self.database.log(100).unwrap();
            commits.pop();
            let told = commits.into_iter().rev().map(|commit| {
                let keys = commit.trailers.into_iter();
                let keys = keys.filter(|(name, _)| name == "Idempotency-Key");
                (commit.subject, keys.map(|(_, key)| key).collect())
            });
            told.collect()
        }
    }

    fn add(id: &str, name: &str) -> (&'static str, Value) {
        ("add_name", json!({ "_id": id, "name": name }))
    }

    #[test]
    fn many_are_one_commit_and_each_has_its_own_answer() {
        let mut register = Register::open();
        let count = ("count_names", json!({ "_id": "c" }));
        let outcomes = register.perform(&[add("1", "a"), count, add("2", "b"), add("1", "a")]);
        // The last one is the first again: its effect happened, its answer is the same.
        let expected = [1, 1, 2, 1].map(|count| Ok(json!(count)));
        assert_eq!(outcomes, expected);
        let keys = ["1/add_name", "2/add_name", "1/add_name"].map(str::to_owned);
        let commit = ("register: 3 operations".to_owned(), keys.to_vec());
        assert_eq!(register.commits(), [commit]);
    }

    #[test]
    fn one_is_committed_as_ever_and_reads_are_not_committed() {
        let mut register = Register::open();
        let count = || ("count_names", json!({ "_id": "c" }));
        assert_eq!(
            register.perform(&[count(), count()]),
            [Ok(json!(0)), Ok(json!(0))]
        );
        register.perform(&[count(), add("1", "a")]);
        let commit = ("add a".to_owned(), vec!["1/add_name".to_owned()]);
        assert_eq!(register.commits(), [commit]);
        assert_eq!(register.perform(&[]), []);
    }

    #[test]
    fn one_that_is_refused_or_fails_does_not_keep_the_others() {
        let mut register = Register::open();
        let surplus = ("add_name", json!({ "_id": "2", "name": "b", "x": 1 }));
        let outcomes = register.perform(&[
            add("1", "a"),
            surplus,
            add("3", "unreadable"),
            add("1", "other"),
            add("4", "d"),
        ]);
        assert_eq!((&outcomes[0], &outcomes[4]), (&Ok(json!(1)), &Ok(json!(2))));
        for (place, words) in [
            (1, "surplus field 'x'"),
            (2, "not an object"),
            (3, "another payload"),
        ] {
            let error = outcomes[place].as_ref().unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let keys = ["1/add_name", "4/add_name"].map(str::to_owned);
        let commit = ("register: 2 operations".to_owned(), keys.to_vec());
        assert_eq!(register.commits(), [commit]);
    }

    #[test]
    fn one_that_breaks_a_rule_of_its_table_does_not_keep_the_others() {
        let mut register = Register::open();
        let outcomes = register.perform(&[add("1", "a"), add("2", "a"), add("3", "c")]);
        assert_eq!((&outcomes[0], &outcomes[2]), (&Ok(json!(1)), &Ok(json!(2))));
        let error = outcomes[1].as_ref().unwrap_err();
        assert!(error.contains("must be unique"), "{error}");
        let subjects: Vec<_> = register
            .commits()
            .into_iter()
            .map(|(subject, _)| subject)
            .collect();
        assert_eq!(subjects, ["add a", "add c"]);
    }

    #[test]
    fn a_push_that_is_refused_is_the_failure_of_all() {
        let mut register = Register::open();
        let hook = register.origin.join("hooks/pre-receive");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, "#!/bin/sh\necho closed on sundays\nexit 1\n").unwrap();
        std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
        for outcome in register.perform(&[add("1", "a"), add("2", "b")]) {
            let error = outcome.unwrap_err();
            assert!(error.contains("closed on sundays"), "{error}");
        }
        std::fs::remove_file(hook).unwrap();
        assert_eq!(register.perform(&[add("1", "a")]), [Ok(json!(1))]);
    }
}
