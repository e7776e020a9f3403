//! What changed in a version: its section of CHANGELOG.md, else the commits since the last tag.

use std::path::Path;

use anyhow::{Context, Result};

use crate::command;

/// The file's name beside the archives.
pub(crate) const NAME: &str = "release-notes.md";

/// The notes of a version, as Markdown.
pub(crate) fn notes(root: &Path, version: &str) -> Result<String> {
    let log =
        std::fs::read_to_string(root.join("CHANGELOG.md")).context("cannot read CHANGELOG.md")?;
    for heading in [version, "Unreleased"] {
        if let Some(section) = section(&log, heading) {
            return Ok(format!("{section}\n"));
        }
    }
    commits(root)
}

/// The text below `## [heading]`, until the next version; none if there is nothing in it.
fn section<'a>(log: &'a str, heading: &str) -> Option<&'a str> {
    let head = format!("\n## [{heading}]");
    let (_, rest) = log.split_once(&head)?;
    let (_, rest) = rest.split_once('\n')?;
    let text = rest.split("\n## [").next().unwrap_or(rest).trim();
    (!text.is_empty()).then_some(text)
}

/// The subjects of the commits since the last tag of a version before this commit, newest first.
fn commits(root: &Path) -> Result<String> {
    let tags = command::read(command::git(
        root,
        &[
            "tag",
            "--list",
            "v*",
            "--merged",
            "HEAD~1",
            "--sort=-version:refname",
        ],
    ))?;
    let mut args = vec!["log", "--no-merges", "--format=- %s"];
    let range = tags.lines().next().map(|tag| format!("{tag}..HEAD"));
    args.extend(range.as_deref());
    command::read(command::git(root, &args))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-24\n\n\
                       ### Added\n\n- Two.\n\n## [0.1.0] - 2026-01-01\n\n- One.\n";

    #[test]
    fn a_versions_section_ends_at_the_next() {
        assert_eq!(section(LOG, "0.2.0"), Some("### Added\n\n- Two."));
        assert_eq!(section(LOG, "0.1.0"), Some("- One."));
        assert_eq!(section(LOG, "Unreleased"), None);
        assert_eq!(section(LOG, "0.2"), None);
    }

    #[test]
    fn a_version_without_a_section_has_the_commits_since_the_last_tag() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let git = |args: &[&str]| command::read(command::git(root, args)).unwrap();
        git(&["init", "--quiet"]);
        git(&["config", "user.name", "n"]);
        git(&["config", "user.email", "n@localhost"]);
        std::fs::write(root.join("CHANGELOG.md"), "# Changelog\n").unwrap();
        let commit = |subject: &str| git(&["commit", "--quiet", "--allow-empty", "-m", subject]);
        commit("first");
        git(&["tag", "v0.9.0"]);
        commit("second");
        git(&["tag", "v0.10.0"]);
        commit("third");
        commit("fourth");
        git(&["tag", "v0.11.0"]);
        assert_eq!(notes(root, "0.11.0").unwrap(), "- fourth\n- third\n");
    }
}
