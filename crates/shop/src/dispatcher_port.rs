//! The dispatcher's port, the same from start to start.
//!
//! An order carries the dispatcher's URL as a variable, and dispatches to it when it goes on: after a
//! restart of the store as well.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

use crate::folder::Folder;

/// Where it is kept, in the store's folder.
const FILE: &str = "dispatcher.port";

/// The port of the last time.
pub(crate) fn of_before(folder: &Folder) -> Option<u16> {
    let kept = std::fs::read_to_string(folder.join(FILE)).ok()?;
    kept.trim().parse().ok()
}

/// Keeps a port for the next time.
pub(crate) fn keep(folder: &Folder, port: u16) -> Result<()> {
    let path = folder.join(FILE);
    std::fs::write(&path, format!("{port}\n"))
        .with_context(|| format!("cannot write '{}'", path.display()))
}

/// The port to ask for: the one that somebody chose, else that of before where it is free, else any (0).
pub(crate) fn wanted(chosen: u16, before: Option<u16>) -> u16 {
    match chosen {
        0 => before.filter(|port| is_free(*port)).unwrap_or(0),
        chosen => chosen,
    }
}

/// What an operator should know if it is another one now.
pub(crate) fn moved(before: Option<u16>, now: u16) -> Option<String> {
    let before = before.filter(|before| *before != now)?;
    Some(format!(
        "warning: the dispatcher's port is {now}, and was {before}: an order of before that has to \
         dispatch yet gets an incident; start the store with --dispatcher-port {before} once that is free"
    ))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_before_is_wanted_again_where_it_is_free() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path()).unwrap();
        assert_eq!(of_before(&folder), None);
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        keep(&folder, port).unwrap();
        let before = of_before(&folder);
        assert_eq!(before, Some(port));
        assert_eq!((wanted(0, before), wanted(7, before)), (0, 7));
        drop(other);
        assert_eq!((wanted(0, before), wanted(0, None)), (port, 0));
    }

    #[test]
    fn another_port_is_told_with_what_it_does() {
        assert_eq!(moved(None, 1), None);
        assert_eq!(moved(Some(1), 1), None);
        let told = moved(Some(2), 1).unwrap();
        assert!(told.contains("is 1, and was 2") && told.contains("--dispatcher-port 2"));
    }
}
