//! A file server on this machine that stands in for the place that a release is fetched from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use tiny_http::{Response, Server};

/// What happens to one file on its way, as networks and mirrors do it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Damage {
    /// One bit in the middle is another.
    Flipped,
    /// The last byte is missing, and the server says the shorter length.
    Truncated,
}

/// Serves the files of one folder until it is dropped.
pub(crate) struct FileServer {
    server: Arc<Server>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl FileServer {
    /// Starts on any free port of the loopback address.
    ///
    /// A file whose name `damage` holds comes damaged; all others as they are.
    pub(crate) fn start(folder: &Path, damage: Option<(&str, Damage)>) -> Result<Self> {
        let server = Server::http("127.0.0.1:0")
            .map_err(|error| anyhow!("cannot start a file server on this machine: {error}"))?;
        let address = server
            .server_addr()
            .to_ip()
            .context("the file server has no address")?;
        let server = Arc::new(server);
        let folder = folder.to_owned();
        let damage = damage.map(|(name, damage)| (name.to_owned(), damage));
        let served = Arc::clone(&server);
        let thread = std::thread::spawn(move || {
            for request in served.incoming_requests() {
                let response = match read(&folder, request.url(), damage.as_ref()) {
                    Some(bytes) => Response::from_data(bytes),
                    None => Response::from_data("not found").with_status_code(404),
                };
                // A client that went away has what it wanted.
                drop(request.respond(response));
            }
        });
        Ok(Self {
            server,
            address,
            thread: Some(thread),
        })
    }

    /// The URL of the folder.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// A file right in the folder, by its plain name.
fn read(folder: &Path, url: &str, damage: Option<&(String, Damage)>) -> Option<Vec<u8>> {
    let name = url.strip_prefix('/')?;
    let is_plain = !name.contains(['/', '\\', '%', '?']) && !name.starts_with('.');
    let path: PathBuf = is_plain.then(|| folder.join(name))?;
    let mut bytes = std::fs::read(path).ok()?;
    match damage {
        Some((damaged, Damage::Flipped)) if damaged == name => {
            let middle = bytes.len() / 2;
            *bytes.get_mut(middle)? ^= 1;
        }
        Some((damaged, Damage::Truncated)) if damaged == name => drop(bytes.pop()),
        _ => {}
    }
    Some(bytes)
}
