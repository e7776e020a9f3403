//! One write by a process that knows nothing of the repository yet, as a job on a runner makes it:
//! ours without a checkout, against git with one.

use crate::Bench;
use crate::report::Report;
use crate::repository::{Layout, Repository, TABLE, git, id, isolate, output, record, text};
use crate::timing::Pair;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

const RECORDS: usize = 10_000;
const AIM: f64 = 0.1;

pub(crate) fn run(bench: &Bench) -> Result<Report> {
    let mut report = Report::new(format!("oneshot: one write on {RECORDS} records, file://"));
    for layout in Layout::ALL {
        let folder = tempfile::tempdir_in(bench.scratch.path())?;
        let path = folder.path().join("origin.git");
        let repository = Repository::seeded(path, RECORDS, layout)?;
        let write = |number: usize| {
            let mut command = Command::new(&bench.program);
            isolate(&mut command);
            command.args(["upsert", "--repo", &repository.url()]).args([
                "--table",
                TABLE,
                "--record",
                &record(number).to_string(),
            ]);
            output(command).map(drop)
        };
        // The contender gets a repository of its own, so that neither works on what the other left: a
        // database in use was last written by its own program.
        let theirs = repository.copy(folder.path().join("theirs.git"))?;
        write(RECORDS)?;
        let first = RECORDS + 1;
        let pair = Pair::measure(
            bench.repeats,
            |round| write(first + round),
            |round| {
                let clone = folder.path().join(format!("clone-{round}"));
                by_checkout(&theirs, layout, &clone, first + round)
            },
        )?;
        report.compare(
            layout.name(),
            &pair.ours,
            ("clone --depth 1, add, commit, push", &pair.baseline),
            Some(AIM),
        );
        let mut all_there = true;
        for (repository, before) in [(&repository, 2), (&theirs, 1)] {
            let commits = output(repository.git(&["rev-list", "--count", "main"]))?;
            let commits: usize = commits.parse()?;
            all_there &= commits == before + bench.repeats && repository.is_sound();
        }
        report.claim(
            format!(
                "{}: each write is there, `git fsck --strict` clean",
                layout.name()
            ),
            all_there,
        );
    }
    Ok(report)
}

fn by_checkout(repository: &Repository, layout: Layout, clone: &Path, number: usize) -> Result<()> {
    let mut command = git(&["clone", "--quiet", "--depth", "1", &repository.url()]);
    command.arg(clone);
    output(command)?;
    let path = layout.path(&id(number));
    let file = clone.join(&path);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&file, text(&record(number))?)?;
    let in_clone = |args: &[&str]| {
        let mut command = git(&["-C"]);
        command.arg(clone).args(args);
        output(command)
    };
    in_clone(&["add", &path])?;
    in_clone(&["commit", "--quiet", "-m", "write"])?;
    in_clone(&["push", "--quiet", "origin", "main"])?;
    Ok(())
}
