//! The broker's command line: `broker --data DIR`, `broker check FILE...`.

mod check;
mod ui;

use anyhow::Context as _;
use broker::{Broker, Config};
use clap::{Args, Parser, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// A Zeebe-compatible workflow engine in one process.
#[derive(Parser)]
#[command(version = build_info::VERSION, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Validate model files without a server: one line each, `ok` or why it would be refused
    Check {
        /// BPMN files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Args)]
struct Serve {
    /// Folder that the broker keeps everything in
    #[arg(long, value_name = "DIR", required_unless_present = "in_memory")]
    data: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port of the gRPC gateway; 0 = any free one
    #[arg(long, default_value_t = 26500)]
    port: u16,
    /// Port of the REST API; 0 = any free one
    #[arg(long, default_value_t = 8080)]
    rest_port: u16,
    /// Port for health, metrics and the clock; 0 = any free one
    #[arg(long, default_value_t = 9600)]
    management_port: u16,
    /// Write each record as one JSON line, in Zeebe's record format
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Let the management port move the clock
    #[arg(long)]
    controlled_clock: bool,
    /// Keep nothing: no folder, no files
    #[arg(long, conflicts_with = "data")]
    in_memory: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Check { files }) => return check::run(&files),
        None => serve(cli.serve),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn serve(serve: Serve) -> anyhow::Result<()> {
    ui::log_to_stderr();
    let config = Config {
        data: serve.data,
        host: serve.host,
        port: serve.port,
        rest_port: serve.rest_port,
        management_port: serve.management_port,
        records: serve.records,
        controlled_clock: serve.controlled_clock,
    };
    // The engine and the disk have threads of their own; two more carry the network.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let mut broker = Broker::start(config).await?;
    ui::ready(&broker);
    let failure = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        error = broker.failure() => Some(error),
    };
    match failure {
        Some(error) => Err(error),
        None => {
            tracing::info!("stopping");
            broker.stop().await;
            Ok(())
        }
    }
}
