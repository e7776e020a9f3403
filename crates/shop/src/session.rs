//! What a command works with: which store, which engine, which dispatcher, which database.
//!
//! A flag stands before everything; then, for `--data DIR`, the store that runs there; then the
//! environment; then the store that runs in the default folder.

use std::time::Duration;

use anyhow::{Context, Result};
use ghettodb::Database;
use messaging::client::Client;
use messaging::settings::Flags;
use messaging::{Secret, Settings};

use crate::dispatches::Dispatches;
use crate::engine::{self, View};
use crate::failure::{Exit, Failure};
use crate::folder::{Addresses, Folder};

/// How long a person waits for a gateway that cannot be reached, unless a setting says otherwise.
const GATEWAY_DEADLINE: Duration = Duration::from_secs(10);

/// The surroundings of one command.
pub struct Session {
    /// The data folder, whether or not a store runs in it.
    pub folder: Folder,
    /// The settings, resolved.
    pub settings: Settings,
    /// The store that runs in the folder, where the settings come from it.
    pub addresses: Option<Addresses>,
}

impl Session {
    /// Finds out what to work with. `data_given` says that the folder was named, not defaulted.
    pub fn open(folder: Folder, data_given: bool, flags: &Flags) -> Result<Self> {
        let has_gateway = flags.zeebe_address.is_some() || (!data_given && names_gateway(flags));
        let addresses = if has_gateway {
            None
        } else {
            folder.addresses()?
        };
        if addresses.is_none() && !has_gateway {
            let shown = folder.root().display();
            return Err(
                Failure::new(Exit::Unreachable, format!("no store runs in '{shown}'"))
                    .hint("start one with `shop up`, or name a gateway with --zeebe-address")
                    .into(),
            );
        }
        Self::resolve(folder, addresses, flags)
    }

    /// The surroundings of the store that runs here.
    pub fn of_store(folder: &Folder, addresses: &Addresses, flags: &Flags) -> Result<Self> {
        Self::resolve(folder.clone(), Some(addresses.clone()), flags)
    }

    /// The surroundings of a step of a workflow: its environment alone.
    pub fn of_step(folder: Folder, flags: &Flags) -> Result<Self> {
        Self::resolve(folder, None, flags)
    }

    fn resolve(folder: Folder, addresses: Option<Addresses>, flags: &Flags) -> Result<Self> {
        let from_store = |name: &str| {
            let addresses = addresses.as_ref()?;
            match name {
                "ZEEBE_ADDRESS" => Some(addresses.gateway.clone()),
                "ZEEBE_REST_ADDRESS" => addresses.rest.clone(),
                "GHETTODB_REPO" => Some(addresses.data_repository.clone()),
                "GITHUB_API_URL" => Some(addresses.dispatcher.clone()),
                "GITHUB_REPOSITORY" => Some(addresses.repository.clone()),
                _ => None,
            }
        };
        let mut settings = Settings::resolve(flags, |name| {
            from_store(name).or_else(|| std::env::var(name).ok())
        })
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        if flags.gateway_deadline.is_none() && !is_set("BACKROOM_GATEWAY_DEADLINE") {
            settings.gateway_deadline = GATEWAY_DEADLINE;
        }
        Ok(Self {
            folder,
            settings,
            addresses,
        })
    }

    /// The engine's read side.
    pub fn view(&self) -> Result<View> {
        View::new(&self.settings)
    }

    /// The engine's own time, which an operator may have moved.
    pub async fn engine_now(&self) -> jiff::Timestamp {
        let addresses = self.addresses.as_ref();
        engine::now(addresses.and_then(|addresses| addresses.management.as_deref())).await
    }

    /// The gateway.
    pub async fn client(&self) -> Result<Client> {
        Client::connect(&self.settings.gateway, self.settings.gateway_deadline)
            .await
            .map_err(engine::from_client)
    }

    /// The local dispatcher of the store, with its token.
    pub fn dispatches(&self) -> Result<Dispatches> {
        let Some(addresses) = &self.addresses else {
            return Err(Failure::new(
                Exit::Refused,
                "deliveries are kept by a store's own dispatcher, and none is known here",
            )
            .hint("name its data folder with --data; on GitHub, re-run the workflow there")
            .into());
        };
        let path = &addresses.token_file;
        let token = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the dispatch token in '{}'", path.display()))?;
        Ok(Dispatches::at(&addresses.dispatcher, Secret::new(token)))
    }

    /// Where an operator's own dispatches go, with the repository's name: to the store's dispatcher,
    /// or to GitHub with the token in `GITHUB_TOKEN`.
    pub fn dispatch_target(&self) -> Result<(Dispatches, String)> {
        if let Some(addresses) = &self.addresses {
            return Ok((self.dispatches()?, addresses.repository.clone()));
        }
        let token = std::env::var("GITHUB_TOKEN")
            .ok()
            .filter(|token| !token.is_empty());
        match (token, &self.settings.github_repository) {
            (Some(token), Some(repository)) => Ok((
                Dispatches::at(&self.settings.github_api_url, Secret::new(token)),
                repository.clone(),
            )),
            _ => Err(Failure::new(Exit::Usage, "no place to dispatch to is known")
                .hint("name a store's folder with --data, or set GITHUB_REPOSITORY and GITHUB_TOKEN")
                .into()),
        }
    }

    /// The data repository.
    pub fn database(&self) -> Result<Database> {
        let Some(repository) = &self.settings.repository else {
            return Err(Failure::new(Exit::Usage, "no data repository is known")
                .hint("name it with --ghettodb-repo, or a store's folder with --data")
                .into());
        };
        open_database(repository, self.settings.branch.clone())
    }
}

/// Whether the flags or the environment name a gateway.
pub fn names_gateway(flags: &Flags) -> bool {
    let variables = ["ZEEBE_ADDRESS", "CAMUNDA_ADDRESS", "ZEEBE_CLIENT_CONFIG"];
    flags.zeebe_address.is_some() || variables.into_iter().any(is_set)
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Opens a data repository as the shop.
pub fn open_database(repository: &str, branch: Option<String>) -> Result<Database> {
    let mut options = ghettodb::Options::new(repository);
    options.branch = branch;
    options.author = ghettodb::Author {
        name: "shop".to_owned(),
        email: "shop@localhost".to_owned(),
    };
    Database::open(options).map_err(from_database)
}

/// An error of the database with its hint.
pub fn from_database(error: ghettodb::Error) -> anyhow::Error {
    let failure = Failure::new(Exit::Fault, error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint).into(),
        None => failure.into(),
    }
}
