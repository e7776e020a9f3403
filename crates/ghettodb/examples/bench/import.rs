//! Many records in one commit, from a file: ours against `git fast-import`, which gets the same files
//! ready made.

use crate::Bench;
use crate::report::Report;
use crate::repository::{Layout, Repository, TABLE, fast_import_stream, isolate, output, record};
use crate::timing::Pair;
use anyhow::Result;
use std::process::Command;

const RECORDS: usize = 10_000;
const AIM: f64 = 2.0;

pub(crate) fn run(bench: &Bench) -> Result<Report> {
    let mut report = Report::new(format!("import: {RECORDS} records in one commit"));
    for layout in Layout::ALL {
        let folder = tempfile::tempdir_in(bench.scratch.path())?;
        let lines: String = (0..RECORDS)
            .map(|number| format!("{}\n", record(number)))
            .collect();
        let file = folder.path().join("records.ndjson");
        std::fs::write(&file, lines)?;
        let stream = fast_import_stream(RECORDS, layout);
        // Made beforehand, with no record but the settings.
        let repositories = |whose: &str| -> Result<Vec<Repository>> {
            (0..bench.repeats)
                .map(|round| {
                    let path = folder.path().join(format!("{whose}-{round}.git"));
                    Repository::seeded(path, 0, layout)
                })
                .collect()
        };
        let (ours, theirs) = (repositories("ours")?, repositories("theirs")?);
        let pair = Pair::measure(
            bench.repeats,
            |round| {
                let mut command = Command::new(&bench.program);
                isolate(&mut command);
                command
                    .args(["import", "--repo", &ours[round].local()])
                    .args(["--table", TABLE, "--format", "ndjson", "--file"])
                    .arg(&file);
                output(command).map(drop)
            },
            |round| theirs[round].fast_import(&stream),
        )?;
        report.compare(
            layout.name(),
            &pair.ours,
            ("git fast-import", &pair.baseline),
            Some(AIM),
        );
        let mut is_whole = true;
        for repository in &ours {
            let files = output(repository.git(&["ls-tree", "-r", "--name-only", "main"]))?;
            let records = files.lines().filter(|file| file.starts_with("db/records/"));
            let commits = output(repository.git(&["rev-list", "--count", "main"]))?;
            is_whole &= records.count() == RECORDS && commits == "2" && repository.is_sound();
        }
        report.claim(
            format!(
                "{}: {RECORDS} records in one commit, `git fsck --strict` clean",
                layout.name()
            ),
            is_whole,
        );
    }
    Ok(report)
}
