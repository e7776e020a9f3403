//! A commit without its push: one changed record in a table of many, by the library and by git's
//! plumbing without a work tree.

use crate::Bench;
use crate::report::{Report, progress};
use crate::repository::{Layout, Repository, TABLE, feed, id, output, record, text};
use crate::timing::{Pair, median, show, time};
use anyhow::{Context, Result};
use ghettodb::{Database, Error, Message, Options, record_from};
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// Commits a repeat and a contender.
const COMMITS: usize = 10;
const PLUMBING_AIM: f64 = 1.0 / 3.0;
const GROWTH_AIM: f64 = 2.0;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Settings {
    /// Sizes of the table.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    records: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            records: vec![1_000, 10_000, 100_000],
        }
    }
}

pub(crate) fn run(bench: &Bench, settings: &Settings) -> Result<Report> {
    let mut report = Report::new("commit: one record changed, without the push");
    for layout in Layout::ALL {
        let mut by_size: Vec<(usize, Vec<Duration>)> = Vec::new();
        for &records in &settings.records {
            let what = format!("{}, {records} records", layout.name());
            progress(&what);
            let pair = measure(bench, records, layout, &what, &mut report)?;
            let aim = (layout == Layout::FanOut && records == 10_000).then_some(PLUMBING_AIM);
            report.compare(what, &pair.ours, ("git's plumbing", &pair.baseline), aim);
            by_size.push((records, pair.ours));
        }
        if let [(least, small), .., (most, large)] = &by_size[..] {
            let aim = (layout == Layout::FanOut).then_some(GROWTH_AIM);
            let baseline = format!("ours at {least}");
            let what = format!("{}, growth to {most} records", layout.name());
            report.compare(what, large, (&baseline, small), aim);
        }
    }
    Ok(report)
}

fn measure(
    bench: &Bench,
    records: usize,
    layout: Layout,
    what: &str,
    report: &mut Report,
) -> Result<Pair> {
    let folder = tempfile::tempdir_in(bench.scratch.path())?;
    let repository = Repository::seeded(folder.path().join("origin.git"), records, layout)?;
    let theirs = repository.copy(folder.path().join("plumbing.git"))?;
    let plumbing = Plumbing {
        repository: &theirs,
        layout,
        index: folder.path().join("index"),
    };
    plumbing.read_tree()?;
    let mut database = Database::open(Options::new(repository.local()))?;
    let (mut pair, mut by_index, mut by_tree) = (Pair::default(), Vec::new(), Vec::new());
    let commits = bench.repeats * COMMITS;
    for round in 0..commits {
        let number = round * 7_919 % records;
        // Three contents that were never there before, so that each has as much to write.
        let change = |contender: usize| changed(number, records + 3 * round + contender);
        pair.ours
            .push(time(|| commit(&mut database, number, &change(0)))?.0);
        by_index.push(time(|| plumbing.by_index(number, &change(1)))?.0);
        by_tree.push(time(|| plumbing.by_tree(number, &change(2)))?.0);
        // The next commit by the index starts where the one by the trees ended.
        plumbing.update_index(number, &change(2))?;
    }
    report.note(format!(
        "{what}: plumbing by a kept index {}, by `ls-tree` and `mktree` along the path {}; the \
         better one counts",
        show(median(&by_index)),
        show(median(&by_tree)),
    ));
    pair.baseline = std::cmp::min_by_key(by_index, by_tree, |times| median(times));
    database.push_unpushed()?;
    let found = output(repository.git(&["rev-list", "--count", "main"]))?;
    report.claim(
        format!("{what}: all commits are there and sound (`git fsck --strict`)"),
        found.parse::<usize>()? == commits + 1 && repository.is_sound(),
    );
    Ok(pair)
}

/// A seeded record with another balance.
fn changed(number: usize, balance: usize) -> Value {
    let mut record = record(number);
    record["balance"] = balance.into();
    record
}

fn commit(database: &mut Database, number: usize, changed: &Value) -> Result<()> {
    let message = Message {
        subject: "change a balance".to_owned(),
        trailers: Vec::new(),
    };
    let fields = record_from(changed.clone())?;
    database
        .commit_unpushed(&message, |tx| tx.update(TABLE, &id(number), fields.clone()))
        .map_err(Error::from)?
        .commit
        .map(drop)
        .context("nothing was changed")
}

/// git's own way to a commit without a work tree.
struct Plumbing<'a> {
    repository: &'a Repository,
    layout: Layout,
    index: std::path::PathBuf,
}

impl Plumbing<'_> {
    fn run(&self, args: &[&str], input: &str) -> Result<String> {
        let mut command = self.repository.git(args);
        command.env("GIT_INDEX_FILE", &self.index);
        feed(command, input)
    }

    fn read_tree(&self) -> Result<()> {
        self.run(&["read-tree", "main"], "").map(drop)
    }

    fn hash(&self, changed: &Value) -> Result<String> {
        self.run(&["hash-object", "-w", "--stdin"], &text(changed)?)
    }

    fn update_index(&self, number: usize, changed: &Value) -> Result<()> {
        let blob = self.hash(changed)?;
        let entry = format!("100644,{blob},{}", self.layout.path(&id(number)));
        self.run(&["update-index", "--add", "--cacheinfo", &entry], "")
            .map(drop)
    }

    /// Through an index that is kept from commit to commit.
    fn by_index(&self, number: usize, changed: &Value) -> Result<()> {
        self.update_index(number, changed)?;
        let tree = self.run(&["write-tree"], "")?;
        self.commit(&tree)
    }

    /// Through the trees along the path alone.
    fn by_tree(&self, number: usize, changed: &Value) -> Result<()> {
        let path = self.layout.path(&id(number));
        let mut object = self.hash(changed)?;
        let mut kind = "100644 blob";
        let mut rest = path.as_str();
        while !rest.is_empty() {
            let (parent, name) = rest.rsplit_once('/').unwrap_or(("", rest));
            let listing = self.run(&["ls-tree", &format!("main:{parent}")], "")?;
            let mut tree = String::with_capacity(listing.len() + 100);
            for line in listing
                .lines()
                .filter(|line| !line.ends_with(&format!("\t{name}")))
            {
                tree.push_str(line);
                tree.push('\n');
            }
            writeln!(tree, "{kind} {object}\t{name}")?;
            object = self.run(&["mktree"], &tree)?;
            kind = "040000 tree";
            rest = parent;
        }
        self.commit(&object)
    }

    fn commit(&self, tree: &str) -> Result<()> {
        let commit = self.run(&["commit-tree", tree, "-p", "main", "-m", "change"], "")?;
        self.run(&["update-ref", "refs/heads/main", &commit], "")
            .map(drop)
    }
}
