//! `shop up`: starts the store and keeps it up until Ctrl-C.

use anyhow::Result;
use messaging::Settings;
use messaging::settings::Flags;
use serde_json::json;
use shop::failure::{Exit, Failure};
use shop::folder::Folder;
use shop::session::names_gateway;
use shop::store::{Backend, Dispatching, Plan, Ports, Store, asked_to_end};

use crate::ui;

/// Start the store: broker, dispatcher, HTTP worker; Ctrl-C stops all of it
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Port of the gRPC gateway; 0 = any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Port of the REST API; 0 = any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    rest_port: u16,
    /// Port of the engine's management; 0 = any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    management_port: u16,
    /// Port of the dispatcher; 0 = any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    dispatcher_port: u16,
    /// Write each record of the engine to this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    records: Option<std::path::PathBuf>,
    /// Start the services as long-lived gRPC workers too, for orders with --variant grpc
    #[arg(long)]
    workers: bool,
    /// What carries out runs: the services' binaries, or act with the workflows' YAML
    #[arg(long, value_name = "NAME", value_enum, default_value_t = BackendName::Direct)]
    backend: BackendName,
    /// The program act [default: the one on the PATH]
    #[arg(long, value_name = "FILE", requires = "backend")]
    act: Option<std::path::PathBuf>,
    /// How often a dispatch that came to nothing is started again
    #[arg(long, value_name = "N", default_value_t = 0)]
    watchdog_redispatch: u32,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum BackendName {
    Direct,
    Act,
}

pub(crate) async fn run(args: Args, folder: Folder, flags: &Flags, json: bool) -> Result<()> {
    let mut store = Store::start(Plan {
        folder,
        ports: Ports {
            gateway: args.port,
            rest: args.rest_port,
            management: args.management_port,
            dispatcher: args.dispatcher_port,
        },
        gateway: elsewhere(flags)?,
        records: args.records,
        workers: args.workers,
        dispatching: Dispatching {
            backend: match args.backend {
                BackendName::Direct => Backend::Direct,
                BackendName::Act => Backend::Act(args.act),
            },
            watchdog_redispatch: args.watchdog_redispatch,
        },
    })
    .await?;
    store.warnings.iter().for_each(|warning| ui::note(warning));
    if json {
        ui::json(&json!({
            "addresses": store.addresses,
            "processes": store.processes().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        }));
    } else {
        addresses(&store).iter().for_each(|line| ui::line(line));
    }
    let ended = store.keep_up(asked_to_end(), ui::note).await;
    ui::note("stopping the store");
    store.stop().await?;
    ended
}

/// The gateway that flags or environment name, instead of a broker of our own.
pub(crate) fn elsewhere(flags: &Flags) -> Result<Option<Settings>> {
    if !names_gateway(flags) {
        return Ok(None);
    }
    let settings =
        Settings::from_env(flags).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    Ok(Some(settings))
}

/// Where everything is. The first words are what scripts wait for.
pub(crate) fn addresses(store: &Store) -> Vec<String> {
    let addresses = &store.addresses;
    let mut lines = vec![
        format!("the store is up in '{}'", store.folder.root().display()),
        format!("  gateway     {}", addresses.gateway),
    ];
    if let Some(rest) = &addresses.rest {
        lines.push(format!("  REST API    {rest}"));
    }
    if let Some(management) = &addresses.management {
        lines.push(format!("  management  {management}"));
    }
    lines.push(format!("  dispatcher  {}", addresses.dispatcher));
    lines.push(format!("  data        {}", addresses.data_repository));
    let workers: Vec<_> = store.workers().collect();
    if !workers.is_empty() {
        lines.push(format!("  workers     {}", workers.join(", ")));
    }
    lines
}
