//! Starting a process, as both orchestrators do: a form's values in, a deployed model and a start
//! message out.
//!
//! A form's values are texts that strangers wrote. None may hold a secret's placeholder, since a
//! cluster's connectors would fill it in wherever the process uses the value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::client::{Client, Deployed, Message, Published};
use crate::event_file;
use crate::mode::Failure;
use crate::payload::{Refusal, one_line};
use crate::settings::Settings;

/// The values of a form, by the names of its inputs. One that is blank counts as not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs(BTreeMap<String, String>);

impl Inputs {
    /// Takes values by name.
    ///
    /// # Errors
    /// When one holds a secret's placeholder.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Result<Inputs, Refusal> {
        let values: BTreeMap<_, _> = values
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .collect();
        match values.iter().find(|(_, value)| holds_placeholder(value)) {
            Some((name, _)) => Err(Refusal::field(
                name.clone(),
                "free of placeholders such as {{..}} and secrets.NAME",
                "a text with one",
            )),
            None => Ok(Inputs(values)),
        }
    }

    /// Reads the values of the form that started this run, which may only have these inputs.
    ///
    /// # Errors
    /// When there is no event file, or it has other inputs.
    pub fn from_event(known: &[&str]) -> Result<Inputs, Failure> {
        let path = std::env::var_os("GITHUB_EVENT_PATH").filter(|path| !path.is_empty());
        let path = path.ok_or(event_file::Error::NotSet)?;
        let inputs = event_file::read_inputs(Path::new(&path))?;
        Ok(Inputs::of_form(inputs, known)?)
    }

    /// The values of a form, which may only have these inputs.
    ///
    /// # Errors
    /// When there are others, or one holds a secret's placeholder.
    pub fn of_form(inputs: Map<String, Value>, known: &[&str]) -> Result<Inputs, Refusal> {
        let surplus: Vec<_> = inputs
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .map(|name| one_line(name, 60))
            .collect();
        if !surplus.is_empty() {
            return Err(Refusal::Fields {
                place: "inputs".to_owned(),
                missing: Vec::new(),
                surplus,
            });
        }
        let values = inputs.into_iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            // A choice that a form leaves open.
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Some((name, value.to_string()))
            }
        });
        Inputs::new(values)
    }

    /// The same, with this value for an input that was not given.
    #[must_use]
    pub fn or(mut self, name: &str, value: Option<String>) -> Inputs {
        if let Some(value) = value {
            self.0.entry(name.to_owned()).or_insert(value);
        }
        self
    }

    /// The value of an input, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The id of what a form of GitHub starts where the form names none: the run's, so that a re-run
/// starts the same thing again instead of a second one. None elsewhere, and under `act`, whose
/// runs all have one id.
pub fn run_id() -> Option<String> {
    id_of_run(|name| std::env::var(name).ok())
}

fn id_of_run(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let is_true = |name| variable(name).is_some_and(|value| value == "true");
    if !is_true("GITHUB_ACTIONS") || is_true("ACT") {
        return None;
    }
    let id = variable("GITHUB_RUN_ID").filter(|id| !id.trim().is_empty())?;
    Some(format!("run-{}", id.trim()))
}

/// Whether a connector would fill something in: `{{..}}`, or `secrets.NAME` without braces.
fn holds_placeholder(text: &str) -> bool {
    let braces = text
        .split_once("{{")
        .is_some_and(|(_, rest)| rest.contains("}}"));
    let bare = text.match_indices("secrets.").any(|(at, found)| {
        text[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    });
    braces || bare
}

/// A length of time for a process, `PT1M30S` or `90s`, in the form that FEEL reads.
///
/// # Errors
/// When it is no length of time above zero.
pub fn duration(field: &str, text: &str) -> Result<String, Refusal> {
    text.trim()
        .parse::<jiff::SignedDuration>()
        .ok()
        .filter(|duration| duration.is_positive())
        .map(|duration| duration.to_string())
        .ok_or_else(|| {
            let rule = "a duration above zero such as PT300S or 5m";
            Refusal::field(field, rule, "another text")
        })
}

/// Whether so much time lies between two times (RFC 3339) that a message of the first is gone.
pub fn has_expired(since: &str, now: &str, time_to_live: Duration) -> bool {
    let parse = |text: &str| text.parse::<jiff::Timestamp>();
    let (Ok(since), Ok(now)) = (parse(since), parse(now)) else {
        // A time that cannot be read says nothing about a living message: leave it to the operator.
        return true;
    };
    now.duration_since(since).unsigned_abs() > time_to_live && now > since
}

/// A model file to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Name that it is deployed under: the file's, without folders.
    pub name: String,
    /// The file's bytes.
    pub content: Vec<u8>,
}

