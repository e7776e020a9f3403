//! Settings of every binary that talks to the gateway: flags, then environment, then the block in
//! `ZEEBE_CLIENT_CONFIG`.
//!
//! The names are those that Zeebe's and Camunda's own clients use. Secrets have no flag, since a
//! command line is public on its machine, and no `Debug` that shows them.

mod client_config;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The gateway of a store on this machine.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:26500";
/// Where GitHub's REST API is, as on a runner.
pub const DEFAULT_GITHUB_API_URL: &str = "https://api.github.com";
/// How long a result message waits for its process: longer than a runner is late by.
pub const DEFAULT_MESSAGE_TTL: Duration = Duration::from_secs(60 * 60);
/// How long a call is tried again while the gateway cannot be reached.
pub const DEFAULT_GATEWAY_DEADLINE: Duration = Duration::from_secs(2 * 60);
/// How long a push is tried again while others write to the same branch.
pub const DEFAULT_PUSH_DEADLINE: Duration = Duration::from_secs(2 * 60);

/// A text that no `Debug` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for the one call that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Machine-to-machine credentials for a gateway behind an authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth {
    /// The client's name at the authorization server.
    pub client_id: Secret,
    /// The client's secret.
    pub client_secret: Secret,
    /// The token endpoint, `http://` or `https://`.
    pub token_url: String,
    /// The audience that the token is for.
    pub audience: String,
    /// The scope that the token is asked for, where the server wants one.
    pub scope: Option<String>,
}

/// Where the gateway is and how to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Host name or address; an IPv6 address stands in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// A file with the certificates to trust instead of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Credentials, for a gateway that asks for them.
    pub oauth: Option<OAuth>,
}

impl Gateway {
    /// A gateway without encryption and credentials at `HOST:PORT` or a URL.
    ///
    /// # Errors
    /// When the address is not one.
    pub fn plain(address: &str) -> Result<Gateway, Error> {
        let (tls, host, port) = parse_address(address)?;
        Ok(Gateway {
            host,
            port,
            tls: tls.unwrap_or(false),
            ca_certificate: None,
            oauth: None,
        })
    }

    /// `HOST:PORT`, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// `http://HOST` or `https://HOST`, without the port.
    pub fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }

    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub fn uri(&self) -> String {
        format!("{}:{}", self.origin(), self.port)
    }
}

/// What a service does with its result message, for tests of lost and doubled answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestAnswers {
    /// Drop it or send it twice.
    pub fault: AnswerFault,
    /// Only for this event type; none = for all.
    pub event_type: Option<String>,
}

/// The two faults that an answer can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerFault {
    /// The message is not sent.
    Drop,
    /// The message is sent twice.
    Double,
}

/// All settings, resolved.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The gateway.
    pub gateway: Gateway,
    /// Base URL of the REST API v2, where there is one.
    pub rest_address: Option<String>,
    /// Data repository, a URL or a path; none = the checked-out repository's `origin`.
    pub repository: Option<String>,
    /// Branch of the data repository; none = its default branch.
    pub branch: Option<String>,
    /// Base URL of GitHub's REST API, or of the local dispatcher.
    pub github_api_url: String,
    /// `OWNER/NAME` that dispatches go to.
    pub github_repository: Option<String>,
    /// Time to live of a result message.
    pub message_ttl: Duration,
    /// How long a call is tried again while the gateway cannot be reached.
    pub gateway_deadline: Duration,
    /// How long a push is tried again.
    pub push_deadline: Duration,
    /// For tests: what happens to result messages.
    pub test_answers: Option<TestAnswers>,
}

