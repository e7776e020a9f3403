//! GitHub's workflow commands: masks, annotations, groups, outputs and the summary of a run.
//!
//! Commands are written only on a runner (`GITHUB_ACTIONS`); elsewhere the same calls give plain
//! text or nothing. Values are escaped here and nowhere else. What the environment says comes in
//! as an argument, so that this module can be tested without one.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::settings::Secret;

/// What a runner tells a program about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Whether this is a runner.
    pub enabled: bool,
    /// File for outputs.
    pub output: Option<PathBuf>,
    /// File for the summary.
    pub summary: Option<PathBuf>,
}

impl Environment {
    /// Reads `GITHUB_ACTIONS`, `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY`.
    pub fn from_env() -> Environment {
        let path = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Environment {
            enabled: std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true"),
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
        }
    }
}

/// A writer of workflow commands.
pub struct Actions<W> {
    environment: Environment,
    out: W,
}

impl<W: Write> Actions<W> {
    /// Writes commands to `out`, which is the runner's log.
    pub fn new(environment: Environment, out: W) -> Actions<W> {
        Actions { environment, out }
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
        for line in lines.filter(|line| line.len() > 2) {
            writeln!(self.out, "::add-mask::{}", data(line))?;
        }
        self.out.flush()
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
            writeln!(
                self.out,
                "::{kind} title={}::{}",
                property(title),
                data(message)
            )?;
        } else {
            writeln!(self.out, "{kind}: {title}: {message}")?;
        }
        self.out.flush()
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
            writeln!(self.out, "::group::{}", data(name))?;
        }
        let result = body(self);
        if self.environment.enabled {
            writeln!(self.out, "::endgroup::")?;
        }
        result
    }

    /// Writes a text of others as it is, with commands in it switched off.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn untrusted(&mut self, text: &str) -> io::Result<()> {
        if !self.environment.enabled {
            return writeln!(self.out, "{text}");
        }
        // A token that the text does not know switches commands on again.
        let token = random_word();
        writeln!(self.out, "::stop-commands::{token}")?;
        writeln!(self.out, "{text}")?;
        writeln!(self.out, "::{token}::")
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

    /// Adds Markdown to the summary of the run, where the runner has a file for it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn summary(&mut self, markdown: &str) -> io::Result<()> {
        match &self.environment.summary {
            Some(path) => append(path, &format!("{markdown}\n")),
            None => Ok(()),
        }
    }
}

/// Markdown that shows a text of others literally: a fence longer than any in the text.
pub fn fenced(text: &str, language: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
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
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fenced("a", "json"), "```json\na\n```");
        assert_eq!(fenced("a ```` b", ""), "`````\na ```` b\n`````");
    }
}
