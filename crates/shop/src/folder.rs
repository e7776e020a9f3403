//! The data folder: what lies where in it, who holds it, and where its secret is kept instead.
//!
//! ```text
//! DIR/origin.git   the data repository     DIR/broker      the engine's log
//! DIR/dispatcher   deliveries and runs     DIR/logs        what the processes wrote
//! DIR/shop.lock    held while a store runs DIR/shop.json   its addresses, for other commands
//! ```
//! The dispatch token is never in it: a backup or a bug report of the folder holds no secret.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// Where a store is kept if nobody says.
pub const DEFAULT: &str = "backroom-data";

/// A data folder, not necessarily in use.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// Where the parts of a running store are.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Addresses {
    /// Process id of the `shop` that runs it.
    pub pid: u32,
    /// gRPC gateway, `host:port`.
    pub gateway: String,
    /// REST API, a URL without `/v2`; a gateway from elsewhere may have none.
    pub rest: Option<String>,
    /// Management port, a URL; only of an engine of ours.
    pub management: Option<String>,
    /// The dispatcher, a URL.
    pub dispatcher: String,
    /// `owner/name` as dispatches name it.
    pub repository: String,
    /// The data repository, a path or URL.
    pub data_repository: String,
    /// Job type of the dispatch tasks, where it is not the connectors' own: a gateway from elsewhere
    /// may have connectors, which know nothing of this dispatcher.
    pub dispatch_job_type: Option<String>,
    /// The file with the dispatch token, outside of the data folder.
    pub token_file: PathBuf,
}

/// Proof that no other store uses the folder; given up when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Folder {
    /// Names a folder; nothing is touched.
    pub fn at(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root)
            .with_context(|| format!("cannot make sense of the path '{}'", root.display()))?;
        Ok(Self { root })
    }

    /// The folder itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A part of it.
    pub fn join(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    /// The bare data repository.
    pub fn repository(&self) -> PathBuf {
        self.join("origin.git")
    }

    /// Makes the folder if it isn't there, and holds it against other stores.
    pub fn hold(&self) -> Result<Lock> {
        let shown = self.root.display();
        std::fs::create_dir_all(self.join("logs"))
            .with_context(|| format!("cannot make the data folder '{shown}'"))?;
        let path = self.join("shop.lock");
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("cannot write in the data folder '{shown}'"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                drop(file.read_to_string(&mut holder));
                return Err(Failure::new(
                    Exit::Refused,
                    format!(
                        "the data folder '{shown}' is in use by another store (process {})",
                        holder.trim()
                    ),
                )
                .hint("stop that one, or choose another folder with --data")
                .into());
            }
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock '{}'", path.display()));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .with_context(|| format!("cannot write '{}'", path.display()))?;
        Ok(Lock { _file: file })
    }

    /// Writes the addresses of the store that runs here, whole or not at all.
    pub fn publish(&self, addresses: &Addresses) -> Result<()> {
        let path = self.join("shop.json");
        let beside = self.join("shop.json.tmp");
        let text = serde_json::to_string_pretty(addresses).context("addresses have a JSON form")?;
        std::fs::write(&beside, text + "\n")
            .and_then(|()| std::fs::rename(&beside, &path))
            .with_context(|| format!("cannot write '{}'", path.display()))
    }

    /// Takes the addresses away again: the store is down.
    pub fn withdraw(&self) {
        drop(std::fs::remove_file(self.join("shop.json")));
    }

    /// The addresses of the store that runs here, if one does.
    pub fn addresses(&self) -> Result<Option<Addresses>> {
        let path = self.join("shop.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read '{}'", path.display()));
            }
        };
        serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("'{}' is not what `shop up` writes", path.display()))
    }

    /// Keeps the token where only this user reads it, and returns the file.
    ///
    /// The folder is `$XDG_RUNTIME_DIR/backroom`, or `backroom-<user>` among the temporary files;
    /// it must be this user's own, and closed to everybody else.
    pub fn keep_token(&self, token: &str) -> Result<PathBuf> {
        let user = std::fs::metadata(&self.root)
            .with_context(|| format!("cannot look at '{}'", self.root.display()))?
            .uid();
        let folder = match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
            Some(runtime) if runtime.is_dir() => runtime.join("backroom"),
            _ => std::env::temp_dir().join(format!("backroom-{user}")),
        };
        let made = DirBuilder::new().mode(0o700).create(&folder);
        if let Err(error) = made
            && error.kind() != ErrorKind::AlreadyExists
        {
            return Err(error).with_context(|| format!("cannot make '{}'", folder.display()));
        }
        let found = folder
            .symlink_metadata()
            .with_context(|| format!("cannot look at '{}'", folder.display()))?;
        if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
            bail!(
                "'{}' is not a folder that only this user may enter: remove it",
                folder.display()
            );
        }
        // A process may hold several stores.
        static STORES: AtomicU32 = AtomicU32::new(0);
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("token-{}-{number}", std::process::id()));
        // A file from an earlier process of the same number may be left.
        drop(std::fs::remove_file(&path));
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(token.as_bytes()))
            .with_context(|| format!("cannot write '{}'", path.display()))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_store_is_refused_until_the_first_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(&root.path().join("new")).unwrap();
        let lock = folder.hold().unwrap();
        let refused = folder.hold().unwrap_err();
        let refused = refused.downcast_ref::<Failure>().unwrap();
        assert_eq!(refused.exit, Exit::Refused);
        let pid = format!("(process {})", std::process::id());
        assert!(refused.message.ends_with(&pid), "{refused}");
        drop(lock);
        folder.hold().unwrap();
    }

    #[test]
    fn the_token_lies_outside_and_is_closed_to_others() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path()).unwrap();
        let path = folder.keep_token("a-secret").unwrap();
        assert!(!path.starts_with(folder.root()));
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a-secret");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn addresses_come_back_as_they_were() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path()).unwrap();
        assert!(folder.addresses().unwrap().is_none());
        let addresses = Addresses {
            pid: 7,
            gateway: "127.0.0.1:1".to_owned(),
            rest: None,
            management: None,
            dispatcher: "http://127.0.0.1:2".to_owned(),
            repository: "o/r".to_owned(),
            data_repository: "d".to_owned(),
            dispatch_job_type: None,
            token_file: "t".into(),
        };
        folder.publish(&addresses).unwrap();
        let read = folder.addresses().unwrap().unwrap();
        assert_eq!(read.gateway, addresses.gateway);
        folder.withdraw();
        assert!(folder.addresses().unwrap().is_none());
    }
}