/// The settings that have a flag. The environment variable of each is in its help.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// Gateway; a URL chooses TLS by its scheme [env: ZEEBE_ADDRESS] [default: 127.0.0.1:26500]
    #[arg(long, value_name = "HOST:PORT", global = true)]
    pub zeebe_address: Option<String>,
    /// REST API v2, for what is shown [env: ZEEBE_REST_ADDRESS]
    #[arg(long, value_name = "URL", global = true)]
    pub zeebe_rest_address: Option<String>,
    /// Data repository [env: GHETTODB_REPO] [default: `origin` of the checked-out repository]
    #[arg(long, value_name = "URL-OR-PATH", global = true)]
    pub ghettodb_repo: Option<String>,
    /// Branch of the data repository [env: GHETTODB_BRANCH] [default: its default branch]
    #[arg(long, value_name = "BRANCH", global = true)]
    pub ghettodb_branch: Option<String>,
    /// GitHub's REST API or a local dispatcher [env: GITHUB_API_URL] [default: https://api.github.com]
    #[arg(long, value_name = "URL", global = true)]
    pub github_api_url: Option<String>,
    /// Repository that dispatches go to [env: GITHUB_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME", global = true)]
    pub github_repository: Option<String>,
    /// Time to live of a message, such as 1h or PT1H [env: BACKROOM_MESSAGE_TTL] [default: 1h]
    #[arg(long, value_name = "DURATION", global = true)]
    pub message_ttl: Option<String>,
    /// How long to retry while the gateway cannot be reached [env: BACKROOM_GATEWAY_DEADLINE] [default: 2m]
    #[arg(long, value_name = "DURATION", global = true)]
    pub gateway_deadline: Option<String>,
    /// How long to retry a push while others write [env: BACKROOM_PUSH_DEADLINE] [default: 2m]
    #[arg(long, value_name = "DURATION", global = true)]
    pub push_deadline: Option<String>,
}

