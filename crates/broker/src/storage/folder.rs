//! Files in a folder of the operating system.

use super::{File, Storage};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A folder. Whoever opens it must hold its lock; see [`crate::data_folder`].
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Takes the folder at `path`, making it if it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let folder = Self {
            path: path.to_owned(),
        };
        for name in folder.list()? {
            // What a crash left half written was never used by anyone.
            if name.ends_with(TEMPORARY) {
                fs::remove_file(path.join(name))?;
            }
        }
        Ok(folder)
    }

    /// A file's name is on disk only once its folder is.
    fn sync_names(&self) -> io::Result<()> {
        fs::File::open(&self.path)?.sync_all()
    }

    fn write_temporary(
        &self,
        name: &str,
        fill: impl FnOnce(&mut fs::File) -> io::Result<()>,
    ) -> io::Result<()> {
        let temporary = self.path.join(format!("{name}{TEMPORARY}"));
        let mut file = fs::File::create(&temporary)?;
        fill(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, self.path.join(name))?;
        self.sync_names()
    }
}

/// The ending of a file that is not whole yet.
const TEMPORARY: &str = ".tmp";

impl Storage for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        let file = fs::File::options()
            .read(true)
            .write(true)
            .open(self.path.join(name))?;
        Ok(Box::new(file))
    }

    fn create_zeroed(&self, name: &str, len: u64) -> io::Result<()> {
        self.write_temporary(name, |file| {
            let zeros = [0; 64 * 1024];
            let mut left = len;
            while left > 0 {
                let n = left.min(zeros.len() as u64);
                file.write_all(&zeros[..n as usize])?;
                left -= n;
            }
            Ok(())
        })
    }

    fn write_whole(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.write_temporary(name, |file| {
            parts.iter().try_for_each(|part| file.write_all(part))
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))?;
        self.sync_names()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn path_of(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

impl File for fs::File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
