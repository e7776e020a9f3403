//! The worker's secrets: where they come from, where each may go, and that they go nowhere else.
//!
//! A secret is a variable `BACKROOM_SECRET_<NAME>` of the worker's environment; the hosts it may
//! go to stand in `BACKROOM_SECRET_HOSTS_<NAME>`. Callers fill in placeholders in authentication
//! fields alone; every other text never comes here.

use std::collections::BTreeMap;

use messaging::Secret;
use reqwest::Url;

use crate::host::{self, HostRule};
use crate::mask::Mask;
use crate::placeholder::{self, Spelling};

const PREFIX: &str = "BACKROOM_SECRET_";
const HOSTS_PREFIX: &str = "BACKROOM_SECRET_HOSTS_";
/// What a placeholder's name starts with in `{{secrets.NAME}}`.
const NAMESPACE: &str = "secrets.";
/// Where a secret may go that names no hosts.
const DEFAULT_HOSTS: [(&str, &str); 1] = [("GitHubToken", "api.github.com")];
/// A shorter secret could not be hidden in ordinary text.
const SECRET_CHARS_MIN: usize = 6;

/// A setting of secrets that cannot be used; no error holds a secret's text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    /// The hosts cannot be read.
    #[error("{variable}: {source}")]
    Hosts {
        /// The environment variable.
        variable: String,
        /// What is wrong.
        source: host::ParseError,
    },
    /// A secret without hosts goes nowhere.
    #[error(
        "{PREFIX}{0} has no hosts; name those it may go to in {HOSTS_PREFIX}{0}, separated by commas"
    )]
    NoHosts(String),
    /// The secret is too short to be hidden.
    #[error(
        "{PREFIX}{0} is shorter than {SECRET_CHARS_MIN} characters, too short to be hidden in texts"
    )]
    TooShort(String),
}

/// Why a placeholder is not filled in.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is no such secret.
    #[error("no secret is named '{0}'; set {PREFIX}{0} where the HTTP worker runs")]
    Missing(String),
    /// The secret is bound to other hosts.
    #[error(
        "the secret '{name}' may not go to {target}; name that host in {HOSTS_PREFIX}{name} if it should"
    )]
    Host {
        /// The secret's name.
        name: String,
        /// Scheme, host and port of the URL.
        target: String,
    },
}

/// Which placeholders a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{{secrets.NAME}}`.
    Connector,
    /// `{{NAME}}`, `${NAME}` and `{{secrets.NAME}}`, as the older worker's models write them.
    Older,
}

/// All secrets of the worker.
#[derive(Debug, Default)]
pub struct Secrets {
    by_name: BTreeMap<String, Bound>,
}

#[derive(Debug)]
struct Bound {
    value: Secret,
    hosts: Vec<HostRule>,
}

