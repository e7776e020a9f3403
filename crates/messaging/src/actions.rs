//! GitHub's workflow commands: masks, annotations, groups, outputs and the summary of a run.
//!
//! Commands are written only on a runner (`GITHUB_ACTIONS`); elsewhere the same calls give plain
//! text or nothing. Values are escaped here and nowhere else. What the environment says comes in
//! as an argument, so that this module can be tested without one.
//!
//! A runner takes every line that looks like a command for one, whoever wrote it, on standard
//! output and standard error alike. So a program first masks its secrets and then switches commands
//! off ([`Actions::hold`]); each of its own commands switches them on for one line.

mod markdown;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use markdown::{cell, code, fenced};

use crate::settings::Secret;

/// GitHub's limit for the summary of one step; a larger one is not shown at all.
const SUMMARY_BYTES_MAX: u64 = 1024 * 1024;

/// What a runner tells a program about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Whether this is a runner.
    pub enabled: bool,
    /// File for outputs.
    pub output: Option<PathBuf>,
    /// File for the summary.
    pub summary: Option<PathBuf>,
    /// `https://HOST/OWNER/NAME` of the repository whose workflow runs.
    pub repository_url: Option<String>,
    /// The run's id, for links to it.
    pub run_id: Option<String>,
}

impl Environment {
    /// Reads the process's environment.
    pub fn from_env() -> Environment {
        Environment::read(|name| std::env::var(name).ok())
    }

    /// Reads `GITHUB_ACTIONS`, `GITHUB_OUTPUT`, `GITHUB_STEP_SUMMARY`, and for links
    /// `GITHUB_SERVER_URL`, `GITHUB_REPOSITORY` and `GITHUB_RUN_ID`.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Environment {
        let text = |name| variable(name).filter(|value: &String| !value.is_empty());
        let server = text("GITHUB_SERVER_URL");
        let repository = text("GITHUB_REPOSITORY");
        Environment {
            enabled: text("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            output: text("GITHUB_OUTPUT").map(PathBuf::from),
            summary: text("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            repository_url: server
                .zip(repository)
                .map(|(server, repository)| format!("{server}/{repository}")),
            run_id: text("GITHUB_RUN_ID"),
        }
    }

    /// The page of the run.
    pub fn run_url(&self) -> Option<String> {
        let (repository, run) = (self.repository_url.as_ref()?, self.run_id.as_ref()?);
        Some(format!("{repository}/actions/runs/{run}"))
    }

    /// The page of a commit of the repository whose workflow runs.
    pub fn commit_url(&self, commit: &str) -> Option<String> {
        let repository = self.repository_url.as_ref()?;
        Some(format!("{repository}/commit/{commit}"))
    }
}

/// Whether a log may have colours: where `CI` says that a runner shows it, unless `NO_COLOR` is set.
///
/// Never by asking whether the output is a terminal: `act` runs its steps on one.
pub fn has_colour(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && variable("CI").is_some_and(|value| value == "true" || value == "1")
}

/// A writer of workflow commands.
pub struct Actions<W> {
    environment: Environment,
    out: W,
    /// Switches commands on again, while they are off.
    held_by: Option<String>,
}

impl<W: Write> Actions<W> {
    /// Writes commands to `out`, which is the runner's log.
    pub fn new(environment: Environment, out: W) -> Actions<W> {
        Actions {
            environment,
            out,
            held_by: None,
        }
    }

    /// The same, after an earlier writer of this process switched commands off with this word.
    #[must_use]
    pub fn held_by(mut self, word: Option<&str>) -> Actions<W> {
        self.held_by = word.map(str::to_owned);
        self
    }

    /// Switches commands off until [`Actions::release`]; gives the word that switches them on again,
    /// which no text of others can know.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn hold(&mut self) -> io::Result<Option<String>> {
        if self.environment.enabled && self.held_by.is_none() {
            let word = random_word();
            writeln!(self.out, "::stop-commands::{word}")?;
            self.held_by = Some(word);
        }
        self.out.flush()?;
        Ok(self.held_by.clone())
    }

