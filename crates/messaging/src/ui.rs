//! The only module of this crate that prints: the face of a service to a terminal or a runner's log.

use std::io::{self, Write};

use serde_json::Value;

use crate::Exit;
use crate::actions::{Actions, Environment, fenced};
use crate::mode::Failure;
use crate::payload::one_line;
use crate::settings::Settings;

/// Commands go to standard output, where a runner looks for them.
fn actions() -> Actions<io::Stdout> {
    Actions::new(Environment::from_env(), io::stdout())
}

/// Hides all secrets of the settings in a runner's log, before anything else is written to it.
pub fn mask(settings: &Settings) {
    let mut actions = actions();
    for secret in settings.secrets() {
        // A log that cannot be written shows no secret either.
        drop(actions.mask(&secret));
    }
}

/// Prints a result as one line of JSON. A closed pipe is no error.
pub fn result(value: &Value) {
    let mut out = io::stdout();
    drop(writeln!(out, "{value}").and_then(|()| out.flush()));
}

/// Shows what a run did: log, outputs `result` and `commit`, and the summary.
pub fn summary(run: &Value) {
    let mut actions = actions();
    let pretty = serde_json::to_string_pretty(run).unwrap_or_default();
    let title = format!(
        "{} {}",
        run["service"].as_str().unwrap_or_default(),
        run["operation"].as_str().unwrap_or_default()
    );
    let commit = run["commit"].as_str().unwrap_or_default();
    // The run is done; a log or summary that cannot be written does not undo it.
    drop(actions.group(&title, |actions| actions.untrusted(&pretty)));
    drop(actions.set_output("result", &run["result"].to_string()));
    drop(actions.set_output("commit", commit));
    drop(actions.summary(&format!("### {title}\n\n{}", fenced(&pretty, "json"))));
}

/// Shows what was started: JSON on standard output, a line for people on standard error unless
/// `quiet`, and on a runner the output `_id` and the summary.
pub fn started(result: &Value, id: &str, line: &str, quiet: bool) {
    self::result(result);
    if !quiet {
        drop(writeln!(io::stderr(), "{}", one_line(line, 500)));
    }
    let mut actions = actions();
    let pretty = serde_json::to_string_pretty(result).unwrap_or_default();
    // It is started; a summary that cannot be written does not undo it.
    drop(actions.set_output("_id", id));
    drop(actions.summary(&fenced(&pretty, "json")));
}

/// Shows how a run ended, and gives its exit code.
pub fn finish(name: &str, result: Result<(), Failure>) -> Exit {
    let Err(failure) = result else {
        return Exit::Done;
    };
    let exit = failure.exit();
    fail(name, exit, &failure.to_string(), failure.hint());
    exit
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
    let mut actions = Actions::new(environment, io::stdout());
    let text = match hint {
        Some(hint) => format!("{message}\n{hint}"),
        None => message.to_owned(),
    };
    drop(actions.error(&format!("{name} failed (exit code {code})"), &text));
    drop(actions.summary(&format!("### {name} failed\n\n{}", fenced(&text, ""))));
}
