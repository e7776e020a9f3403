//! The only module of this crate that prints: the face of a service to a terminal or a runner's log.

use std::io::{self, Write};
use std::sync::OnceLock;

use serde_json::Value;

use crate::Exit;
use crate::actions::{Actions, Environment, code, fenced};
use crate::mode::Failure;
use crate::mode::report::{Report, commit_line};
use crate::payload::one_line;
use crate::settings;

/// Switches commands on again, in a process that has switched them off.
static WORD: OnceLock<String> = OnceLock::new();

/// Commands go to standard output, where a runner looks for them.
fn actions() -> Actions<io::Stdout> {
    let actions = Actions::new(Environment::from_env(), io::stdout());
    actions.held_by(WORD.get().map(String::as_str))
}

/// Hides all secrets of the environment in a runner's log: before anything else is written to it.
pub fn mask() {
    let mut actions = actions();
    for secret in settings::secrets(|name| std::env::var(name).ok()) {
        // A log that cannot be written shows no secret either.
        drop(actions.mask(&secret));
    }
}

/// From here on a runner obeys this module's commands alone, whatever else the log holds.
pub fn hold_commands() {
    // Only the first call has an effect; a log that cannot be written holds no commands.
    if let Ok(Some(word)) = actions().hold() {
        drop(WORD.set(word));
    }
}

/// Prints a result as one line of JSON. A closed pipe is no error.
pub fn result(value: &Value) {
    let mut out = io::stdout();
    drop(writeln!(out, "{value}").and_then(|()| out.flush()));
}

/// Says on standard output which job types a worker serves, for whoever waits until it does.
pub(crate) fn ready(name: &str, gateway: &str, job_types: &[String]) {
    let mut out = io::stdout();
    // A closed pipe is no error.
    let line = format!("{name} ready on {gateway} for {}", job_types.join(", "));
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Shows what a run did: log, notice, outputs `result` and `commit`, and the summary.
pub(crate) fn report(report: &Report<'_>) {
    let environment = Environment::from_env();
    let mut actions = actions();
    let pretty = serde_json::to_string_pretty(&report.json()).unwrap_or_default();
    let title = report.title();
    // The run is done; a log or summary that cannot be written does not undo it.
    drop(actions.group(&title, |actions| actions.untrusted(&pretty)));
    if environment.enabled {
        drop(actions.notice(&title, &report.notice()));
    }
    drop(actions.set_output("result", &report.result()));
    drop(actions.set_output("commit", report.commit()));
    drop(actions.summary(&report.markdown(&environment)));
}

/// Shows what a step did that is no operation of a service: a notice and the summary, on a runner.
pub fn done(title: &str, line: &str, markdown: &str) {
    let mut actions = actions();
    if Environment::from_env().enabled {
        drop(actions.notice(title, &one_line(line, 200)));
    }
    drop(actions.summary(&format!("### {title}\n\n{markdown}")));
}

/// What an orchestrator started.
pub struct Start<'a> {
    /// Name of the program.
    pub name: &'a str,
    /// For programs; `commit`, `message`, `started`, `process_id` and `process_version` are told to
    /// people too, where they are there.
    pub result: &'a Value,
    /// The order or restock.
    pub id: &'a str,
    /// What was started, in one line.
    pub line: &'a str,
    /// No line for people on standard error.
    pub quiet: bool,
    /// Whether the records stand in the repository whose workflow runs.
    pub is_own_repository: bool,
}

/// Shows what was started: JSON on standard output, a line for people on standard error, and on a
/// runner the output `_id`, a notice and the summary.
pub fn started(start: &Start<'_>) {
    result(start.result);
    if !start.quiet {
        drop(writeln!(io::stderr(), "{}", one_line(start.line, 500)));
    }
    // It is started; an output that cannot be written does not undo it.
    drop(actions().set_output("_id", start.id));
    let environment = Environment::from_env();
    let mut lines = vec![code(start.line), String::new()];
    if let Some(commit) = start.result["commit"].as_str() {
        lines.push(format!(
            "- {}",
            commit_line(commit, &environment, start.is_own_repository)
        ));
    }
    if let Some(message) = start.result["message"].as_str() {
        let process = start.result["process_id"].as_str().unwrap_or_default();
        let version = &start.result["process_version"];
        lines.push(if start.result["started"] == true {
            format!(
                "- Message `{message}` is published: process `{process}`, version {version}, begins"
            )
        } else {
            format!("- Message `{message}` is not published anew: one process is enough")
        });
    }
    lines.extend(
        environment
            .run_url()
            .map(|url| format!("- [Log of this run]({url})")),
    );
    let pretty = serde_json::to_string_pretty(start.result).unwrap_or_default();
    lines.push(format!("\n{}", fenced(&pretty, "json")));
    done(start.name, start.line, &lines.join("\n"));
}

/// Shows how a run ended, and gives its exit code.
pub fn finish(name: &str, result: Result<(), Failure>) -> Exit {
    let exit = match result {
        Ok(()) => Exit::Done,
        Err(failure) => {
            let exit = failure.exit();
            fail(name, exit, &failure.to_string(), failure.hint());
            exit
        }
    };
    end();
    exit
}

/// Leaves the log as it was found, with commands switched on.
pub fn end() {
    drop(actions().release());
}

/// Shows a failure: an annotation and the summary on a runner, two lines on standard error elsewhere.
pub fn fail(name: &str, exit: Exit, message: &str, hint: Option<&str>) {
    let environment = Environment::from_env();
    let code = exit as u8;
    if !environment.enabled {
        let mut err = io::stderr();
        drop(writeln!(err, "error: {message}"));
        if let Some(hint) = hint {
            drop(writeln!(err, "hint: {hint}"));
        }
        return;
    }
    let mut actions = actions();
    let text = match hint {
        Some(hint) => format!("{message}\n{hint}"),
        None => message.to_owned(),
    };
    drop(actions.error(&format!("{name} failed (exit code {code})"), &text));
    let what = match hint {
        Some(hint) => format!("\n\nWhat to do: {}", self::code(hint)),
        None => String::new(),
    };
    let again = exit.meaning();
    drop(actions.summary(&format!(
        "### {name} failed\n\n{}{what}\n\nExit code {code}: {again}",
        fenced(message, "text")
    )));
}
