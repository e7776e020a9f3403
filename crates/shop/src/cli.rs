//! The command line: what all commands share, and which command is which.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use messaging::settings::Flags;
use shop::folder::{self, Folder};
use shop::session::Session;

use crate::commands;

/// The back room of a web shop: run it, and look after its orders.
///
/// Exit codes: 0 done, 1 fault, 2 wrong command line, 3 refused (no such order, unknown product,
/// ..), 4 gateway or dispatcher not reachable.
#[derive(Parser)]
#[command(version = build_info::VERSION)]
pub(crate) struct Cli {
    /// Folder of the store [default: backroom-data]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    settings: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(commands::up::Args),
    Demo(commands::demo::Args),
    Deploy(commands::deploy::Args),
    Lint(commands::lint::Args),
    Restock(commands::restock::Args),
    Order(commands::order::Args),
    Orders(commands::orders::Args),
    Status(commands::status::Args),
    Incidents(commands::incidents::Args),
    Resolve(commands::resolve::Args),
    Cancel(commands::cancel::Args),
    Redeliver(commands::redeliver::Args),
    Refund(commands::refund::Args),
    Audit(commands::audit::Args),
    Clock(commands::clock::Args),
    Rules(commands::rules::Args),
    Buttons(commands::buttons::Args),
    Action(commands::action::Args),
}

impl Cli {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let data = self.data.clone();
        let folder = Folder::at(&data.clone().unwrap_or_else(|| folder::DEFAULT.into()))?;
        let json = self.json;
        match self.command {
            Command::Up(args) => {
                commands::up::run(args, folder, &self.settings, json).await?;
                return Ok(ExitCode::SUCCESS);
            }
            Command::Demo(args) => {
                // The story holds a whole store: too large for the stack of every other command.
                return Box::pin(commands::demo::run(args, folder, &self.settings, json)).await;
            }
            Command::Buttons(args) => commands::buttons::run(args, json)?,
            Command::Action(args) => {
                return Ok(commands::action::run(args, folder, &self.settings).await);
            }
            Command::Lint(args) => return commands::lint::run(args, json),
            command => {
                let session = Session::open(folder, data.is_some(), &self.settings)?;
                command.run(&session, json).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Command {
    /// The commands that work on a store, or an engine, that is there already.
    async fn run(self, session: &Session, json: bool) -> Result<()> {
        match self {
            Self::Up(_) | Self::Demo(_) => unreachable!("these start a store of their own"),
            Self::Buttons(_) | Self::Action(_) | Self::Lint(_) => {
                unreachable!("these need no store")
            }
            Self::Deploy(args) => commands::deploy::run(args, session, json).await,
            Self::Restock(args) => commands::restock::run(args, session, json).await,
            Self::Order(args) => commands::order::run(args, session, json).await,
            Self::Orders(args) => commands::orders::run(args, session, json).await,
            Self::Status(args) => commands::status::run(args, session, json).await,
            Self::Incidents(args) => commands::incidents::run(args, session, json).await,
            Self::Resolve(args) => commands::resolve::run(args, session, json).await,
            Self::Cancel(args) => commands::cancel::run(args, session, json).await,
            Self::Redeliver(args) => commands::redeliver::run(args, session, json).await,
            Self::Refund(args) => commands::refund::run(args, session, json).await,
            Self::Audit(args) => commands::audit::run(args, session, json).await,
            Self::Clock(args) => commands::clock::run(args, session, json).await,
            Self::Rules(args) => commands::rules::run(args, session, json).await,
        }
    }
}
