//! The `dispatcher` program: flags to a [`dispatcher::Config`], one line when ready, and a
//! graceful end on SIGTERM or Ctrl-C.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use dispatcher::rate::Rates;
use dispatcher::{BackendConfig, Config, Dispatcher, Token, Watchdog, token::TOKEN_VARIABLE};
use tokio::signal::unix::{SignalKind, signal};

/// GitHub Actions on one machine: starts what the files in .github/workflows say.
///
/// The token that callers must send stands in the file of --token-file or in the environment
/// variable BACKROOM_DISPATCH_TOKEN.
#[derive(Parser)]
#[command(version = build_info::VERSION)]
struct Cli {
    /// Folder for records and logs; made if it isn't there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Port on 127.0.0.1; 0 = any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Folder of workflow files
    #[arg(long, value_name = "DIR", default_value = ".github/workflows")]
    workflows: PathBuf,
    /// Folder of the services' binaries; without it, the folder of this program
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// What carries runs out
    #[arg(long, value_enum, default_value_t = BackendName::Direct)]
    backend: BackendName,
    /// The program act, for --backend act
    #[arg(long, value_name = "FILE", default_value = "act")]
    act: PathBuf,
    /// Root of the repository that the workflow files belong to, for --backend act; without it,
    /// the folder that holds .github/workflows
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// GitHub's API, for --backend github
    #[arg(long, value_name = "URL", default_value = "https://api.github.com")]
    github_api_url: String,
    /// File with the token for GitHub; without it, the variable GITHUB_TOKEN
    #[arg(long, value_name = "FILE")]
    github_token_file: Option<PathBuf>,
    /// Keep GitHub's rates: 1,500 events and 500 queued runs in 10 s, 50 starts a minute
    #[arg(long)]
    github_rates: bool,
    /// How often a delivery that failed, was cancelled or never started is started again
    #[arg(long, value_name = "N", default_value_t = 0)]
    watchdog_redispatch: u32,
    /// Milliseconds that a delivery may wait for its first start
    #[arg(long, value_name = "MS", default_value_t = 300_000)]
    watchdog_start_limit_ms: u64,
    /// Repository that events are taken for; may be given several times
    #[arg(long = "repository", value_name = "OWNER/NAME", required = true)]
    repositories: Vec<String>,
    /// Branch that the event file names
    #[arg(long, value_name = "NAME", default_value = "main")]
    default_branch: String,
    /// File with the token; without it, the variable BACKROOM_DISPATCH_TOKEN
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How many runs run at the same time
    #[arg(long, value_name = "N", default_value_t = 8)]
    max_parallel: usize,
    /// How many deliveries are kept with their runs and logs; the oldest that have ended go first
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    keep_deliveries: usize,
    /// Milliseconds before a run's second attempt; twice as long before the third
    #[arg(long, value_name = "MS", default_value_t = 500)]
    retry_delay_ms: u64,
    /// Milliseconds that running services may go on when the dispatcher ends
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    stop_grace_ms: u64,
    /// One more environment variable that services get; may be given several times
    #[arg(long, value_name = "NAME")]
    pass_env: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum BackendName {
    /// Spawn the service's binary
    Direct,
    /// Run the YAML with act
    Act,
    /// Hand events on to GitHub
    Github,
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A runner's steps stand on a terminal of their own, so that alone says nothing.
    let plain = ["NO_COLOR", "CI"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let colourful = std::io::stderr().is_terminal() && !plain;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colourful)
        .init();
    match run(flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::failed(&error);
            ExitCode::FAILURE
        }
    }
}

/// A token from a file or else from a variable.
fn token(file: Option<&Path>, variable: &str, flag: &str) -> Result<Token> {
    Ok(match file {
        Some(path) => Token::from_file(path)?,
        None => {
            let text = std::env::var(variable).unwrap_or_default();
            Token::new(&text, &format!("{variable} (or name a file with {flag})"))?
        }
    })
}

fn backend(flags: &Cli) -> Result<BackendConfig> {
    Ok(match flags.backend {
        BackendName::Direct => BackendConfig::Direct,
        BackendName::Act => {
            let project = match &flags.project {
                Some(folder) => folder.clone(),
                None => project_of(&flags.workflows).context(
                    "--backend act needs the repository of the workflow files; give --project",
                )?,
            };
            BackendConfig::Act {
                program: flags.act.clone(),
                project,
            }
        }
        BackendName::Github => BackendConfig::GitHub {
            api_url: flags.github_api_url.clone(),
            token: token(
                flags.github_token_file.as_deref(),
                "GITHUB_TOKEN",
                "--github-token-file",
            )?,
        },
    })
}

/// The folder that holds `.github/workflows`.
fn project_of(workflows: &Path) -> Option<PathBuf> {
    let workflows = std::fs::canonicalize(workflows).ok()?;
    let github = workflows
        .ends_with(".github/workflows")
        .then_some(workflows)?;
    github.ancestors().nth(2).map(PathBuf::from)
}

async fn run(flags: Cli) -> Result<()> {
    let token = token(flags.token_file.as_deref(), TOKEN_VARIABLE, "--token-file")?;
    let backend = backend(&flags)?;
    let bin_dir = match flags.bin_dir {
        Some(folder) => folder,
        None => std::env::current_exe()
            .ok()
            .and_then(|program| program.parent().map(PathBuf::from))
            .context("cannot tell the folder of this program; give --bin-dir")?,
    };
    // The services run in folders of their own, where a relative path would lead elsewhere.
    let absolute = |path: PathBuf| {
        std::path::absolute(&path).with_context(|| format!("cannot use '{}'", path.display()))
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, flags.port));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| {
            format!("cannot listen on {address}; give another --port, or 0 for any")
        })?;
    let url = format!("http://{}", listener.local_addr()?);
    let dispatcher = Dispatcher::open(Config {
        data: absolute(flags.data)?,
        workflows: absolute(flags.workflows)?,
        bin_dir: absolute(bin_dir)?,
        backend,
        rates: flags.github_rates.then_some(Rates::GITHUB),
        watchdog: Watchdog {
            redispatches_max: flags.watchdog_redispatch,
            start_limit: Duration::from_millis(flags.watchdog_start_limit_ms),
        },
        repositories: flags.repositories,
        default_branch: flags.default_branch,
        token,
        parallel_max: flags.max_parallel,
        deliveries_max: flags.keep_deliveries,
        retry_delay: Duration::from_millis(flags.retry_delay_ms),
        stop_grace: Duration::from_millis(flags.stop_grace_ms),
        api_url: url.clone(),
        environment: std::env::vars_os().collect(),
        pass_env: flags.pass_env,
    })?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    ui::ready(&url);
    let ended = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending: running services may finish");
    };
    dispatcher::serve(listener, dispatcher, ended)
        .await
        .context("the server ended with an error")
}

/// The only place that prints.
mod ui {
    /// Says on standard output where the dispatcher listens.
    #[expect(clippy::print_stdout, reason = "the line that callers wait for")]
    pub(crate) fn ready(url: &str) {
        println!("dispatcher ready on {url}");
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
