//! Addresses of repositories: which are URLs, which hold a secret, and what git must be told about one
//! beyond its own configuration.

use super::process::{base_command, run};
use crate::Error;
use crate::error::redact;
use std::path::Path;
use std::time::Duration;

/// Stands for an address that holds a secret; git learns the real one from its environment.
const ALIAS: &str = "ghettodb-remote:repository";
/// How long git may take to read its configuration.
const CONFIG_LIMIT: Duration = Duration::from_secs(60);

/// Whether `repo` is an address for git rather than a path of this machine.
pub fn is_url(repo: &str) -> bool {
    let scp_like = || {
        repo.split_once(':')
            .is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
    };
    repo.contains("://") || (scp_like() && !Path::new(repo).exists())
}

/// Whether the URL holds what nobody should see: a password, or a token in its place.
fn has_secret(url: &str) -> bool {
    let web = url.starts_with("http://") || url.starts_with("https://");
    // Beside the scheme's, a colon before the `@` parts the user from the password.
    let password = || {
        url.split('@')
            .next()
            .is_some_and(|user| user.matches(':').count() > 1)
    };
    redact(url) != url && (web || password())
}

/// How a git process is told where the remote is.
pub(super) struct Address {
    /// What stands among its arguments.
    pub(super) argument: String,
    /// What stands in its environment alone: the real address where it holds a secret, and what the
    /// repository around the current folder says about http and credentials (`actions/checkout`
    /// leaves its token there).
    pub(super) environment: Vec<(String, String)>,
}

impl Address {
    pub(super) fn of_path(path: &str) -> Self {
        Address {
            argument: path.to_owned(),
            environment: Vec::new(),
        }
    }

    pub(super) fn of_url(url: &str) -> Self {
        let mut settings = Vec::new();
        let secret = has_secret(url);
        if secret {
            settings.push((format!("url.{url}.insteadOf"), ALIAS.to_owned()));
        }
        if url.starts_with("http://") || url.starts_with("https://") {
            settings.extend(local_http_settings());
        }
        Address {
            argument: if secret {
                ALIAS.to_owned()
            } else {
                url.to_owned()
            },
            environment: as_environment(settings),
        }
    }
}

/// Settings in git's numbered variables, after those that are there.
fn as_environment(settings: Vec<(String, String)>) -> Vec<(String, String)> {
    if settings.is_empty() {
        return Vec::new();
    }
    let inherited = std::env::var("GIT_CONFIG_COUNT")
        .ok()
        .and_then(|count| count.parse().ok());
    let first: usize = inherited.unwrap_or(0);
    let count = (first + settings.len()).to_string();
    let mut environment = vec![("GIT_CONFIG_COUNT".to_owned(), count)];
    for (index, (key, value)) in settings.into_iter().enumerate() {
        environment.push((format!("GIT_CONFIG_KEY_{}", first + index), key));
        environment.push((format!("GIT_CONFIG_VALUE_{}", first + index), value));
    }
    environment
}

/// `http.*` and `credential.*` of the repository around the current folder, and only of it: what
/// is configured for the user or the system reaches git by itself, and an `Authorization` header
/// that comes twice is refused by GitHub.
fn local_http_settings() -> Vec<(String, String)> {
    let mut command = base_command();
    command.args([
        "config",
        "--null",
        "--show-scope",
        "--get-regexp",
        r"^(http|credential)\.",
    ]);
    let Ok(output) = run(command, CONFIG_LIMIT) else {
        return Vec::new();
    };
    let mut fields = output.stdout.split('\0');
    let mut settings = Vec::new();
    while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
        if !matches!(scope, "local" | "worktree") {
            continue;
        }
        // A key without `=` has no newline, and means true.
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        settings.push((key.to_owned(), value.to_owned()));
    }
    settings
}

/// The address of a repository with `token` in it, as GitHub takes one, where git would sign in with
/// nothing else: it is of the web, names no user, and no `http.extraheader` is configured for it around
/// the current folder. A request with two tokens would be refused.
pub fn with_token(url: &str, token: &str) -> Result<String, Error> {
    let Some((scheme @ ("http" | "https"), rest)) = url.split_once("://") else {
        return Ok(url.to_owned());
    };
    if redact(url) != url {
        return Ok(url.to_owned());
    }
    let mut command = base_command();
    command.args(["config", "--get-urlmatch", "http.extraheader", url]);
    if run(command, CONFIG_LIMIT)?.success() {
        return Ok(url.to_owned());
    }
    let encoded: String = token
        .bytes()
        .map(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    Ok(format!("{scheme}://x-access-token:{encoded}@{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths() {
        for url in [
            "https://h/o/r",
            "file:///x",
            "ssh://git@h/x",
            "git@github.com:o/r.git",
            "host:path",
        ] {
            assert!(is_url(url), "{url}");
        }
        for path in ["/srv/x.git", "./a:b", "x.git", "../x", ":x", "a/b:c"] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn a_secret_stands_in_the_environment_alone() {
        for url in ["https://token@h/r", "https://u:p@h/r", "ssh://u:p@h/r"] {
            let address = Address::of_url(url);
            assert_eq!(address.argument, ALIAS);
            assert!(
                address.environment.iter().any(|(_, value)| value == ALIAS),
                "{url}"
            );
        }
        for url in ["https://h/r", "ssh://git@h/r", "git@h:r", "file:///a@b"] {
            assert_eq!(Address::of_url(url).argument, url);
        }
    }
}