/// A setting that cannot be used. The value is shown unless it may be secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The gateway's address is no address.
    #[error("gateway address '{value}' is not HOST:PORT or a URL such as https://HOST:443: {why}")]
    Address {
        /// As given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A URL that is none.
    #[error("{name} '{value}' is not a URL: it starts with neither http:// nor https://")]
    Url {
        /// Name of the setting.
        name: &'static str,
        /// As given, but without what stands before an `@`.
        value: String,
    },
    /// A URL with a name or password in it, which would end up in messages and variables.
    #[error(
        "{name} holds a user name or password; give the plain URL, and credentials by the settings made for them"
    )]
    UrlWithCredentials {
        /// Name of the setting.
        name: &'static str,
    },
    /// A duration that is none.
    #[error("{name} '{value}' is not a duration above zero such as 90s, 2m or PT1H")]
    Duration {
        /// Name of the setting.
        name: &'static str,
        /// As given.
        value: String,
    },
    /// A repository name that is none.
    #[error("GITHUB_REPOSITORY '{0}' is not OWNER/NAME")]
    Repository(String),
    /// A switch that is neither on nor off.
    #[error("{name} '{value}' is neither true nor false")]
    Switch {
        /// Name of the setting.
        name: &'static str,
        /// As given.
        value: String,
    },
    /// Credentials that are not complete.
    #[error("credentials are incomplete: {present} is set, but {missing} is not")]
    Credentials {
        /// What is there.
        present: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// `ZEEBE_CLIENT_CONFIG` cannot be read. Its text is not shown, since it holds secrets.
    #[error("ZEEBE_CLIENT_CONFIG, line {line}: {why}")]
    ClientConfig {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `BACKROOM_TEST_ANSWERS` says neither.
    #[error("BACKROOM_TEST_ANSWERS '{0}' is neither drop nor double, optionally with :EVENT_TYPE")]
    TestAnswers(String),
}

impl Settings {
    /// Resolves the settings from flags and the process's environment.
    ///
    /// # Errors
    /// At the first setting that cannot be used.
    pub fn from_env(flags: &Flags) -> Result<Settings, Error> {
        Settings::resolve(flags, |name| std::env::var(name).ok())
    }

    /// Resolves the settings; `env` gives the value of an environment variable.
    ///
    /// An empty variable counts as one that is not set, as a runner passes a secret that does not
    /// exist.
    ///
    /// # Errors
    /// At the first setting that cannot be used.
    pub fn resolve(flags: &Flags, env: impl Fn(&str) -> Option<String>) -> Result<Settings, Error> {
        let env = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        let block = match env("ZEEBE_CLIENT_CONFIG") {
            Some(text) => client_config::parse(&text)?,
            None => BTreeMap::new(),
        };
        let source = Source { env: &env, block };
        let text =
            |flag: &Option<String>, names: &[&str]| flag.clone().or_else(|| source.first(names));

        let rest_address = text(
            &flags.zeebe_rest_address,
            &["ZEEBE_REST_ADDRESS", "CAMUNDA_REST_ADDRESS"],
        );
        let github_repository = text(&flags.github_repository, &["GITHUB_REPOSITORY"]);
        if let Some(name) = &github_repository {
            check_repository(name)?;
        }
        Ok(Settings {
            gateway: gateway(flags, &source)?,
            rest_address: rest_address
                .map(|url| checked_url("ZEEBE_REST_ADDRESS", &url))
                .transpose()?,
            repository: text(&flags.ghettodb_repo, &["GHETTODB_REPO"]),
            branch: text(&flags.ghettodb_branch, &["GHETTODB_BRANCH"]),
            github_api_url: checked_url(
                "GITHUB_API_URL",
                &text(&flags.github_api_url, &["GITHUB_API_URL"])
                    .unwrap_or_else(|| DEFAULT_GITHUB_API_URL.to_owned()),
            )?,
            github_repository,
            message_ttl: duration(
                "BACKROOM_MESSAGE_TTL",
                text(&flags.message_ttl, &["BACKROOM_MESSAGE_TTL"]),
                DEFAULT_MESSAGE_TTL,
            )?,
            gateway_deadline: duration(
                "BACKROOM_GATEWAY_DEADLINE",
                text(&flags.gateway_deadline, &["BACKROOM_GATEWAY_DEADLINE"]),
                DEFAULT_GATEWAY_DEADLINE,
            )?,
            push_deadline: duration(
                "BACKROOM_PUSH_DEADLINE",
                text(&flags.push_deadline, &["BACKROOM_PUSH_DEADLINE"]),
                DEFAULT_PUSH_DEADLINE,
            )?,
            test_answers: env("BACKROOM_TEST_ANSWERS")
                .map(|text| text.parse())
                .transpose()?,
        })
    }
}

/// Names of secrets, each a text of its own.
const SECRET_NAMES: [&str; 5] = [
    "ZEEBE_CLIENT_ID",
    "ZEEBE_CLIENT_SECRET",
    "CAMUNDA_CLIENT_ID",
    "CAMUNDA_CLIENT_SECRET",
    "GITHUB_TOKEN",
];

/// Every secret text of the environment, for a runner's log to mask: single secrets, each field of
/// `ZEEBE_CLIENT_CONFIG`, and the password in a repository's URL.
///
/// It asks for no valid settings, since it has to come before anything that could be shown of them.
pub fn secrets(env: impl Fn(&str) -> Option<String>) -> Vec<Secret> {
    let mut texts: Vec<String> = SECRET_NAMES.iter().filter_map(|name| env(name)).collect();
    if let Some(block) = env("ZEEBE_CLIENT_CONFIG") {
        texts.extend(client_config::texts(&block));
    }
    if let Some(url) = env("GHETTODB_REPO")
        && let Some((_, credentials, _)) = split_credentials(&url)
    {
        let password = credentials
            .split_once(':')
            .map_or(credentials, |(_, word)| word);
        texts.push(password.to_owned());
    }
    // A switch is no secret, and its mask would eat every such word of the log.
    texts.retain(|text| !text.trim().is_empty() && !matches!(text.trim(), "true" | "false"));
    texts.into_iter().map(Secret).collect()
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("gateway", &self.gateway)
            .field("rest_address", &self.rest_address)
            .field(
                "repository",
                &self.repository.as_deref().map(without_credentials),
            )
            .field("branch", &self.branch)
            .field("github_api_url", &self.github_api_url)
            .field("github_repository", &self.github_repository)
            .field("message_ttl", &self.message_ttl)
            .field("gateway_deadline", &self.gateway_deadline)
            .field("push_deadline", &self.push_deadline)
            .field("test_answers", &self.test_answers)
            .finish()
    }
}

