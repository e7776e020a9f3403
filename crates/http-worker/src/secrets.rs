//! The worker's secrets: where each may go, and that they go nowhere else.
//!
//! A secret is bound to hosts and to authentication fields. It is filled in where a placeholder
//! names it in such a field, and where the deployed model's element names that placeholder
//! ([`Named`]); every other text never comes here.

mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use messaging::Secret;
use reqwest::Url;

use crate::host::{self, HostRule};
use crate::mask::Mask;
use crate::models::Named;
use crate::placeholder::{self, Spelling};

/// What the variable of a secret begins with.
const PREFIX: &str = "BACKROOM_SECRET_";
const HOSTS_PREFIX: &str = "BACKROOM_SECRET_HOSTS_";
const FIELDS_PREFIX: &str = "BACKROOM_SECRET_FIELDS_";
/// What a placeholder's name starts with in `{{secrets.NAME}}`.
pub(crate) const NAMESPACE: &str = "secrets.";
/// Where a secret may go that names no hosts.
const DEFAULT_HOSTS: [(&str, &str); 1] = [("GitHubToken", "api.github.com")];
/// A shorter secret could not be hidden in ordinary text.
const SECRET_CHARS_MIN: usize = 6;

/// A setting of secrets that cannot be used; no error holds a secret's text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    /// The hosts cannot be read.
    #[error("{place}: {source}")]
    Hosts {
        /// The environment variable, or the place in the file.
        place: String,
        /// What is wrong.
        source: host::ParseError,
    },
    /// There is no such field.
    #[error("{place}: '{name}' is none of {}", Field::names())]
    Fields {
        /// The environment variable, or the place in the file.
        place: String,
        /// What was written.
        name: String,
    },
    /// The file cannot be used.
    #[error("secrets file '{}': {problem}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Two sources give a secret of this name.
    #[error(
        "the secret '{0}' stands in the secrets file and in {PREFIX}{0}; take it out of one of them"
    )]
    Twice(String),
    /// A secret without hosts goes nowhere.
    #[error(
        "the secret '{0}' has no hosts; name those it may go to in {HOSTS_PREFIX}{0}, separated by commas, or in 'hosts' of the secrets file"
    )]
    NoHosts(String),
    /// The secret is too short to be hidden.
    #[error(
        "the secret '{0}' is shorter than {SECRET_CHARS_MIN} characters, too short to be hidden in texts"
    )]
    TooShort(String),
}

/// Why a placeholder is not filled in.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is no such secret.
    #[error(
        "no secret is named '{0}'; set {PREFIX}{0}, or give it in the secrets file, where the HTTP worker runs"
    )]
    Missing(String),
    /// The secret is bound to other hosts.
    #[error(
        "the secret '{name}' may not go to {target}; name that host in {HOSTS_PREFIX}{name}, or in 'hosts' of the secrets file, if it should"
    )]
    Host {
        /// The secret's name.
        name: String,
        /// Scheme, host and port of the URL.
        target: String,
    },
    /// The secret is bound to other fields.
    #[error(
        "the secret '{name}' may not stand in the field '{}'; name that field in {FIELDS_PREFIX}{name}, or in 'fields' of the secrets file, if it should", .field.name()
    )]
    Field {
        /// The secret's name.
        name: String,
        /// Where its placeholder stands.
        field: Field,
    },
}

/// The fields that a secret may stand in: those of `authentication` that prove who calls, and
/// the variable `authorization` of the older job type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `authentication.username`
    Username,
    /// `authentication.password`
    Password,
    /// `authentication.token`
    Token,
    /// `authentication.value`, the API key.
    Value,
    /// `authentication.clientId`
    ClientId,
    /// `authentication.clientSecret`
    ClientSecret,
    /// `authorization`
    Authorization,
}

impl Field {
    const ALL: [Field; 7] = [
        Field::Username,
        Field::Password,
        Field::Token,
        Field::Value,
        Field::ClientId,
        Field::ClientSecret,
        Field::Authorization,
    ];

    /// The field's name within `authentication`.
    pub fn name(self) -> &'static str {
        match self {
            Field::Username => "username",
            Field::Password => "password",
            Field::Token => "token",
            Field::Value => "value",
            Field::ClientId => "clientId",
            Field::ClientSecret => "clientSecret",
            Field::Authorization => "authorization",
        }
    }

    fn by_name(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name() == name)
    }

    fn names() -> String {
        Field::ALL.map(Field::name).join(", ")
    }
}

