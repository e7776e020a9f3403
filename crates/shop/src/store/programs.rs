//! The programs of a store: what each is told, and what it says of itself when it is ready.

use anyhow::{Context, Result};

use super::plan::{Backend, Dispatching, Ports};
use crate::child::Program;
use crate::folder::{Addresses, Folder};
use crate::project::Project;

/// The repository's name in dispatches: of no account locally, but GitHub's endpoint has one.
pub(super) const REPOSITORY: &str = "backroom/shop";

pub(super) fn broker(
    folder: &Folder,
    ports: Ports,
    records: Option<&std::path::Path>,
) -> Result<Program> {
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

pub(super) fn dispatcher(
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

pub(super) fn http_worker(
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

pub(super) fn with_addresses(program: Program, addresses: &Addresses) -> Program {
    let program = program
        .env("ZEEBE_ADDRESS", &addresses.gateway)
        .env("GHETTODB_REPO", &addresses.data_repository);
    match &addresses.rest {
        Some(rest) => program.env("ZEEBE_REST_ADDRESS", rest),
        None => program,
    }
}

/// Reads `broker ready: gRPC 127.0.0.1:1, REST http://127.0.0.1:2, management http://127.0.0.1:3`.
pub(super) fn read_broker_addresses(line: &str, addresses: &mut Addresses) -> Result<Ports> {
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
pub(super) fn url_in(line: &str) -> Result<(String, u16)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

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
}