/// What stands before, in and after the part of a URL that may hold a password.
fn split_credentials(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (credentials, _) = authority.rsplit_once('@')?;
    Some((scheme, credentials, &rest[credentials.len()..]))
}

/// The URL with `***` for name and password, if it has them.
fn without_credentials(url: &str) -> String {
    match split_credentials(url) {
        Some((scheme, _, rest)) => format!("{scheme}://***{rest}"),
        None => url.to_owned(),
    }
}

impl FromStr for TestAnswers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (fault, event_type) = match text.split_once(':') {
            Some((fault, event_type)) => (fault, Some(event_type)),
            None => (text, None),
        };
        let fault = match fault {
            "drop" => AnswerFault::Drop,
            "double" => AnswerFault::Double,
            _ => return Err(Error::TestAnswers(text.to_owned())),
        };
        if event_type == Some("") {
            return Err(Error::TestAnswers(text.to_owned()));
        }
        Ok(TestAnswers {
            fault,
            event_type: event_type.map(str::to_owned),
        })
    }
}

/// Two layers below the flags: the environment, then the block of `ZEEBE_CLIENT_CONFIG`.
struct Source<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    block: BTreeMap<String, String>,
}

impl Source<'_> {
    /// The first of the synonyms that is set; the environment stands before the block.
    fn first(&self, names: &[&str]) -> Option<String> {
        names
            .iter()
            .find_map(|name| (self.env)(name))
            .or_else(|| names.iter().find_map(|name| self.block.get(*name).cloned()))
    }
}

fn gateway(flags: &Flags, source: &Source<'_>) -> Result<Gateway, Error> {
    let oauth = oauth(source)?;
    let address = flags
        .zeebe_address
        .clone()
        .or_else(|| {
            source.first(&[
                "ZEEBE_ADDRESS",
                "ZEEBE_GRPC_ADDRESS",
                "CAMUNDA_ZEEBE_ADDRESS",
                "CAMUNDA_GRPC_ADDRESS",
            ])
        })
        .or_else(|| cluster_address(source))
        .unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let (scheme_tls, host, port) = parse_address(&address)?;
    let insecure = switch(source, "ZEEBE_INSECURE_CONNECTION")?;
    let secure = switch(source, "CAMUNDA_SECURE_CONNECTION")?;
    // The scheme is the plainest word; then the switches; then what the address suggests.
    let tls = scheme_tls
        .or(insecure.map(|insecure| !insecure))
        .or(secure)
        .unwrap_or(port == 443 || oauth.is_some());
    Ok(Gateway {
        host,
        port,
        tls,
        ca_certificate: source
            .first(&["ZEEBE_CA_CERTIFICATE_PATH", "CAMUNDA_CA_CERTIFICATE_PATH"])
            .map(PathBuf::from),
        oauth,
    })
}

/// The address of a SaaS cluster that is named by id and region only.
fn cluster_address(source: &Source<'_>) -> Option<String> {
    let id = source.first(&["CAMUNDA_CLUSTER_ID"])?;
    let region = source.first(&["CAMUNDA_CLUSTER_REGION"])?;
    Some(format!("https://{id}.{region}.zeebe.camunda.io:443"))
}

