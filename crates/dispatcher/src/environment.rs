//! What of the dispatcher's own environment a service may see: an explicit list, and never the
//! token of the dispatches or the secrets of the HTTP worker.

use std::ffi::OsString;

use crate::token::Token;

/// Settings of services: the gateway's, the database's and git's.
///
/// Of git's own variables not those that name a repository (`GIT_DIR`, `GIT_INDEX_FILE`, ..): a
/// dispatcher that was started from a git hook would send its services to the wrong one.
const PREFIXES: [&str; 9] = [
    "ZEEBE_",
    "CAMUNDA_",
    "GHETTODB_",
    "GIT_CONFIG_",
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_SSH",
    "GIT_SSL_",
    "LC_",
];

/// What programs need to run, to find git, TLS roots and proxies, and to speak the user's
/// language; and the services' own deadlines.
const NAMES: [&str; 26] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "SSH_AUTH_SOCK",
    "GIT_ASKPASS",
    "GIT_TERMINAL_PROMPT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NO_COLOR",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "BACKROOM_MESSAGE_TTL",
    "BACKROOM_GATEWAY_DEADLINE",
    "BACKROOM_PUSH_DEADLINE",
];

/// Never passed on, not even when asked for by name.
const FORBIDDEN_PREFIXES: [&str; 4] = [
    "BACKROOM_SECRET_",
    "BACKROOM_DISPATCH_TOKEN",
    "BACKROOM_TEST_ANSWERS",
    // The back end's own, for GitHub.
    "GITHUB_TOKEN",
];

/// Names whose values are secrets of the services, to be masked in their logs.
const SECRET_MARKS: [&str; 4] = ["SECRET", "TOKEN", "PASSWORD", "CLIENT_CONFIG"];

/// Chooses from the variables those that a service gets.
///
/// `extra` are names that the user of the dispatcher asked for. A value that holds the token
/// of the dispatches is never passed on, whatever its name.
pub(crate) fn pass_through(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    extra: &[String],
    token: &Token,
) -> Vec<(OsString, OsString)> {
    variables
        .into_iter()
        .filter(|(name, value)| {
            name.to_str().is_some_and(|name| {
                let listed = NAMES.contains(&name)
                    || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                    || extra.iter().any(|extra| extra == name);
                listed && !is_forbidden(name)
            }) && !value.to_string_lossy().contains(token.reveal())
        })
        .collect()
}

/// Whether a variable may not be passed on at all.
pub(crate) fn is_forbidden(name: &str) -> bool {
    FORBIDDEN_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Whether a variable is a secret, by its name.
pub(crate) fn is_secret(name: &str) -> bool {
    // `ZEEBE_TOKEN_AUDIENCE` and the addresses are no secrets though their names say "token".
    let public = ["_AUDIENCE", "_URL", "_PATH", "_FILE", "_SCOPE"];
    SECRET_MARKS.iter().any(|mark| name.contains(mark))
        && !public.iter().any(|end| name.ends_with(end))
}

/// The values among these variables that are secrets, line by line.
pub(crate) fn secret_values(variables: &[(OsString, OsString)]) -> Vec<String> {
    variables
        .iter()
        .filter(|(name, _)| is_secret(&name.to_string_lossy()))
        .flat_map(|(_, value)| {
            let value = value.to_string_lossy().into_owned();
            value.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect()
    }

    #[test]
    fn only_what_is_listed_and_never_a_secret_of_others() {
        let token = Token::new("canary-token", "a test").unwrap();
        let own = variables(&[
            ("PATH", "/bin"),
            ("ZEEBE_ADDRESS", "127.0.0.1:1"),
            ("ZEEBE_CLIENT_SECRET", "s3cret-value"),
            ("ZEEBE_ODD", "Bearer canary-token"),
            ("GHETTODB_REPO", "/data"),
            ("GIT_DIR", "/elsewhere/.git"),
            ("GIT_SSH_COMMAND", "ssh -i key"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("MY_SETTING", "1"),
            ("BACKROOM_DISPATCH_TOKEN", "canary-token"),
            ("BACKROOM_SECRET_GitHubToken", "other"),
            ("BACKROOM_SECRET_HOSTS_GitHubToken", "host"),
            ("BACKROOM_TEST_ANSWERS", "drop"),
        ]);
        let extra = [
            "MY_SETTING",
            "BACKROOM_SECRET_GitHubToken",
            "BACKROOM_TEST_ANSWERS",
        ];
        let passed = pass_through(own, &extra.map(str::to_owned), &token);
        let names: Vec<_> = passed
            .iter()
            .map(|(name, _)| name.to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "PATH",
                "ZEEBE_ADDRESS",
                "ZEEBE_CLIENT_SECRET",
                "GHETTODB_REPO",
                "GIT_SSH_COMMAND",
                "MY_SETTING"
            ]
        );
        assert_eq!(secret_values(&passed), ["s3cret-value"]);
    }

    #[test]
    fn secrets_are_known_by_name_and_masked_by_line() {
        let own = variables(&[
            ("ZEEBE_CLIENT_CONFIG", "export A='1'\nexport B='2'"),
            ("ZEEBE_TOKEN_AUDIENCE", "zeebe.camunda.io"),
            ("CAMUNDA_OAUTH_URL", "https://host"),
        ]);
        assert_eq!(secret_values(&own), ["export A='1'", "export B='2'"]);
    }
}
