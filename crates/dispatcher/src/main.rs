//! The `dispatcher` program: flags to a [`dispatcher::Config`], one line when ready, and a
//! graceful end on SIGTERM or Ctrl-C.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use dispatcher::{Config, Dispatcher, Token, token::TOKEN_VARIABLE};
use tokio::signal::unix::{SignalKind, signal};

/// GitHub's repository dispatches, locally: starts services from the files in .github/workflows.
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

async fn run(flags: Cli) -> Result<()> {
    let token = match &flags.token_file {
        Some(path) => Token::from_file(path)?,
        None => {
            let text = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
            Token::new(
                &text,
                &format!("{TOKEN_VARIABLE} (or name a file with --token-file)"),
            )?
        }
    };
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
        workflows: flags.workflows,
        bin_dir: absolute(bin_dir)?,
        repositories: flags.repositories,
        default_branch: flags.default_branch,
        token,
        parallel_max: flags.max_parallel,
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
