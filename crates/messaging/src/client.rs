//! Single calls to the gateway: publish, create, deploy, resolve and the like.
//!
//! Over `zeebe-rs`, with what it leaves to its caller: the scheme of the address, waiting for a
//! gateway that is not up yet, time-outs, retries, and errors that keep their code. Long-lived
//! workers are in [`crate::worker`], what is shown comes from [`crate::rest`].

use std::error::Error as StdError;
use std::future::Future;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
pub use tonic::Code;

use crate::settings::{Gateway, OAuth};
use crate::token::{self, Tokens};

/// One call that takes longer is given up, and tried again where that does no harm.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection that takes longer is given up and tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A token that takes longer to come is taken for refused.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);
/// After this long without a token, the server is asked for its reason.
const TOKEN_PATIENCE: Duration = Duration::from_secs(2);
const BACK_OFF_MIN: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// Why a call has no answer, or a refusal for one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway could not be reached until the deadline.
    #[error("gateway {address} cannot be reached, tried for {}: {cause}", seconds(*.tried))]
    Unreachable {
        /// `HOST:PORT`.
        address: String,
        /// How long it was tried.
        tried: Duration,
        /// The last cause.
        cause: String,
    },
    /// The gateway answered with an error.
    #[error("{call} was refused by the gateway: {message} ({code:?})")]
    Rejected {
        /// Name of the call.
        call: &'static str,
        /// gRPC status code.
        code: Code,
        /// The gateway's words.
        message: String,
    },
    /// The authorization server gave no token, and said why.
    #[error(transparent)]
    Token(#[from] token::Error),
    /// No token came in time.
    #[error("no access token from {url} within {}", seconds(TOKEN_TIMEOUT))]
    NoToken {
        /// The token endpoint.
        url: String,
    },
    /// The connection cannot even be tried.
    #[error("cannot set up a connection to gateway {address}: {cause}")]
    Setup {
        /// `HOST:PORT`.
        address: String,
        /// What is wrong.
        cause: String,
    },
}

impl Error {
    /// The gateway's status code, where it answered.
    pub fn code(&self) -> Option<Code> {
        match self {
            Error::Rejected { code, .. } => Some(*code),
            Error::Unreachable { .. }
            | Error::Token(_)
            | Error::NoToken { .. }
            | Error::Setup { .. } => None,
        }
    }

    /// What to do about it, in one line.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Unreachable { .. } => Some(
                "check ZEEBE_ADDRESS and that the broker runs; BACKROOM_GATEWAY_DEADLINE says how long to try",
            ),
            Error::Token(_) | Error::NoToken { .. } => Some(
                "check ZEEBE_CLIENT_ID, ZEEBE_CLIENT_SECRET, ZEEBE_AUTHORIZATION_SERVER_URL and ZEEBE_TOKEN_AUDIENCE",
            ),
            Error::Rejected { .. } | Error::Setup { .. } => None,
        }
    }
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Name that the process waits for.
    pub name: String,
    /// Which instance it is for.
    pub correlation_key: String,
    /// A second message with the same id is refused while the first one lives; empty = no id.
    pub message_id: String,
    /// How long it waits for its process.
    pub time_to_live: Duration,
    /// Variables for the instance.
    pub variables: Map<String, Value>,
}

/// What became of a published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The gateway took it.
    New {
        /// The message's key.
        key: i64,
    },
    /// A message with this id was published before, and still lives.
    AlreadyExists,
}

/// A process instance that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The process's id in its model.
    pub bpmn_process_id: String,
    /// Version of the definition.
    pub version: i32,
    /// Key of the definition.
    pub process_definition_key: i64,
    /// Key of the instance.
    pub process_instance_key: i64,
}

/// A process definition that a deployment named, new or unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The process's id in its model.
    pub bpmn_process_id: String,
    /// Version of the definition.
    pub version: i32,
    /// Key of the definition.
    pub process_definition_key: i64,
    /// Name that the file was deployed under.
    pub resource_name: String,
}

/// What the gateway says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// Version of the gateway.
    pub gateway_version: String,
    /// Number of brokers.
    pub cluster_size: i32,
    /// Number of partitions.
    pub partitions_count: i32,
}

