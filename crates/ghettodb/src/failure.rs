//! Why the command ends without a result.

use ghettodb::Error;

/// Why the command ends without a result.
pub(crate) struct Failure {
    pub(crate) error: anyhow::Error,
    pub(crate) hint: Option<&'static str>,
    pub(crate) exit_code: u8,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure {
            hint: error.hint(),
            exit_code: error.exit_code(),
            // Its text holds its cause already.
            error: anyhow::Error::msg(error.to_string()),
        }
    }
}

impl Failure {
    pub(crate) fn fault(error: impl Into<anyhow::Error>) -> Self {
        Failure {
            error: error.into(),
            hint: None,
            exit_code: 1,
        }
    }

    pub(crate) fn usage(error: anyhow::Error) -> Self {
        Failure {
            error,
            hint: Some("see `ghettodb --help`"),
            exit_code: 2,
        }
    }
    /// What the parser of the command line says, without its help, in one line.
    pub(crate) fn of_arguments(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let said: Vec<&str> = text
            .lines()
            .map(str::trim)
            .take_while(|line| {
                !line.starts_with("Usage:") && !line.starts_with("For more information")
            })
            .filter(|line| !line.is_empty())
            .collect();
        let line = said.join("; ");
        let line = line.strip_prefix("error: ").unwrap_or(&line);
        Failure::usage(anyhow::Error::msg(line.to_owned()))
    }
}