impl Model {
    /// Reads the model at `path`, or else `workflows/FILE_NAME` of the project: the folder that
    /// `BACKROOM_PROJECT` names, the runner's workspace, or the first folder above the working one
    /// or above this program that has it.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn read(path: Option<&Path>, file_name: &str) -> Result<Model, Failure> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => find(file_name).ok_or_else(|| {
                Failure::Usage(format!(
                    "there is no workflows/{file_name} in this folder or one above it; name the file with --model, or the project with BACKROOM_PROJECT"
                ))
            })?,
        };
        let content = std::fs::read(&path).map_err(|error| {
            Failure::Usage(format!("model {} cannot be read: {error}", path.display()))
        })?;
        let name = path.file_name().unwrap_or_default();
        Ok(Model {
            name: name.to_string_lossy().into_owned(),
            content,
        })
    }
}

fn find(file_name: &str) -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    let named = [named("BACKROOM_PROJECT"), named("GITHUB_WORKSPACE")];
    let here = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let above = here.iter().flatten().flat_map(|start| start.ancestors());
    named
        .iter()
        .flatten()
        .map(PathBuf::as_path)
        .chain(above)
        .map(|folder| folder.join("workflows").join(file_name))
        .find(|path| path.is_file())
}

/// What came of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The definition that the model has at the engine, new or unchanged.
    pub definition: Deployed,
    /// What became of the start message.
    pub published: Published,
}

/// Deploys a model and publishes the message that starts it. Doing so again does no harm: the same
/// model keeps its version, the same message is refused as published.
///
/// # Errors
/// When the gateway cannot be reached, or refuses the model.
pub async fn start(
    settings: &Settings,
    model: Model,
    message: &Message,
) -> Result<Started, Failure> {
    let client = Client::connect(&settings.gateway, settings.gateway_deadline).await?;
    let name = model.name.clone();
    let mut deployed = client.deploy(&[(model.name, model.content)]).await?;
    if deployed.is_empty() {
        return Err(Failure::Usage(format!("model {name} holds no process")));
    }
    let published = client.publish(message).await?;
    Ok(Started {
        definition: deployed.swap_remove(0),
        published,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(value: &str) -> Result<Inputs, Refusal> {
        Inputs::new([("customer_name".to_owned(), value.to_owned())])
    }

    #[test]
    fn placeholders_are_refused_by_name_and_not_repeated() {
        for bad in [
            "{{secrets.GitHubToken}}",
            "{{ anything }}",
            "Ada {{x}} Lovelace",
            "secrets.GitHubToken",
            "camunda.secrets.X",
            "a secrets._x",
        ] {
            let refusal = inputs(bad).unwrap_err().to_string();
            assert!(
                refusal.starts_with("field 'customer_name' must be free of"),
                "{refusal}"
            );
            assert!(!refusal.contains("GitHubToken"), "{refusal}");
        }
        for good in [
            "Ada {Lovelace}",
            "she keeps secrets. Many.",
            "secrets.",
            "}} {{",
            "$(id) 🎉",
        ] {
            assert_eq!(inputs(good).unwrap().get("customer_name"), Some(good));
        }
    }

    #[test]
    fn blank_is_not_given() {
        assert_eq!(inputs(" \n").unwrap().get("customer_name"), None);
    }

    #[test]
    fn a_re_run_has_the_id_of_its_run() {
        let with = |variables: &[(&str, &str)]| {
            id_of_run(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let runner = [("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "17")];
        assert_eq!(with(&runner).as_deref(), Some("run-17"));
        assert_eq!(with(&[&runner[..], &[("ACT", "true")]].concat()), None);
        assert_eq!(with(&runner[..1]), None);
        assert_eq!(with(&runner[1..]), None);
    }

    #[test]
    fn durations_become_iso() {
        assert_eq!(duration("t", "PT300S").unwrap(), "PT5M");
        assert_eq!(duration("t", "2s").unwrap(), "PT2S");
        assert_eq!(duration("t", "1m 30s").unwrap(), "PT1M30S");
        for bad in ["", "soon", "PT0S", "-PT5S", "300"] {
            let refusal = duration("fulfilment_timeout", bad).unwrap_err().to_string();
            assert!(refusal.contains("'fulfilment_timeout'"), "{refusal}");
        }
    }

    #[test]
    fn a_message_expires_after_its_time_to_live() {
        let hour = Duration::from_secs(3600);
        let expired = |since, now| has_expired(since, now, hour);
        assert!(!expired("2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"));
        assert!(expired("2026-01-01T10:00:00Z", "2026-01-01T11:00:01Z"));
        assert!(
            !expired("2026-01-01T12:00:00Z", "2026-01-01T10:00:00Z"),
            "a clock that is behind"
        );
        assert!(expired("yesterday", "2026-01-01T10:00:00Z"));
    }

    #[test]
    fn a_model_is_named_by_its_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bpmn");
        std::fs::write(&path, "<a/>").unwrap();
        let model = Model::read(Some(&path), "other.bpmn").unwrap();
        assert_eq!(
            (model.name.as_str(), model.content.as_slice()),
            ("a.bpmn", &b"<a/>"[..])
        );
        let missing = folder.path().join("b.bpmn");
        let failure = Model::read(Some(&missing), "other.bpmn").unwrap_err();
        assert!(failure.to_string().contains("b.bpmn"), "{failure}");
    }
}