/// A connection to the gateway. Cloning it shares the connection.
#[derive(Clone)]
pub struct Client {
    inner: zeebe_rs::Client,
    address: String,
    deadline: Duration,
}

impl Client {
    /// Connects, trying again until `deadline` while the gateway cannot be reached. Each later
    /// call has the same deadline.
    ///
    /// # Errors
    /// When the gateway cannot be reached, the settings cannot work, or no token comes.
    pub async fn connect(gateway: &Gateway, deadline: Duration) -> Result<Client, Error> {
        let inner = connect(gateway, deadline).await?;
        if let Some(oauth) = &gateway.oauth {
            wait_for_token(&inner, oauth).await?;
        }
        Ok(Client {
            inner,
            address: gateway.address(),
            deadline,
        })
    }

    /// Publishes a message. One that was published before is no error.
    ///
    /// # Errors
    /// As every call: not reachable, or refused.
    pub async fn publish(&self, message: &Message) -> Result<Published, Error> {
        let call = || async {
            self.inner
                .publish_message()
                .with_name(message.name.clone())
                .with_correlation_key(message.correlation_key.clone())
                .with_message_id(message.message_id.clone())
                .with_time_to_live(message.time_to_live)
                .with_variables(&message.variables)?
                .send()
                .await
        };
        // Without an id, a second try might publish it twice.
        let again = if message.message_id.is_empty() {
            Again::IfNotProcessed
        } else {
            Again::Always
        };
        match self.call("publish message", again, call).await {
            Ok(answer) => Ok(Published::New { key: answer.key() }),
            Err(Error::Rejected {
                code: Code::AlreadyExists,
                ..
            }) => Ok(Published::AlreadyExists),
            Err(error) => Err(error),
        }
    }

    /// Starts an instance of the latest version, or of the given one.
    ///
    /// # Errors
    /// As every call. It is not tried again once it may have reached the gateway.
    pub async fn create_process_instance(
        &self,
        bpmn_process_id: &str,
        version: Option<i32>,
        variables: &Map<String, Value>,
    ) -> Result<Created, Error> {
        let call = || async {
            let mut request = self
                .inner
                .create_process_instance()
                .with_bpmn_process_id(bpmn_process_id.to_owned())
                .with_variables(variables)?;
            if let Some(version) = version {
                request = request.with_version(version);
            }
            request.send().await
        };
        let answer = self
            .call("create process instance", Again::IfNotProcessed, call)
            .await?;
        Ok(Created {
            bpmn_process_id: answer.bpmn_process_id().to_owned(),
            version: answer.version(),
            process_definition_key: answer.process_definition_key(),
            process_instance_key: answer.process_instance_key(),
        })
    }

    /// Deploys files (name, content); an unchanged one keeps its version and key.
    ///
    /// # Errors
    /// As every call; a model that is refused is [`Error::Rejected`] with the engine's words.
    pub async fn deploy(&self, files: &[(String, Vec<u8>)]) -> Result<Vec<Deployed>, Error> {
        let call = || {
            self.inner
                .deploy_resource()
                .with_definitions(files.to_vec())
                .send()
        };
        let answer = self.call("deploy", Again::Always, call).await?;
        let processes = answer.deployments().iter().filter_map(|deployment| {
            let Some(zeebe_rs::Metadata::Process(process)) = deployment.metadata() else {
                return None;
            };
            Some(Deployed {
                bpmn_process_id: process.bpmn_process_id().to_owned(),
                version: process.version(),
                process_definition_key: process.process_definition_key(),
                resource_name: process.resource_name().to_owned(),
            })
        });
        Ok(processes.collect())
    }

    /// Cancels a process instance.
    ///
    /// # Errors
    /// As every call; [`Code::NotFound`] when it has ended or never was.
    pub async fn cancel_process_instance(&self, process_instance_key: i64) -> Result<(), Error> {
        let call = || {
            self.inner
                .cancel_process_instance()
                .with_process_instance_key(process_instance_key)
                .send()
        };
        self.call("cancel process instance", Again::Always, call)
            .await
            .map(drop)
    }

