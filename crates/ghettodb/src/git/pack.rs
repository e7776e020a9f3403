//! Many contents at once: `git fast-import` takes them as a stream and leaves one pack, where writing
//! each as a file of its own would cost a file system's time for each.

use super::Objects;
use super::process::{git_command, read_all, spawn};
use crate::{Error, push};
use gix::ObjectId;
use std::io::{BufWriter, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::Receiver;

/// A pack that is being written; its contents can be read once it is finished.
pub(crate) struct PackWriter {
    child: Child,
    /// None once the stream is closed.
    stdin: Option<BufWriter<ChildStdin>>,
    stderr: Receiver<Vec<u8>>,
}

impl PackWriter {
    pub(super) fn new(objects: &Objects) -> Result<Self, Error> {
        let mut command = git_command();
        command
            .arg("--git-dir")
            .arg(objects.repo().path())
            // Files of their own are never wanted here, however few contents there are.
            .args(["-c", "fastimport.unpackLimit=1"])
            .args(["fast-import", "--quiet", "--done"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = spawn(command)?;
        Ok(PackWriter {
            stdin: child.stdin.take().map(BufWriter::new),
            stderr: read_all(child.stderr.take()),
            child,
        })
    }

    /// Adds a content; gives the id that it will have.
    pub(crate) fn blob(&mut self, content: &[u8]) -> Result<ObjectId, Error> {
        let sent = match &mut self.stdin {
            Some(stdin) => write!(stdin, "blob\ndata {}\n", content.len())
                .and_then(|()| stdin.write_all(content))
                .and_then(|()| stdin.write_all(b"\n")),
            None => Ok(()),
        };
        match sent {
            Ok(()) => {
                gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, content)
                    .map_err(Error::repository)
            }
            Err(error) => Err(self.failure(error.to_string())),
        }
    }

    /// Writes the pack.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if let Some(mut stdin) = self.stdin.take()
            && let Err(error) = stdin.write_all(b"done\n").and_then(|()| stdin.flush())
        {
            return Err(self.failure(error.to_string()));
        }
        let status = self
            .child
            .wait()
            .map_err(Error::io("cannot wait for git"))?;
        match status.success() {
            true => Ok(()),
            false => Err(self.failure(status.to_string())),
        }
    }

    /// What git says about its end, or else what was seen of it.
    fn failure(&mut self, seen: String) -> Error {
        self.stdin = None;
        self.child.wait().ok();
        let stderr = self.stderr.recv().unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr);
        Error::Git {
            command: "git fast-import".to_owned(),
            stderr: match stderr.trim().is_empty() {
                true => seen,
                false => push::plain(&stderr),
            },
        }
    }
}

impl Drop for PackWriter {
    /// What is not finished leaves nothing: git discards a stream that ends without its last word.
    fn drop(&mut self) {
        self.stdin = None;
        self.child.wait().ok();
    }
}
