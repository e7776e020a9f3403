//! The whole store as processes: broker, dispatcher, HTTP worker, and the services as workers where
//! they are wanted; the data repository they share.
//!
//! The dispatch token is made here, for this one start, and handed to the two that need it by
//! environment. For a dispatch, a service is the dispatcher's child, one process each.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ghettodb::{Database, Transaction};
use messaging::{Secret, Settings};
use serde_json::json;
use tokio::task::JoinSet;

use crate::child::{Child, Program};
use crate::dispatcher_port;
use crate::dispatches::Dispatches;
use crate::folder::{Addresses, Folder, Lock};
use crate::project::Project;
use crate::session::{from_database, open_database};

/// The repository's name in dispatches: of no account locally, but GitHub's endpoint has one.
const REPOSITORY: &str = "backroom/shop";
/// What the shop sells first: name and price in cents.
pub const PRODUCTS: [(&str, u32); 3] = [
    ("Limited Edition Zeebe T-shirt", 2500),
    ("Camunda Escalation Ale", 450),
    ("Real-Life BPMN Book", 3900),
];
/// Job type of dispatch tasks on a gateway from elsewhere: no connectors of its own serve it.
const OWN_JOB_TYPE: &str = "backroom:http-json:1";
/// The services that an order needs, with the words that each begins with when it serves jobs.
const SERVICES: [(&str, &str); 4] = [
    ("customers", "customers ready"),
    ("inventory", "inventory ready"),
    ("payment", "payment ready"),
    ("shipping", "shipping ready"),
];
const CURRENCY: &str = "EUR";
/// Tables with the field that no two of their records share.
const UNIQUE: [(&str, &str); 3] = [
    ("customers", "email"),
    ("products", "product"),
    ("stock", "product"),
];
/// A process that dies more often than this within `RESTART_WINDOW` is not started again.
const RESTARTS_MAX: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// How to start a store.
#[derive(Debug)]
pub struct Plan {
    /// Where it is kept.
    pub folder: Folder,
    /// Ports on 127.0.0.1; 0 = any free one.
    pub ports: Ports,
    /// A gateway that is already there; no broker is started then.
    pub gateway: Option<Settings>,
    /// Where the broker writes each record as a JSON line.
    pub records: Option<PathBuf>,
    /// Whether the services run as long-lived workers too, for the orders of variant `grpc`.
    pub workers: bool,
    /// What the dispatcher is told.
    pub dispatching: Dispatching,
}

/// How the dispatcher carries runs out, and what it does about those that came to nothing.
#[derive(Clone, Debug, Default)]
pub struct Dispatching {
    /// What carries runs out.
    pub backend: Backend,
    /// How often a delivery that came to nothing is started again.
    pub watchdog_redispatch: u32,
}

/// What carries the dispatcher's runs out.
#[derive(Clone, Debug, Default)]
pub enum Backend {
    /// The services' binaries, spawned.
    #[default]
    Direct,
    /// The workflows' YAML, run by this program; `None` = the `act` on the PATH.
    Act(Option<PathBuf>),
}

/// Ports of the store's processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// gRPC gateway.
    pub gateway: u16,
    /// REST API.
    pub rest: u16,
    /// Management of the engine.
    pub management: u16,
    /// Dispatcher.
    pub dispatcher: u16,
}

/// A store that is up.
pub struct Store {
    /// Its data folder.
    pub folder: Folder,
    /// Where its parts are.
    pub addresses: Addresses,
    /// What an operator should know about the data from before, one line each.
    pub warnings: Vec<String>,
    token: Secret,
    parts: Vec<Part>,
    _lock: Lock,
}

/// One process with what is needed to start it again.
struct Part {
    program: Program,
    child: Child,
}

impl Store {
    /// Starts everything, in the order in which the parts need each other.
    ///
    /// Whoever wants the process to end meanwhile gets an error instead; what was started by then
    /// ends with the runtime.
    pub async fn start(plan: Plan) -> Result<Self> {
        tokio::select! {
            started = Self::start_parts(plan) => started,
            () = asked_to_end() => bail!("interrupted before the store was up"),
        }
    }