    /// Switches commands on again.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn release(&mut self) -> io::Result<()> {
        if let Some(word) = self.held_by.take() {
            writeln!(self.out, "::{word}::")?;
        }
        self.out.flush()
    }

    /// Writes one command, also while they are off.
    fn command(&mut self, line: &str) -> io::Result<()> {
        match &self.held_by {
            None => writeln!(self.out, "{line}")?,
            Some(word) => writeln!(self.out, "::{word}::\n{line}\n::stop-commands::{word}")?,
        }
        self.out.flush()
    }

    /// Hides a secret in all that the log shows from here on, each of its lines alone.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn mask(&mut self, secret: &Secret) -> io::Result<()> {
        if !self.environment.enabled {
            return Ok(());
        }
        // A mask of one or two characters would make the log unreadable and protect nothing.
        let lines = secret.expose().lines().map(str::trim);
        for line in lines.filter(|line| line.chars().count() > 2) {
            self.command(&format!("::add-mask::{}", data(line)))?;
        }
        Ok(())
    }

    /// An error annotation; elsewhere a plain line.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn error(&mut self, title: &str, message: &str) -> io::Result<()> {
        self.annotation("error", title, message)
    }

    /// A notice annotation; elsewhere a plain line.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn notice(&mut self, title: &str, message: &str) -> io::Result<()> {
        self.annotation("notice", title, message)
    }

    fn annotation(&mut self, kind: &str, title: &str, message: &str) -> io::Result<()> {
        if self.environment.enabled {
            let (title, message) = (property(title), data(message));
            self.command(&format!("::{kind} title={title}::{message}"))
        } else {
            writeln!(self.out, "{kind}: {title}: {message}")?;
            self.out.flush()
        }
    }

    /// Writes what `body` writes inside a group that the log can fold.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn group(
        &mut self,
        name: &str,
        body: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.environment.enabled {
            self.command(&format!("::group::{}", data(name)))?;
        }
        let result = body(self);
        if self.environment.enabled {
            self.command("::endgroup::")?;
        }
        result
    }

    /// Writes a text of others as it is, with commands in it switched off.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn untrusted(&mut self, text: &str) -> io::Result<()> {
        let was_held = self.held_by.is_some();
        self.hold()?;
        writeln!(self.out, "{text}")?;
        if was_held { Ok(()) } else { self.release() }
    }

    /// Sets an output of the step, where the runner has a file for it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_output(&mut self, name: &str, value: &str) -> io::Result<()> {
        let Some(path) = &self.environment.output else {
            return Ok(());
        };
        // The value may hold any line but this one.
        let delimiter = format!("ghadelimiter_{}", random_word());
        append(
            path,
            &format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"),
        )
    }

    /// Adds Markdown to the summary of the run, where the runner has a file for it. What would not
    /// fit GitHub's limit is left out, and the summary says so.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn summary(&mut self, markdown: &str) -> io::Result<()> {
        let Some(path) = &self.environment.summary else {
            return Ok(());
        };
        let there = std::fs::metadata(path).map_or(0, |file| file.len());
        let size = markdown.len() as u64 + 1;
        if there + size > SUMMARY_BYTES_MAX {
            return append(path, "_The rest is too long for a summary: see the log._\n");
        }
        append(path, &format!("{markdown}\n"))
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Escapes what stands after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the value of a property, which ends at a comma or colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn random_word() -> String {
    uuid::Uuid::now_v7().simple().to_string() + &format!("{:016x}", fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_runner() -> Environment {
        Environment {
            enabled: true,
            ..Environment::default()
        }
    }

    fn written(environment: Environment, write: impl FnOnce(&mut Actions<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        write(&mut Actions::new(environment, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn annotations_are_escaped() {
        let text = written(on_runner(), |actions| {
            actions.error("a:b,c", "50% off\r\n::set-env::x").unwrap();
        });
        assert_eq!(
            text,
            "::error title=a%3Ab%2Cc::50%25 off%0D%0A::set-env::x\n"
        );
    }

    #[test]
    fn elsewhere_there_are_no_commands() {
        let text = written(Environment::default(), |actions| {
            actions.mask(&Secret::new("the-secret")).unwrap();
            actions.error("inventory", "no stock").unwrap();
            actions
                .group("result", |actions| actions.untrusted("text"))
                .unwrap();
        });
        assert_eq!(text, "error: inventory: no stock\ntext\n");
    }

    #[test]
    fn each_line_of_a_secret_is_masked() {
        let text = written(on_runner(), |actions| {
            actions
                .mask(&Secret::new("first%line\nsecond\n\nx"))
                .unwrap();
        });
        assert_eq!(text, "::add-mask::first%25line\n::add-mask::second\n");
    }

    #[test]
    fn a_text_of_others_cannot_give_commands() {
        let text = written(on_runner(), |actions| {
            actions.untrusted("::error::not ours\n::guess::").unwrap();
        });
        let lines: Vec<_> = text.lines().collect();
        let token = lines[0].strip_prefix("::stop-commands::").unwrap();
        assert!(token.len() >= 32);
        assert_eq!(lines[1..3], ["::error::not ours", "::guess::"]);
        assert_eq!(lines[3], format!("::{token}::"));
    }

    #[test]
    fn outputs_and_summary_go_to_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment {
            enabled: true,
            output: Some(folder.path().join("output")),
            summary: Some(folder.path().join("summary")),
            ..Environment::default()
        };
        written(environment, |actions| {
            actions.set_output("result", "{\"a\":\n1}").unwrap();
            actions.set_output("commit", "abc").unwrap();
            actions.summary("# Done").unwrap();
        });
        let output = std::fs::read_to_string(folder.path().join("output")).unwrap();
        let lines: Vec<_> = output.lines().collect();
        let delimiter = lines[0].strip_prefix("result<<").unwrap();
        assert_eq!(lines[1..3], ["{\"a\":", "1}"]);
        assert_eq!(lines[3], delimiter);
        assert!(lines[4].starts_with("commit<<") && lines[4] != format!("commit<<{delimiter}"));
        let summary = std::fs::read_to_string(folder.path().join("summary")).unwrap();
        assert_eq!(summary, "# Done\n");
    }

    #[test]
    fn while_commands_are_off_only_our_own_are_obeyed() {
        let text = written(on_runner(), |actions| {
            let word = actions.hold().unwrap().unwrap();
            actions.untrusted("::error::not ours").unwrap();
            actions.notice("t", "ours").unwrap();
            actions.release().unwrap();
            assert!(word.len() >= 32);
        });
        let word = text.lines().next().unwrap();
        let word = word.strip_prefix("::stop-commands::").unwrap().to_owned();
        let shown = text.replace(&word, "WORD");
        assert_eq!(
            shown,
            "::stop-commands::WORD\n::error::not ours\n::WORD::\n::notice title=t::ours\n\
             ::stop-commands::WORD\n::WORD::\n"
        );
    }

    #[test]
    fn a_summary_stays_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment {
            summary: Some(folder.path().join("summary")),
            ..Environment::default()
        };
        written(environment, |actions| {
            actions.summary("# Done").unwrap();
            actions.summary(&"x".repeat(1024 * 1024)).unwrap();
        });
        let summary = std::fs::read_to_string(folder.path().join("summary")).unwrap();
        assert!(
            summary.starts_with("# Done\n_The rest is too long"),
            "{summary:.80}"
        );
    }

    #[test]
    fn links_need_server_repository_and_run() {
        let all = |name: &str| {
            let value = match name {
                "GITHUB_SERVER_URL" => "https://github.com",
                "GITHUB_REPOSITORY" => "o/r",
                "GITHUB_RUN_ID" => "7",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let environment = Environment::read(all);
        let run = environment.run_url().unwrap();
        assert_eq!(run, "https://github.com/o/r/actions/runs/7");
        assert_eq!(
            environment.commit_url("abc").as_deref(),
            Some("https://github.com/o/r/commit/abc")
        );
        let nowhere = Environment::read(|name| all(name).filter(|value| !value.contains("://")));
        assert_eq!((nowhere.run_url(), nowhere.commit_url("abc")), (None, None));
    }

    #[test]
    fn colours_are_for_runners_unless_they_are_not_wanted() {
        let with = |variables: &[(&str, &str)]| {
            has_colour(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(with(&[("CI", "true")]) && with(&[("CI", "1"), ("NO_COLOR", "")]));
        assert!(!with(&[("CI", "true"), ("NO_COLOR", "1")]));
        assert!(!with(&[]) && !with(&[("CI", "false")]));
    }
}