impl Secrets {
    /// Takes the secrets from environment variables; an empty variable is no secret.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Secrets, SettingError> {
        let mut values = BTreeMap::new();
        let mut hosts = BTreeMap::new();
        for (variable, text) in variables {
            if let Some(name) = variable.strip_prefix(HOSTS_PREFIX) {
                let rules = HostRule::list(&text).map_err(|source| SettingError::Hosts {
                    variable: variable.clone(),
                    source,
                })?;
                hosts.insert(name.to_owned(), rules);
            } else if let Some(name) = variable.strip_prefix(PREFIX)
                && !text.trim().is_empty()
            {
                values.insert(name.to_owned(), text.trim().to_owned());
            }
        }
        let mut by_name = BTreeMap::new();
        for (name, value) in values {
            if value.chars().count() < SECRET_CHARS_MIN {
                return Err(SettingError::TooShort(name));
            }
            let default = || {
                let (_, host) = DEFAULT_HOSTS.iter().find(|(known, _)| *known == name)?;
                HostRule::list(host).ok()
            };
            let hosts = hosts.remove(&name).or_else(default).unwrap_or_default();
            if hosts.is_empty() {
                return Err(SettingError::NoHosts(name));
            }
            let value = Secret::new(value);
            by_name.insert(name, Bound { value, hosts });
        }
        Ok(Secrets { by_name })
    }

    /// Every host that some secret may go to: these may be private addresses, too.
    pub fn hosts(&self) -> impl Iterator<Item = &HostRule> {
        self.by_name.values().flat_map(|secret| &secret.hosts)
    }

    /// The names of the secrets, for the log.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Hides all of them.
    pub fn mask(&self) -> Mask {
        let mut mask = Mask::default();
        for secret in self.by_name.values() {
            mask.add(secret.value.expose());
        }
        mask
    }

    /// Fills in the placeholders of an authentication field that goes to `url`.
    ///
    /// A name that is no secret is asked from `other` in the older form; what nobody knows is
    /// an error, since an authentication with a hole can only be refused by the other side.
    pub fn fill(
        &self,
        field: &str,
        url: &Url,
        form: Form,
        other: impl Fn(&str) -> Option<String>,
    ) -> Result<String, Error> {
        let spelling = match form {
            Form::Connector => Spelling::Braces,
            Form::Older => Spelling::BracesAndDollar,
        };
        placeholder::fill(field, spelling, |placeholder| {
            let name = match (placeholder.strip_prefix(NAMESPACE), form) {
                (Some(name), _) => name,
                (None, Form::Older) => placeholder,
                (None, Form::Connector) => return Ok(None),
            };
            let Some(secret) = self.by_name.get(name) else {
                let other = if form == Form::Older {
                    other(name)
                } else {
                    None
                };
                return match other {
                    Some(value) => Ok(Some(value)),
                    None => Err(Error::Missing(name.to_owned())),
                };
            };
            if !secret.hosts.iter().any(|host| host.trusts(url)) {
                return Err(Error::Host {
                    name: name.to_owned(),
                    target: url.origin().ascii_serialization(),
                });
            }
            Ok(Some(secret.value.expose().to_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(variables: &[(&str, &str)]) -> Result<Secrets, SettingError> {
        let variables = variables.iter();
        Secrets::from_variables(variables.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    fn two() -> Secrets {
        secrets(&[
            ("BACKROOM_SECRET_GitHubToken", "canary-github\n"),
            ("BACKROOM_SECRET_Other", "canary-{{secrets.GitHubToken}}"),
            ("BACKROOM_SECRET_HOSTS_Other", "other.example, 127.0.0.1:9"),
            ("BACKROOM_SECRET_Unset", " "),
            ("PATH", "/bin"),
        ])
        .unwrap()
    }

    #[track_caller]
    fn filled(field: &str, url: &str, form: Form) -> Result<String, Error> {
        let other = |name: &str| (name == "repo").then(|| "shop/data".to_owned());
        two().fill(field, &Url::parse(url).unwrap(), form, other)
    }

    #[test]
    fn filled_in_for_their_hosts_alone() {
        let github = "https://api.github.com/repos";
        assert_eq!(
            filled("{{secrets.GitHubToken}}", github, Form::Connector),
            Ok("canary-github".to_owned())
        );
        assert_eq!(
            filled("Bearer {{GitHubToken}} ${repo}", github, Form::Older),
            Ok("Bearer canary-github shop/data".to_owned())
        );
        for url in [
            "https://evil.example/",
            "http://api.github.com/",
            "http://127.0.0.1:9/",
            "https://api.github.com.evil.example/",
        ] {
            let error = filled("{{secrets.GitHubToken}}", url, Form::Connector).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("'GitHubToken' may not go to http"), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn what_is_filled_in_is_not_looked_at_again() {
        assert_eq!(
            filled(
                "{{secrets.Other}}",
                "https://other.example/",
                Form::Connector
            ),
            Ok("canary-{{secrets.GitHubToken}}".to_owned())
        );
    }

    #[test]
    fn other_placeholders_and_missing_secrets() {
        let github = "https://api.github.com/";
        assert_eq!(
            filled(
                "{{GitHubToken}} secrets.GitHubToken",
                github,
                Form::Connector
            ),
            Ok("{{GitHubToken}} secrets.GitHubToken".to_owned())
        );
        for (field, form) in [
            ("{{secrets.Absent}}", Form::Connector),
            ("{{Absent}}", Form::Older),
            ("{{secrets.Unset}}", Form::Connector),
        ] {
            assert!(
                matches!(filled(field, github, form), Err(Error::Missing(_))),
                "{field}"
            );
        }
    }

    #[test]
    fn settings_that_cannot_be_used() {
        let no_hosts = secrets(&[("BACKROOM_SECRET_X", "canary")]).unwrap_err();
        assert_eq!(no_hosts, SettingError::NoHosts("X".to_owned()));
        let short = secrets(&[("BACKROOM_SECRET_GitHubToken", "canar")]).unwrap_err();
        assert!(!short.to_string().contains("canar"));
        assert!(secrets(&[("BACKROOM_SECRET_GitHubToken", "canary")]).is_ok());
        let bad = [("BACKROOM_SECRET_HOSTS_X", "http://a/b")];
        assert!(secrets(&bad).unwrap_err().to_string().contains("HOSTS_X"));
        assert!(!format!("{:?}", two()).contains("canary"));
    }
}