    async fn start_parts(plan: Plan) -> Result<Self> {
        let project = Project::find()?;
        let folder = plan.folder;
        let lock = folder.hold()?;
        let repository = folder.repository();
        let mut warnings = stock_the_shelves(&repository)?;
        let token = new_token();
        let token_file = folder.keep_token(&token)?;
        let mut addresses = Addresses {
            pid: std::process::id(),
            gateway: String::new(),
            rest: None,
            management: None,
            dispatcher: String::new(),
            repository: REPOSITORY.to_owned(),
            data_repository: repository.display().to_string(),
            dispatch_job_type: plan.gateway.as_ref().map(|_| OWN_JOB_TYPE.to_owned()),
            token_file,
        };
        let mut parts = Vec::new();
        match &plan.gateway {
            None => {
                let program = broker(&folder, plan.ports, plan.records.as_deref())?;
                let child = program.start().await?;
                let ports = read_broker_addresses(&child.ready, &mut addresses)?;
                // Started again, it must be where the others look for it.
                let program = broker(&folder, ports, plan.records.as_deref())?;
                parts.push(Part { program, child });
            }
            Some(settings) => {
                let gateway = &settings.gateway;
                addresses.gateway = if gateway.tls {
                    gateway.uri()
                } else {
                    gateway.address()
                };
                addresses.rest.clone_from(&settings.rest_address);
            }
        }
        let listening = |port, addresses: &Addresses| {
            dispatcher(
                &folder,
                port,
                &project,
                &plan.dispatching,
                addresses,
                &token,
            )
        };
        let before = dispatcher_port::of_before(&folder);
        let wanted = dispatcher_port::wanted(plan.ports.dispatcher, before);
        let program = listening(wanted, &addresses)?;
        let child = program.start().await?;
        let (url, port) = url_in(&child.ready)?;
        addresses.dispatcher = url;
        dispatcher_port::keep(&folder, port)?;
        warnings.extend(dispatcher_port::moved(before, port));
        let program = listening(port, &addresses)?;
        parts.push(Part { program, child });

        let program = http_worker(&folder, port, &addresses, &token)?;
        let child = program.start().await?;
        parts.push(Part { program, child });

        for (name, ready) in SERVICES.into_iter().filter(|_| plan.workers) {
            let program = Program::beside(name, ready, &folder.join("logs"))?.switch("worker");
            let program = with_addresses(program, &addresses);
            let child = program.start().await?;
            parts.push(Part { program, child });
        }
        folder.publish(&addresses)?;
        Ok(Self {
            folder,
            addresses,
            warnings,
            token: Secret::new(token),
            parts,
            _lock: lock,
        })
    }

    /// The dispatcher's operator API.
    pub fn dispatches(&self) -> Dispatches {
        Dispatches::at(&self.addresses.dispatcher, self.token.clone())
    }

    /// Name and process id of each part.
    pub fn processes(&self) -> Vec<(&'static str, i32)> {
        let named = |part: &Part| (part.program.name, part.child.id());
        self.parts.iter().map(named).collect()
    }

    /// Names of the services that run as workers.
    pub fn workers(&self) -> impl Iterator<Item = &'static str> {
        let names = self.parts.iter().map(|part| part.program.name);
        names.filter(|name| SERVICES.iter().any(|(service, _)| service == name))
    }

    /// Kills a part, such as `broker`, as `kill -9` does.
    pub async fn kill(&self, name: &str) -> Result<()> {
        self.part(name)?.child.kill().await
    }

    /// Starts a part again that was killed, on the same data and ports.
    pub async fn start_again(&mut self, name: &str) -> Result<()> {
        let program = self.part(name)?.program.clone();
        let child = program.start().await?;
        let part = self.parts.iter_mut().find(|part| part.program.name == name);
        part.context("the part is still there")?.child = child;
        Ok(())
    }

    /// Keeps the store up until `stop` resolves: a part that dies is reported and started again.
    pub async fn keep_up(
        &mut self,
        stop: impl Future<Output = ()>,
        mut report: impl FnMut(&str),
    ) -> Result<()> {
        let mut stop = std::pin::pin!(stop);
        let mut deaths = VecDeque::new();
        loop {
            let mut ends = JoinSet::new();
            for (place, part) in self.parts.iter().enumerate() {
                let end = part.child.end();
                ends.spawn(async move { (place, end.await) });
            }
            let (place, status) = tokio::select! {
                () = &mut stop => return Ok(()),
                ended = ends.join_next() => ended.context("nothing runs")?.context("a wait broke off")?,
            };
            let part = &mut self.parts[place];
            let name = part.program.name;
            report(&format!("{name} died ({}); starting it again", status?));
            deaths.retain(|died: &Instant| died.elapsed() < RESTART_WINDOW);
            deaths.push_back(Instant::now());
            if deaths.len() > RESTARTS_MAX {
                bail!(
                    "{name} keeps dying; its log is '{}'",
                    part.program.log.display()
                );
            }
            part.child = part.program.start().await?;
            report(&format!("{name} is back"));
        }
    }

    /// Stops every process, the last started first, and takes the addresses away.
    pub async fn stop(self) -> Result<()> {
        self.folder.withdraw();
        drop(std::fs::remove_file(&self.addresses.token_file));
        for part in self.parts.iter().rev() {
            part.child.stop().await?;
        }
        Ok(())
    }

    fn part(&self, name: &str) -> Result<&Part> {
        let part = self.parts.iter().find(|part| part.program.name == name);
        part.with_context(|| format!("the store has no {name} of its own"))
    }
}