    /// Resolves an incident.
    ///
    /// # Errors
    /// As every call; [`Code::NotFound`] when it is resolved or never was.
    pub async fn resolve_incident(&self, incident_key: i64) -> Result<(), Error> {
        let call = || {
            self.inner
                .resolve_incident()
                .with_incident_key(incident_key)
                .send()
        };
        self.call("resolve incident", Again::Always, call)
            .await
            .map(drop)
    }

    /// Sets variables at an element instance or a process instance; `local` keeps them in its
    /// scope.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_variables(
        &self,
        element_instance_key: i64,
        variables: &Map<String, Value>,
        local: bool,
    ) -> Result<(), Error> {
        let call = || async {
            self.inner
                .set_variables()
                .with_element_instance_key(element_instance_key)
                .with_variable(variables)?
                .set_local_scope(local)
                .send()
                .await
        };
        self.call("set variables", Again::Always, call)
            .await
            .map(drop)
    }

    /// Gives a job new retries.
    ///
    /// # Errors
    /// As every call.
    pub async fn update_job_retries(&self, job_key: i64, retries: i32) -> Result<(), Error> {
        let call = || {
            self.inner
                .update_job_retries()
                .with_job_key(job_key)
                .with_retries(retries)
                .send()
        };
        self.call("update job retries", Again::Always, call)
            .await
            .map(drop)
    }

    /// Gives an activated job more time, counted from now.
    ///
    /// # Errors
    /// As every call.
    pub async fn update_job_timeout(&self, job_key: i64, timeout: Duration) -> Result<(), Error> {
        let call = || {
            self.inner
                .update_job_timeout()
                .with_job_key(job_key)
                .with_timeout(timeout)
                .send()
        };
        self.call("update job timeout", Again::Always, call)
            .await
            .map(drop)
    }

    /// Asks the gateway about itself.
    ///
    /// # Errors
    /// As every call.
    pub async fn topology(&self) -> Result<Topology, Error> {
        let answer = self
            .call("topology", Again::Always, || self.inner.topology().send())
            .await?;
        Ok(Topology {
            gateway_version: answer.gateway_version().to_owned(),
            cluster_size: answer.cluster_size(),
            partitions_count: answer.partitions_count(),
        })
    }

    /// Calls until there is an answer or the deadline has passed.
    async fn call<T, F>(
        &self,
        name: &'static str,
        again: Again,
        call: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, zeebe_rs::ClientError>>,
    {
        let started = Instant::now();
        let mut back_off = BackOff::new();
        loop {
            let status = match call().await {
                Ok(answer) => return Ok(answer),
                Err(zeebe_rs::ClientError::RequestFailed(status)) => status,
                Err(other) => {
                    return Err(Error::Rejected {
                        call: name,
                        code: Code::Internal,
                        message: other.to_string(),
                    });
                }
            };
            let fault = Fault::of(&status);
            let may_try_again = match fault {
                Fault::Answer => false,
                Fault::Busy => true,
                Fault::Transport => again == Again::Always,
            };
            if !may_try_again || started.elapsed() >= self.deadline {
                return Err(match fault {
                    Fault::Transport => Error::Unreachable {
                        address: self.address.clone(),
                        tried: started.elapsed(),
                        cause: causes_after(status.message(), &status),
                    },
                    Fault::Answer | Fault::Busy => Error::Rejected {
                        call: name,
                        code: Code::from_i32(status.code() as i32),
                        message: words(&status),
                    },
                });
            }
            back_off
                .wait(self.deadline.saturating_sub(started.elapsed()))
                .await;
        }
    }
}

/// When a call may be sent a second time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// Twice does what once does.
    Always,
    /// Only where the gateway said that it did not process it.
    IfNotProcessed,
}

/// What an error status means for the caller.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The gateway's own answer.
    Answer,
    /// The gateway pushes back; it did not process the call.
    Busy,
    /// There was no answer.
    Transport,
}

impl Fault {
    fn of(status: &tonic_012::Status) -> Fault {
        match status.code() {
            tonic_012::Code::ResourceExhausted => Fault::Busy,
            tonic_012::Code::Unavailable => Fault::Transport,
            // This is how the client library reports its own time-out.
            tonic_012::Code::Cancelled if status.message() == "Timeout expired" => Fault::Transport,
            // A status made here has the transport's error as its source; one that was received
            // has none.
            _ if status.source().is_some() => Fault::Transport,
            _ => Fault::Answer,
        }
    }
}

