//! The whole store as processes: broker, dispatcher, HTTP worker, and the services as workers where
//! they are wanted; the data repository they share.
//!
//! The dispatch token is made here, for this one start, and handed to the two that need it by
//! environment. For a dispatch, a service is the dispatcher's child, one process each.

mod plan;
mod programs;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use messaging::Secret;
use tokio::task::JoinSet;

use crate::books::stock_the_shelves;
use crate::child::{Child, Program};
use crate::dispatcher_port;
use crate::dispatches::Dispatches;
use crate::folder::{Addresses, Folder, Lock};
use crate::project::Project;
pub use plan::{Backend, Dispatching, Plan, Ports};
use programs::{
    REPOSITORY, broker, dispatcher, http_worker, read_broker_addresses, url_in, with_addresses,
};

/// Job type of dispatch tasks on a gateway from elsewhere: no connectors of its own serve it.
const OWN_JOB_TYPE: &str = "backroom:http-json:1";
/// The services that an order needs, with the words that each begins with when it serves jobs.
const SERVICES: [(&str, &str); 4] = [
    ("customers", "customers ready"),
    ("inventory", "inventory ready"),
    ("payment", "payment ready"),
    ("shipping", "shipping ready"),
];
/// A process that dies more often than this within `RESTART_WINDOW` is not started again.
const RESTARTS_MAX: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);

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
    fn tokens_are_long_and_never_the_same() {
        assert_eq!(new_token().len(), 64);
        assert_ne!(new_token(), new_token());
    }
}
