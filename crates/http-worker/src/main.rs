//! The `http-worker` program: settings to an [`HttpWorker`], and `messaging`'s loop around it.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use futures::FutureExt;
use http_worker::egress::IpNet;
use http_worker::log::Masked;
use http_worker::{Config, Egress, HostRule, HttpWorker, JOB_TYPE, Mask, Models, Secrets, legacy};
use messaging::rest::Rest;
use messaging::settings::{Flags, Settings};
use messaging::worker;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// Variables of the environment that placeholders of the older job type may name, without this.
const VARIABLE_PREFIX: &str = "BACKROOM_VARIABLE_";
/// The variables of a job that the connector's contract reads.
const CONNECTOR_VARIABLES: [&str; 10] = [
    "method",
    "url",
    "headers",
    "queryParameters",
    "body",
    "authentication",
    "connectionTimeoutInSeconds",
    "readTimeoutInSeconds",
    "ignoreNullValues",
    "followRedirects",
];

/// Where others find a proxy; not used here, which is said if they are set.
const PROXY_VARIABLES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Does the HTTP calls of process models: jobs of io.camunda:http-json:1 and CAMUNDA-HTTP.
///
/// Secrets stand in the environment, as BACKROOM_SECRET_<NAME>, or in a file; the hosts that each
/// may go to in BACKROOM_SECRET_HOSTS_<NAME>, separated by commas.
#[derive(Parser)]
#[command(version = build_info::VERSION)]
struct Cli {
    /// One more job type, served as io.camunda:http-json:1; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Host that may be called at an address which is not public; may be given several times
    #[arg(
        long = "allow-host",
        value_name = "HOST[:PORT]",
        env = "BACKROOM_ALLOW_HOSTS",
        value_delimiter = ','
    )]
    allowed_hosts: Vec<HostRule>,
    /// Network that may be called although it is not public; may be given several times
    #[arg(
        long = "allow-network",
        value_name = "ADDRESS/BITS",
        env = "BACKROOM_ALLOW_NETWORKS",
        value_delimiter = ','
    )]
    allowed_networks: Vec<IpNet>,
    /// JSON file with secrets: {"NAME": {"value": "...", "hosts": ["..."]}}
    #[arg(long, value_name = "FILE", env = "BACKROOM_SECRETS_FILE")]
    secrets: Option<PathBuf>,
    /// Folder with the deployed .bpmn files, which name the secrets; without it, they are asked
    /// from the engine at ZEEBE_REST_ADDRESS
    #[arg(long, value_name = "DIR", env = "BACKROOM_MODELS")]
    models: Option<PathBuf>,
    /// JSON file with variables for placeholders of CAMUNDA-HTTP; BACKROOM_VARIABLE_<NAME> goes first
    #[arg(long, value_name = "FILE")]
    variables: Option<PathBuf>,
    /// How many jobs of one type run at once
    #[arg(long, value_name = "N", default_value_t = 16)]
    max_jobs: usize,
    /// Seconds that a job is this worker's before another one may get it; a call that may last
    /// longer gets more from the engine
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    job_timeout: u64,
    #[command(flatten)]
    settings: Flags,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::failed(&error);
            ExitCode::FAILURE
        }
    }
}

/// Variables of the environment that are text.
fn environment() -> impl Iterator<Item = (String, String)> {
    // A variable that is no text is no secret; its name may be said, its value not.
    std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)))
}

/// Starts the log: on standard error, with secrets hidden.
fn log(mask: Mask) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A runner's steps stand on a terminal of their own, so that alone says nothing.
    let plain = ["NO_COLOR", "CI"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let colourful = std::io::stderr().is_terminal() && !plain;
    let mask = Arc::new(mask);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Masked::new(mask.clone(), std::io::stderr()))
        .with_ansi(colourful)
        .init();
}

/// Where it stands which secrets the elements of a model name.
fn models(folder: Option<&Path>, settings: &Settings) -> Result<Models> {
    if let Some(folder) = folder {
        return Models::of_folder(folder).context("--models");
    }
    if settings.rest_address.is_some() {
        return Ok(Models::of_engine(Rest::new(settings)?));
    }
    tracing::warn!(
        "no models to look at: a placeholder of a secret is filled in in the authentication fields whoever wrote it; set ZEEBE_REST_ADDRESS or --models"
    );
    Ok(Models::nowhere())
}

