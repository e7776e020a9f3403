//! The merge driver as git calls it, and its installation in a person's repository. How records are
//! merged is said above; here are files, git's configuration, and what happens when a file is broken.

use super::merge_records;
use crate::Error;
use crate::git::work_tree;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The line of `.gitattributes` that names the driver.
const ATTRIBUTES: &str = "db/**/*.json merge=ghettodb";

/// What the driver did with a file; git is told of a conflict by exit code 1, unless it is clean.
#[derive(Debug)]
pub enum MergeOutcome {
    /// The file is merged.
    Clean,
    /// The file is merged but for these fields, which stand between conflict markers.
    Conflicts(Vec<String>),
    /// A version is no record, as the error says: the file was merged as text, with conflict markers
    /// where that met any, and a person must look at it.
    AsText(Error),
}

/// Merges the three files that git gives a merge driver as `%O`, `%A` and `%B`; the result goes to
/// `ours`. `path` (`%P`) is what messages call the file.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read or written, [`Error::Git`] if the fall-back to a merge of
/// texts fails; `ours` is then as it was, and git keeps all three versions in its index.
pub fn merge_files(
    base: &Path,
    ours: &Path,
    theirs: &Path,
    path: &str,
) -> Result<MergeOutcome, Error> {
    let read = |file: &Path| {
        fs::read(file).map_err(Error::io(format!("cannot read {:?}", file.display())))
    };
    match merge_records(path, &read(base)?, &read(ours)?, &read(theirs)?) {
        Ok(merge) => {
            fs::write(ours, merge.text)
                .map_err(Error::io(format!("cannot write {:?}", ours.display())))?;
            Ok(match merge.conflicts.is_empty() {
                true => MergeOutcome::Clean,
                false => MergeOutcome::Conflicts(merge.conflicts),
            })
        }
        Err(error) => {
            work_tree::merge_as_text(base, ours, theirs)?;
            Ok(MergeOutcome::AsText(error))
        }
    }
}

/// What [`install_merge_driver`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverInstalled {
    /// The top folder of the work tree.
    pub work_tree: PathBuf,
    /// Whether the repository's configuration was changed.
    pub configured: bool,
    /// Whether a line was added to `.gitattributes`.
    pub attributed: bool,
}

/// Makes `program` the merge driver of the records in the repository around `folder`: its own
/// configuration (`merge.ghettodb.*`) and `.gitattributes`. What is there already stays as it is.
///
/// # Errors
/// [`Error::Git`] if `folder` is not in a work tree.
pub fn install_merge_driver(folder: &Path, program: &Path) -> Result<DriverInstalled, Error> {
    let top = work_tree::top(folder)?;
    let program = program.to_str().ok_or_else(|| {
        Error::Usage(format!(
            "the path {program:?} is not UTF-8, git cannot be told of it"
        ))
    })?;
    // The shell that git starts takes the path as one word.
    let quoted = format!("'{}'", program.replace('\'', r"'\''"));
    let driver = format!("{quoted} merge-driver %O %A %B --path %P");
    let mut configured = false;
    for (key, value) in [
        (
            "merge.ghettodb.name",
            "records of ghettodb, merged by field",
        ),
        ("merge.ghettodb.driver", driver.as_str()),
        // Where histories cross, git merges their bases first; conflict markers in the outcome would
        // be no record, so that one keeps a version as it is.
        ("merge.ghettodb.recursive", "binary"),
    ] {
        configured |= work_tree::configure(&top, key, value)?;
    }
    Ok(DriverInstalled {
        attributed: attribute(&top.join(".gitattributes"))?,
        work_tree: top,
        configured,
    })
}

/// Adds the line unless it is there; says whether it did.
fn attribute(file: &Path) -> Result<bool, Error> {
    let failed = || Error::io(format!("cannot write {:?}", file.display()));
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.map_err(Error::io(format!("cannot read {:?}", file.display())))?,
    };
    if text.lines().any(|line| line.trim() == ATTRIBUTES) {
        return Ok(false);
    }
    let gap = match text.is_empty() || text.ends_with('\n') {
        true => "",
        false => "\n",
    };
    let mut file_end = fs::File::options()
        .create(true)
        .append(true)
        .open(file)
        .map_err(failed())?;
    writeln!(file_end, "{gap}{ATTRIBUTES}").map_err(failed())?;
    Ok(true)
}
