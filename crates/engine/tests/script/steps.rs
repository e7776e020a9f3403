//! The steps a script can take.

use super::World;
use engine::command::{
    ActivateJobs, Command, CreateInstance, FailJob, PublishMessage, Resource, Response, Variables,
};
use std::fs;
use std::sync::Arc;

/// Takes one step, and adds what happened to `result`.
pub(crate) fn run(
    world: &mut World<'_>,
    line: &str,
    result: &mut Vec<String>,
) -> Result<(), String> {
    let step = Step::parse(line)?;
    let command = match step.verb.as_str() {
        "deploy" => Command::Deploy(step.resources(world)?),
        "create" | "await" => Command::CreateInstance(CreateInstance {
            process_key: step.number("key", 0)?,
            bpmn_process_id: step.word(0).unwrap_or_default().into(),
            version: i32::try_from(step.number("version", -1)?).map_err(|e| e.to_string())?,
            variables: step.variables.clone(),
            await_result: (step.verb == "await").then(|| step.list("fetch")),
        }),
        "cancel" => Command::CancelInstance(world.labels.key(step.need(0)?)?),
        "activate" => Command::ActivateJobs(ActivateJobs {
            job_type: step.word(0).unwrap_or_default().into(),
            worker: Arc::from("worker"),
            timeout_ms: step.duration("timeout", 300_000)?,
            max_jobs: i32::try_from(step.number("max", 32)?).map_err(|e| e.to_string())?,
            fetch_variables: step.list("fetch"),
            only: Vec::new(),
            bytes_max: usize::MAX,
        }),
        "complete" => Command::CompleteJob {
            key: world.labels.key(step.need(0)?)?,
            variables: step.variables.clone(),
        },
        "fail" => Command::FailJob(FailJob {
            key: world.labels.key(step.need(0)?)?,
            retries: i32::try_from(step.number("retries", 0)?).map_err(|e| e.to_string())?,
            error_message: step.option("message").unwrap_or_default().into(),
            back_off_ms: step.duration("backoff", 0)?,
            variables: step.variables.clone(),
        }),
        "throw" => Command::ThrowError {
            key: world.labels.key(step.need(0)?)?,
            error_code: step.need(1)?.into(),
            error_message: step.option("message").unwrap_or_default().into(),
            variables: step.variables.clone(),
        },
        "retries" => Command::UpdateJobRetries {
            key: world.labels.key(step.need(0)?)?,
            retries: step.need(1)?.parse().map_err(|e| format!("{e}"))?,
        },
        "timeout" => Command::UpdateJobTimeout {
            key: world.labels.key(step.need(0)?)?,
            timeout_ms: duration(step.need(1)?)?,
        },
        "publish" => Command::PublishMessage(PublishMessage {
            name: step.word(0).unwrap_or_default().into(),
            correlation_key: step.option("key").unwrap_or_default().into(),
            message_id: step.option("id").unwrap_or_default().into(),
            time_to_live_ms: step.duration("ttl", 0)?,
            variables: step.variables.clone(),
        }),
        "resolve" => Command::ResolveIncident(world.labels.key(step.need(0)?)?),
        "set" => Command::SetVariables {
            scope_key: world.labels.key(step.need(0)?)?,
            variables: step.variables.clone(),
            local: step.word(1) == Some("local"),
        },
        "time" => return pass_time(world, step.need(0)?, result),
        other => return Err(format!("there is no step '{other}'")),
    };
    let response = world.process(command, result);
    if let Response::Jobs { jobs, .. } = &response {
        for job in jobs {
            result.push(format!(
                "{} {} retries {} headers {} variables {}",
                world.labels.of(job.key),
                job.element_id,
                job.retries,
                job.custom_headers,
                job.variables
            ));
        }
    }
    if let Response::Deployed { processes, .. } = &response {
        for process in processes {
            result.push(format!(
                "deployed {} version {} as {}",
                process.bpmn_process_id,
                process.version,
                world.labels.of(process.process_key)
            ));
        }
    }
    while world.engine.has_deferred() {
        world.process(Command::Continue, result);
    }
    Ok(())
}

fn pass_time(world: &mut World<'_>, by: &str, result: &mut Vec<String>) -> Result<(), String> {
    world.now = world.now.plus_ms(duration(by)?);
    // What is due may make something else due at once; a script in which that never ends is wrong.
    for _ in 0..1000 {
        let due = world.engine.due(world.now, 100);
        if due.is_empty() {
            return Ok(());
        }
        for command in due {
            world.process(command, result);
        }
    }
    Err("time brings something new for ever".into())
}

/// A step, taken apart: `verb word word name=value {json}`.
struct Step {
    verb: String,
    words: Vec<String>,
    options: Vec<(String, String)>,
    variables: Variables,
}

impl Step {
    fn parse(line: &str) -> Result<Self, String> {
        let (head, json) = match line.find('{') {
            Some(at) => line.split_at(at),
            None => (line, "{}"),
        };
        let document: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).map_err(|e| e.to_string())?;
        let variables = document
            .into_iter()
            .map(|(name, value)| (Arc::from(name), Arc::from(value.to_string())))
            .collect();
        let mut words = tokens(head).into_iter();
        let verb = words.next().unwrap_or_default();
        let (options, words): (Vec<_>, Vec<_>) = words.partition(|word| word.contains('='));
        let options = options
            .into_iter()
            .filter_map(|option| {
                let (name, value) = option.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        Ok(Self {
            verb,
            words,
            options,
            variables,
        })
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at).map(String::as_str)
    }

    fn need(&self, at: usize) -> Result<&str, String> {
        self.word(at).ok_or_else(|| "a word is missing".to_owned())
    }

    fn option(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().find(|(option, _)| option == name);
        found.map(|(_, value)| value.as_str())
    }

    fn list(&self, name: &str) -> Vec<Arc<str>> {
        let text = self.option(name).unwrap_or_default();
        text.split(',')
            .filter(|part| !part.is_empty())
            .map(Arc::from)
            .collect()
    }

    fn number(&self, name: &str, default: i64) -> Result<i64, String> {
        self.option(name)
            .map_or(Ok(default), |text| text.parse().map_err(|e| format!("{e}")))
    }

    fn duration(&self, name: &str, default: i64) -> Result<i64, String> {
        self.option(name).map_or(Ok(default), duration)
    }

    fn resources(&self, world: &World<'_>) -> Result<Vec<Resource>, String> {
        let read = |name: &String| {
            // `file.bpmn@other.bpmn` deploys the file under another name.
            let (file, name) = name.split_once('@').unwrap_or((name, name));
            let path = world.folder.join(file);
            let content = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            Ok(Resource {
                name: Arc::from(name),
                content: Arc::from(content),
            })
        };
        self.words.iter().map(read).collect()
    }
}

/// Words between spaces; a part in double quotes may hold spaces.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut in_quotes = false;
    for c in text.chars() {
        match c {
            '"' => in_quotes = !in_quotes,
            ' ' if !in_quotes => tokens.push(String::new()),
            _ => tokens.last_mut().expect("there is always one").push(c),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// `250ms`, `10s`, `5m`, `1h`, with or without a `+`; negative too.
fn duration(text: &str) -> Result<i64, String> {
    let text = text.trim_start_matches('+');
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if digits == "0" => 1,
        other => return Err(format!("there is no unit '{other}'")),
    };
    let number: i64 = digits.parse().map_err(|e| format!("{e}"))?;
    Ok(number * unit)
}