fn oauth(source: &Source<'_>) -> Result<Option<OAuth>, Error> {
    let id = source.first(&["ZEEBE_CLIENT_ID", "CAMUNDA_CLIENT_ID"]);
    let secret = source.first(&["ZEEBE_CLIENT_SECRET", "CAMUNDA_CLIENT_SECRET"]);
    let (client_id, client_secret) = match (id, secret) {
        (None, None) => return Ok(None),
        (Some(id), Some(secret)) => (Secret::new(id), Secret::new(secret)),
        (Some(_), None) => {
            return Err(Error::Credentials {
                present: "ZEEBE_CLIENT_ID",
                missing: "ZEEBE_CLIENT_SECRET",
            });
        }
        (None, Some(_)) => {
            return Err(Error::Credentials {
                present: "ZEEBE_CLIENT_SECRET",
                missing: "ZEEBE_CLIENT_ID",
            });
        }
    };
    let url = source
        .first(&["ZEEBE_AUTHORIZATION_SERVER_URL", "CAMUNDA_OAUTH_URL"])
        .unwrap_or_else(|| "https://login.cloud.camunda.io/oauth/token".to_owned());
    Ok(Some(OAuth {
        client_id,
        client_secret,
        token_url: checked_url("ZEEBE_AUTHORIZATION_SERVER_URL", &url)?,
        audience: source
            .first(&[
                "ZEEBE_TOKEN_AUDIENCE",
                "CAMUNDA_TOKEN_AUDIENCE",
                "CAMUNDA_ZEEBE_OAUTH_AUDIENCE",
            ])
            .unwrap_or_else(|| "zeebe.camunda.io".to_owned()),
        scope: source.first(&["ZEEBE_TOKEN_SCOPE", "CAMUNDA_TOKEN_SCOPE"]),
    }))
}

fn switch(source: &Source<'_>, name: &'static str) -> Result<Option<bool>, Error> {
    match source.first(&[name]) {
        None => Ok(None),
        Some(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(Error::Switch { name, value: text }),
        },
    }
}

/// Whether the scheme says TLS (if there is one), the host, and the port.
fn parse_address(address: &str) -> Result<(Option<bool>, String, u16), Error> {
    let bad = |why: &str| Error::Address {
        // Whatever stands before an @ may be a password.
        value: address.rsplit('@').next().unwrap_or_default().to_owned(),
        why: why.to_owned(),
    };
    let trimmed = address.trim();
    let (tls, rest) = match trimmed.split_once("://") {
        Some(("http" | "grpc", rest)) => (Some(false), rest),
        Some(("https" | "grpcs", rest)) => (Some(true), rest),
        Some(_) => return Err(bad("the scheme is none of http, https, grpc, grpcs")),
        None => (None, trimmed),
    };
    let rest = rest.trim_end_matches('/');
    if rest.contains(['/', '@', '?', '#', ' ']) {
        return Err(bad("there is more than a host and a port"));
    }
    let ipv6_ends_at = rest.rfind(']');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if ipv6_ends_at.is_none_or(|end| end < host.len() + 1) => {
            let port = port
                .parse::<u16>()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| bad("the port is not a number from 1 to 65535"))?;
            (host, port)
        }
        _ => (rest, if tls == Some(true) { 443 } else { 26500 }),
    };
    if host.is_empty() {
        return Err(bad("the host is missing"));
    }
    if host.contains(':') && !host.starts_with('[') {
        return Err(bad("an IPv6 address stands in brackets"));
    }
    Ok((tls, host.to_owned(), port))
}

/// The URL without trailing slashes.
fn checked_url(name: &'static str, url: &str) -> Result<String, Error> {
    let trimmed = url.trim().trim_end_matches('/');
    if split_credentials(trimmed).is_some() {
        return Err(Error::UrlWithCredentials { name });
    }
    let rest = trimmed
        .strip_prefix("http://")
        .or_else(|| trimmed.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && reqwest::Url::parse(trimmed).is_ok() => {
            Ok(trimmed.to_owned())
        }
        _ => Err(Error::Url {
            name,
            value: url.rsplit('@').next().unwrap_or_default().to_owned(),
        }),
    }
}

fn check_repository(name: &str) -> Result<(), Error> {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match name.split_once('/') {
        Some((owner, repository)) if plain(owner) && plain(repository) => Ok(()),
        _ => Err(Error::Repository(name.to_owned())),
    }
}

fn duration(
    name: &'static str,
    text: Option<String>,
    default: Duration,
) -> Result<Duration, Error> {
    let Some(text) = text else {
        return Ok(default);
    };
    parse_duration(&text).ok_or(Error::Duration { name, value: text })
}

/// A length of time above zero, `90s`, `2m` or `PT1H`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let duration = text.trim().parse::<jiff::SignedDuration>().ok()?;
    let duration = Duration::try_from(duration).ok()?;
    (!duration.is_zero()).then_some(duration)
}

#[cfg(test)]
mod tests;