/// A field whose placeholders were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) text: String,
    /// Names of the secrets that stand in it now.
    pub(crate) secrets: Vec<String>,
    /// Names of placeholders that stayed text, since the model does not name them.
    pub(crate) left: Vec<String>,
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
    /// `None` = any of the fields.
    fields: Option<Vec<Field>>,
}

impl Secrets {
    /// Takes the secrets from variables `BACKROOM_SECRET_<NAME>` (with their hosts in
    /// `BACKROOM_SECRET_HOSTS_<NAME>`, and `BACKROOM_SECRET_FIELDS_<NAME>`), and from a JSON
    /// file `{"NAME": {"value": "..", "hosts": [".."], "fields": [".."]}}` if there is one.
    ///
    /// # Errors
    /// When one of them cannot be used: the worker then must not start, since a secret that is
    /// bound to nothing protects nothing.
    pub fn read(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Secrets, SettingError> {
        let mut given = source::variables(variables)?;
        if let Some(path) = file {
            for (name, secret) in source::file(path)? {
                if given.contains_key(&name) {
                    return Err(SettingError::Twice(name));
                }
                given.insert(name, secret);
            }
        }
        let mut by_name = BTreeMap::new();
        for (name, secret) in given {
            let value = secret.value.trim();
            if value.chars().count() < SECRET_CHARS_MIN {
                return Err(SettingError::TooShort(name));
            }
            let default = || {
                let (_, host) = DEFAULT_HOSTS.iter().find(|(known, _)| *known == name)?;
                HostRule::list(host).ok()
            };
            let hosts = secret.hosts.or_else(default).unwrap_or_default();
            if hosts.is_empty() {
                return Err(SettingError::NoHosts(name));
            }
            let bound = Bound {
                value: Secret::new(value),
                hosts,
                fields: secret.fields,
            };
            by_name.insert(name, bound);
        }
        Ok(Secrets { by_name })
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

    /// Fills in `{{secrets.NAME}}` in an authentication field that goes to `url`.
    ///
    /// A placeholder that the model does not name stays text: it came in by a variable. One that
    /// it names and nobody knows is an error, since an authentication with a hole can only be
    /// refused by the other side.
    pub(crate) fn fill(
        &self,
        template: &str,
        field: Field,
        url: &Url,
        named: &Named,
    ) -> Result<Filled, Error> {
        let (mut secrets, mut left) = (Vec::new(), Vec::new());
        let text = placeholder::fill(template, Spelling::Braces, |placeholder| {
            let Some(name) = placeholder.strip_prefix(NAMESPACE) else {
                return Ok(None);
            };
            if !named.allows(field, name) {
                left.push(name.to_owned());
                return Ok(None);
            }
            let value = self.secret(name, field, url)?;
            let value = value.ok_or_else(|| Error::Missing(name.to_owned()))?;
            secrets.push(name.to_owned());
            Ok(Some(value))
        })?;
        Ok(Filled {
            text,
            secrets,
            left,
        })
    }

    /// Fills in `{{NAME}}`, `${NAME}` and `{{secrets.NAME}}` in the variable `authorization` of
    /// the older job type, whose models have no other place for it; what is no secret is asked
    /// from `other`.
    pub(crate) fn fill_older(
        &self,
        template: &str,
        url: &Url,
        other: impl Fn(&str) -> Option<String>,
    ) -> Result<Filled, Error> {
        let mut secrets = Vec::new();
        let text = placeholder::fill(template, Spelling::BracesAndDollar, |placeholder| {
            let name = placeholder.strip_prefix(NAMESPACE).unwrap_or(placeholder);
            if let Some(value) = self.secret(name, Field::Authorization, url)? {
                secrets.push(name.to_owned());
                return Ok(Some(value));
            }
            let value = other(name).ok_or_else(|| Error::Missing(name.to_owned()))?;
            Ok(Some(value))
        })?;
        Ok(Filled {
            text,
            secrets,
            left: Vec::new(),
        })
    }

    /// A secret's text for this field and URL, if there is one of this name.
    fn secret(&self, name: &str, field: Field, url: &Url) -> Result<Option<String>, Error> {
        let Some(secret) = self.by_name.get(name) else {
            return Ok(None);
        };
        if !secret.hosts.iter().any(|host| host.trusts(url)) {
            return Err(Error::Host {
                name: name.to_owned(),
                target: url.origin().ascii_serialization(),
            });
        }
        if secret
            .fields
            .as_ref()
            .is_some_and(|fields| !fields.contains(&field))
        {
            return Err(Error::Field {
                name: name.to_owned(),
                field,
            });
        }
        Ok(Some(secret.value.expose().to_owned()))
    }
}

#[cfg(test)]
mod tests;
