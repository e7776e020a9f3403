//! Addresses of repositories: which are URLs, which hold a secret, and what git must be told about one
//! beyond its own configuration.

use super::process::{base_command, run};
use crate::Error;
use crate::redact::redact;
use std::path::Path;
use std::time::Duration;

/// Stands for an address that holds a secret; git learns the real one from its environment.
const ALIAS: &str = "ghettodb-remote:repository";
/// How long git may take to read its configuration.
const CONFIG_LIMIT: Duration = Duration::from_secs(60);

/// Hands user and password to git from its environment. Git would put a URL that holds them among
/// the arguments of its helpers, where everybody on the machine can read them.
const CREDENTIALS: &str = concat!(
    r#"!answer() { test "$1" != get || "#,
    r#"printf 'username=%s\npassword=%s\n' "$GHETTODB_USER" "$GHETTODB_PASSWORD"; }; answer"#
);

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
    /// Whether requests go through an http library, which may send one twice on its own account.
    pub(super) is_http: bool,
}

impl Address {
    pub(super) fn of_path(path: &str) -> Self {
        Address {
            argument: path.to_owned(),
            environment: Vec::new(),
            is_http: false,
        }
    }

    pub(super) fn of_url(url: &str) -> Self {
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        let mut settings = match is_http {
            true => local_http_settings(),
            false => Vec::new(),
        };
        let mut argument = url.to_owned();
        let mut variables = Vec::new();
        match Login::of_url(url).filter(|_| is_http) {
            Some(login) => {
                argument = login.url;
                // For this host alone, and nobody else's helper is asked, or told what to store.
                let key = format!("credential.{}.helper", login.host);
                settings.push((key.clone(), String::new()));
                settings.push((key, CREDENTIALS.to_owned()));
                variables.push(("GHETTODB_USER".to_owned(), login.user));
                variables.push(("GHETTODB_PASSWORD".to_owned(), login.password));
            }
            None if has_secret(url) => {
                settings.push((format!("url.{url}.insteadOf"), ALIAS.to_owned()));
                ALIAS.clone_into(&mut argument);
            }
            None => {}
        }
        variables.extend(as_environment(settings));
        Address {
            argument,
            environment: variables,
            is_http,
        }
    }
}

/// User and password of a URL, and the URL without them.
struct Login {
    url: String,
    /// Scheme, host and port.
    host: String,
    user: String,
    password: String,
}

impl Login {
    fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let (_, host) = authority.rsplit_once('@')?;
        let parsed = gix::url::parse(url).ok()?;
        let login = Login {
            url: format!("{scheme}://{host}{path}"),
            host: format!("{scheme}://{host}"),
            user: parsed.user()?.to_owned(),
            password: parsed.password().unwrap_or_default().to_owned(),
        };
        // Git speaks with its helpers in lines.
        let is_plain = |text: &str| !text.contains(char::is_control);
        (is_plain(&login.user) && is_plain(&login.password)).then_some(login)
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
/// is configured for the user or the system reaches git by itself.
///
/// An `Authorization` header that comes twice is refused by GitHub, so where both have one, the
/// repository's takes the place of the others: its token is meant for this job.
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
    let mut others_authorize = false;
    while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
        // A key without `=` has no newline, and means true.
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        if matches!(scope, "local" | "worktree") {
            settings.push((key.to_owned(), value.to_owned()));
        } else {
            others_authorize |= authorizes(key, value);
        }
    }
    if others_authorize {
        let own = settings
            .iter()
            .filter(|(key, value)| authorizes(key, value));
        // To git, an empty header takes away those before it.
        let resets: Vec<_> = own.map(|(key, _)| (key.clone(), String::new())).collect();
        settings.splice(0..0, resets);
    }
    settings
}

/// Whether a setting is an `Authorization` header; git gives keys in lower case.
fn authorizes(key: &str, value: &str) -> bool {
    key.ends_with(".extraheader") && value.to_ascii_lowercase().starts_with("authorization:")
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
        for (url, argument, expected) in [
            ("https://token@h/r", "https://h/r", "token"),
            ("https://u:p%40%2F@h:8/r@2", "https://h:8/r@2", "p@/"),
            ("https://u:a%0Ab@h/r", ALIAS, ALIAS),
            ("ssh://u:p@h/r", ALIAS, ALIAS),
        ] {
            let address = Address::of_url(url);
            assert_eq!(address.argument, argument);
            let mut values = address.environment.iter().map(|(_, value)| value);
            assert!(values.any(|value| value == expected), "{url}");
        }
        for url in ["https://h/r", "ssh://git@h/r", "git@h:r", "file:///a@b"] {
            assert_eq!(Address::of_url(url).argument, url);
        }
    }
}