/// Says what is set but should not be, or does nothing.
fn warn_of(secrets_file: Option<&Path>) {
    for name in PROXY_VARIABLES {
        if std::env::var_os(name).is_some_and(|value| !value.is_empty()) {
            tracing::warn!("{name} is set, but calls go out without a proxy");
        }
    }
    if let Some(path) = secrets_file
        && let Ok(metadata) = path.metadata()
        && metadata.permissions().mode() & 0o077 != 0
    {
        let path = path.display();
        tracing::warn!("others than its owner may use the secrets file '{path}'; chmod 600 it");
    }
}

async fn run(flags: Cli) -> Result<()> {
    let settings = Settings::from_env(&flags.settings)?;
    let secrets = Secrets::read(environment(), flags.secrets.as_deref())?;
    log(secrets.mask());
    warn_of(flags.secrets.as_deref());
    anyhow::ensure!(flags.max_jobs > 0, "--max-jobs must be at least 1");
    anyhow::ensure!(flags.job_timeout > 0, "--job-timeout must be at least 1");
    let job_timeout = Duration::from_secs(flags.job_timeout);
    let mut worker_variables = flags.variables.as_deref().map(read_variables).transpose()?;
    worker_variables.get_or_insert_default().extend(
        environment().filter_map(|(name, value)| {
            Some((name.strip_prefix(VARIABLE_PREFIX)?.to_owned(), value))
        }),
    );
    let secret_names: Vec<&str> = secrets.names().collect();
    tracing::info!(secrets = ?secret_names, "secrets by name");
    let http_worker = Arc::new(HttpWorker::new(Config {
        secrets,
        models: models(flags.models.as_deref(), &settings)?,
        egress: Egress::new(flags.allowed_hosts, flags.allowed_networks),
        variables: worker_variables.unwrap_or_default(),
        job_timeout,
        gateway: Some(settings.gateway.clone()),
    }));

    let mut types = vec![JOB_TYPE.to_owned()];
    for name in flags.types {
        anyhow::ensure!(
            name != legacy::JOB_TYPE,
            "--type {name}: this type is always served, by its own contract"
        );
        if !types.contains(&name) {
            types.push(name);
        }
    }
    let config = |types: Vec<String>, fetched: &[&str]| worker::Config {
        max_jobs: flags.max_jobs,
        timeout: job_timeout,
        fetch_variables: fetched.iter().map(|name| (*name).to_owned()).collect(),
        ..worker::Config::new("http-worker", types)
    };
    let connector = config(types.clone(), &CONNECTOR_VARIABLES);
    // Its placeholders may name any variable.
    let older = config(vec![legacy::JOB_TYPE.to_owned()], &[]);
    types.push(legacy::JOB_TYPE.to_owned());

    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let ended = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let ended = ended.boxed().shared();
    let handler = |worker: Arc<HttpWorker>| {
        move |job| {
            let worker = Arc::clone(&worker);
            async move { worker.handle(job).await }
        }
    };
    ui::ready(&settings.gateway.address(), &types);
    tokio::try_join!(
        worker::run(
            &settings.gateway,
            connector,
            handler(http_worker.clone()),
            ended.clone()
        ),
        worker::run(&settings.gateway, older, handler(http_worker), ended),
    )?;
    Ok(())
}

/// Reads a JSON object of texts, numbers and booleans.
fn read_variables(path: &Path) -> Result<BTreeMap<String, String>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read '{name}'"))?;
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("'{name}' is not JSON"))?;
    let fields = value.as_object();
    let fields = fields.with_context(|| format!("'{name}' must be a JSON object"))?;
    fields
        .iter()
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) => Ok((key.clone(), value.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                anyhow::bail!("'{name}': '{key}' must be a text, a number or a boolean")
            }
        })
        .collect()
}

/// The only place that prints.
mod ui {
    /// Says on standard output what is served where.
    #[expect(clippy::print_stdout, reason = "the line that callers wait for")]
    pub(crate) fn ready(gateway: &str, types: &[String]) {
        println!("http-worker ready on {gateway} for {}", types.join(", "));
    }

    /// Says on standard error why the program ends.
    #[expect(
        clippy::print_stderr,
        reason = "the last word of a program that failed"
    )]
    pub(crate) fn failed(error: &anyhow::Error) {
        eprintln!("error: {error:#}");
    }
}