/// Resolves when somebody wants this process to end: Ctrl-C, or SIGTERM.
pub async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers a signal ends the process at once, and its children with it.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Makes the data repository, if it isn't there, and its products, those that aren't there; gives
/// what is to be said about books of before.
fn stock_the_shelves(repository: &std::path::Path) -> Result<Vec<String>> {
    ghettodb::init(repository).map_err(from_database)?;
    let mut database = open_database(&repository.display().to_string(), None)?;
    let message = ghettodb::Message {
        subject: "products: what the shop sells first".to_owned(),
        trailers: Vec::new(),
    };
    database
        .transact(&message, first_products)
        .map_err(|error| from_database(error.into()))?;
    state_the_rules(&mut database)
}

/// Writes those of the first products that aren't there.
pub(crate) fn first_products(transaction: &mut Transaction<'_>) -> Result<(), ghettodb::Error> {
    for (product, price) in PRODUCTS {
        let name = ghettodb::record_from(json!({ "product": product }))?;
        if transaction.find_one("products", &name)?.is_none() {
            let record = json!({ "product": product, "price": price, "currency": CURRENCY });
            transaction.insert("products", ghettodb::record_from(record)?)?;
        }
    }
    Ok(())
}

/// States which fields are unique, where the database says nothing of a table yet. Books of another
/// hand may break such a rule already; they are told of, and the store goes on without it.
fn state_the_rules(database: &mut Database) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for (table, field) in UNIQUE {
        let message = ghettodb::Message {
            subject: format!("{table}: each {field} stands once"),
            trailers: Vec::new(),
        };
        let stated = database.transact(&message, |transaction| {
            if transaction.get("_tables", table)?.is_none() {
                let settings = json!({ "_id": table, "unique": [field] });
                transaction.insert("_tables", ghettodb::record_from(settings)?)?;
            }
            Ok::<_, ghettodb::Error>(())
        });
        match stated.map_err(ghettodb::Error::from) {
            Ok(_) => {}
            Err(error @ ghettodb::Error::Settings { .. }) => warnings.push(format!(
                "{error}; until that is mended, nothing keeps table '{table}' from holding a {field} twice"
            )),
            Err(error) => return Err(from_database(error)),
        }
    }
    Ok(warnings)
}

fn broker(folder: &Folder, ports: Ports, records: Option<&std::path::Path>) -> Result<Program> {
    let mut program = Program::beside("broker", "broker ready: ", &folder.join("logs"))?
        .flag("--data", folder.join("broker"))
        .flag("--port", ports.gateway.to_string())
        .flag("--rest-port", ports.rest.to_string())
        .flag("--management-port", ports.management.to_string())
        .switch("--controlled-clock");
    if let Some(records) = records {
        program = program.flag("--records", records);
    }
    Ok(program)
}

fn dispatcher(
    folder: &Folder,
    port: u16,
    project: &Project,
    dispatching: &Dispatching,
    addresses: &Addresses,
    token: &str,
) -> Result<Program> {
    let mut program = Program::beside("dispatcher", "dispatcher ready on ", &folder.join("logs"))?
        .flag("--data", folder.join("dispatcher"))
        .flag("--port", port.to_string())
        .flag("--workflows", project.actions())
        .flag("--repository", REPOSITORY)
        .flag(
            "--watchdog-redispatch",
            dispatching.watchdog_redispatch.to_string(),
        )
        .env("BACKROOM_DISPATCH_TOKEN", token);
    if let Backend::Act(act) = &dispatching.backend {
        program = program.flag("--backend", "act");
        if let Some(act) = act {
            program = program.flag("--act", act);
        }
    }
    Ok(with_addresses(program, addresses))
}

