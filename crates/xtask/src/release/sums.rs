//! `sha256.sum`: the checksum of every file of a release, in the format of `sha256sum`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The file's name.
pub(crate) const NAME: &str = "sha256.sum";

/// File names with their checksums in hex.
pub(crate) type Sums = BTreeMap<String, String>;

/// The SHA-256 of bytes, in hex.
pub(crate) fn of(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes the sums of all that lies in the folder, but their own file.
pub(crate) fn write(folder: &Path) -> Result<Sums> {
    let mut sums = Sums::new();
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read '{}': run pack first", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| format!("'{}' is no UTF-8 name", path.display()))?;
        if name == NAME || !path.is_file() {
            continue;
        }
        if name.contains(char::is_whitespace) {
            bail!(
                "'{}': a file of a release has no blank in its name",
                path.display()
            );
        }
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
        sums.insert(name.to_owned(), of(&bytes));
    }
    let text: String = sums
        .iter()
        .map(|(name, sum)| format!("{sum}  {name}\n"))
        .collect();
    let path = folder.join(NAME);
    std::fs::write(&path, text).with_context(|| format!("cannot write '{}'", path.display()))?;
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_as_others_make_them_and_leave_themselves_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b"), "abc").unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        write(folder.path()).unwrap();
        let sums = write(folder.path()).unwrap();
        assert_eq!(sums.len(), 2);
        // The examples of FIPS 180-4: the empty text and "abc".
        assert_eq!(
            std::fs::read_to_string(folder.path().join(NAME)).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"
        );
    }

    #[test]
    fn a_name_with_a_blank_would_break_the_lines() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a b"), "").unwrap();
        assert!(write(folder.path()).is_err());
    }
}