/// The gateway's words, but never a token: the library quotes one that it cannot send.
fn words(status: &tonic_012::Status) -> String {
    if status
        .message()
        .starts_with("token is not a valid header value")
    {
        "the access token cannot be sent as a header".to_owned()
    } else {
        status.message().to_owned()
    }
}

/// Waits for the library's first token. It keeps to itself why none comes, so when it takes long,
/// one is asked for here too, whose refusal says more.
async fn wait_for_token(client: &zeebe_rs::Client, oauth: &OAuth) -> Result<(), Error> {
    let first = client.auth_initialized();
    tokio::pin!(first);
    if tokio::time::timeout(TOKEN_PATIENCE, &mut first)
        .await
        .is_ok()
    {
        return Ok(());
    }
    Tokens::new(Some(oauth.clone())).bearer().await?;
    tokio::time::timeout(TOKEN_TIMEOUT, first)
        .await
        .map_err(|_| Error::NoToken {
            url: oauth.token_url.clone(),
        })
}

async fn connect(gateway: &Gateway, deadline: Duration) -> Result<zeebe_rs::Client, Error> {
    let setup = |cause: String| Error::Setup {
        address: gateway.address(),
        cause,
    };
    let mut builder = zeebe_rs::Client::builder()
        .with_address(&gateway.origin(), gateway.port)
        .with_timeout(CALL_TIMEOUT);
    builder = match (&gateway.ca_certificate, gateway.tls) {
        (_, false) => builder,
        (None, true) => builder.with_cloud_tls(),
        (Some(path), true) => builder.with_tls(path).map_err(|error| {
            setup(format!(
                "certificate file {}: {}",
                path.display(),
                causes(&error)
            ))
        })?,
    };
    if let Some(oauth) = &gateway.oauth {
        builder = builder.with_oauth(
            oauth.client_id.expose().to_owned(),
            oauth.client_secret.expose().to_owned(),
            oauth.token_url.clone(),
            oauth.audience.clone(),
            TOKEN_TIMEOUT,
            None,
        );
    }
    let started = Instant::now();
    let mut back_off = BackOff::new();
    loop {
        // The library would wait as long as the system does for an address that never answers.
        let attempt = tokio::time::timeout(CONNECT_TIMEOUT, builder.clone().build());
        let cause = match attempt.await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(zeebe_rs::ClientBuilderError::Transport(error))) => causes(&error),
            Ok(Err(other)) => return Err(setup(causes(&other))),
            Err(_) => format!("no connection within {}", seconds(CONNECT_TIMEOUT)),
        };
        if started.elapsed() >= deadline {
            return Err(Error::Unreachable {
                address: gateway.address(),
                tried: started.elapsed(),
                cause,
            });
        }
        back_off
            .wait(deadline.saturating_sub(started.elapsed()))
            .await;
    }
}

/// Pauses that grow, each drawn at random below its limit so that many clients spread out.
pub(crate) struct BackOff(Duration);

impl BackOff {
    pub(crate) fn new() -> BackOff {
        BackOff(BACK_OFF_MIN)
    }

    /// Whether nothing was waited for since the last success.
    pub(crate) fn is_reset(&self) -> bool {
        self.0 == BACK_OFF_MIN
    }

    pub(crate) fn reset(&mut self) {
        self.0 = BACK_OFF_MIN;
    }

    /// Waits, at most until `limit` has passed.
    pub(crate) async fn wait(&mut self, limit: Duration) {
        let pause = self.0.mul_f64(0.5 + fastrand::f64() / 2.0);
        tokio::time::sleep(pause.min(limit)).await;
        self.0 = (self.0 * 2).min(BACK_OFF_MAX);
    }
}

/// An error and what caused it, in one line, without saying a thing twice.
pub(crate) fn causes(error: &dyn StdError) -> String {
    causes_after(error.to_string(), error)
}

/// These words for an error and then what caused it: for a status, whose own text is its `Debug`.
pub(crate) fn causes_after(words: impl Into<String>, error: &dyn StdError) -> String {
    let mut text = words.into();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