fn http_worker(
    folder: &Folder,
    dispatcher_port: u16,
    addresses: &Addresses,
    token: &str,
) -> Result<Program> {
    let host = format!("127.0.0.1:{dispatcher_port}");
    let mut program = Program::beside("http-worker", "http-worker ready", &folder.join("logs"))?
        .flag("--allow-host", &host)
        .env("BACKROOM_SECRET_GitHubToken", token)
        .env("BACKROOM_SECRET_HOSTS_GitHubToken", host);
    if let Some(job_type) = &addresses.dispatch_job_type {
        program = program.flag("--type", job_type);
    }
    Ok(with_addresses(program, addresses))
}

fn with_addresses(program: Program, addresses: &Addresses) -> Program {
    let program = program
        .env("ZEEBE_ADDRESS", &addresses.gateway)
        .env("GHETTODB_REPO", &addresses.data_repository);
    match &addresses.rest {
        Some(rest) => program.env("ZEEBE_REST_ADDRESS", rest),
        None => program,
    }
}

/// Reads `broker ready: gRPC 127.0.0.1:1, REST http://127.0.0.1:2, management http://127.0.0.1:3`.
fn read_broker_addresses(line: &str, addresses: &mut Addresses) -> Result<Ports> {
    let part = |name: &str| -> Result<String> {
        let (_, rest) = line
            .split_once(name)
            .with_context(|| format!("the broker's ready line has no '{name}': {line}"))?;
        let end = rest.find([',', ' ']).unwrap_or(rest.len());
        Ok(rest[..end].to_owned())
    };
    addresses.gateway = part("gRPC ")?;
    let rest = part("REST ")?;
    let management = part("management ")?;
    let ports = Ports {
        gateway: port_of(&addresses.gateway)?,
        rest: port_of(&rest)?,
        management: port_of(&management)?,
        dispatcher: 0,
    };
    addresses.rest = Some(rest);
    addresses.management = Some(management);
    Ok(ports)
}

/// The URL in a ready line, with its port.
fn url_in(line: &str) -> Result<(String, u16)> {
    let mut words = line.split_whitespace();
    let url = words
        .find(|word| word.starts_with("http://"))
        .with_context(|| format!("no address in the ready line '{line}'"))?;
    Ok((url.to_owned(), port_of(url)?))
}

fn port_of(address: &str) -> Result<u16> {
    let port = address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    port.with_context(|| format!("no port in the address '{address}'"))
}

/// 244 random bits, as text that fits in a header.
fn new_token() -> String {
    format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_the_broker_serves() {
        let mut addresses = Addresses {
            pid: 0,
            gateway: String::new(),
            rest: None,
            management: None,
            dispatcher: String::new(),
            repository: String::new(),
            data_repository: String::new(),
            dispatch_job_type: None,
            token_file: PathBuf::new(),
        };
        let line = "broker ready: gRPC 127.0.0.1:1, REST http://127.0.0.1:2, management http://127.0.0.1:3";
        let ports = read_broker_addresses(line, &mut addresses).unwrap();
        assert_eq!((ports.gateway, ports.rest, ports.management), (1, 2, 3));
        assert_eq!(addresses.gateway, "127.0.0.1:1");
        assert_eq!(addresses.management.as_deref(), Some("http://127.0.0.1:3"));
        assert!(read_broker_addresses("broker ready: gRPC x", &mut addresses).is_err());
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        assert_eq!(new_token().len(), 64);
        assert_ne!(new_token(), new_token());
    }
    #[test]
    fn unique_fields_are_stated_and_older_books_that_break_them_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("origin.git");
        ghettodb::init(&path).unwrap();
        let mut database = open_database(&path.display().to_string(), None).unwrap();
        let insert = |database: &mut Database, table: &str, record: serde_json::Value| {
            let message = ghettodb::Message::default();
            let inserted = database.transact(&message, |transaction| {
                transaction.insert(table, ghettodb::record_from(record.clone())?)
            });
            inserted.map(drop).map_err(ghettodb::Error::from)
        };
        for id in ["a", "b"] {
            let twice = json!({ "_id": id, "email": "ada@example.com" });
            insert(&mut database, "customers", twice).unwrap();
        }
        stock_the_shelves(&path).unwrap();
        let warnings = stock_the_shelves(&path).unwrap();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("1 record breaks"), "{}", warnings[0]);
        let tables = database.snapshot().unwrap().all("_tables").unwrap();
        let stated: Vec<_> = tables.iter().map(|table| &table["_id"]).collect();
        assert_eq!(stated, ["products", "stock"]);
        let ale = json!({ "product": PRODUCTS[1].0 });
        let refused = insert(&mut database, "products", ale).unwrap_err();
        assert!(refused.to_string().contains("must be unique"), "{refused}");
    }
}
