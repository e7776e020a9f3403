//! A reader at two terminals: types what the page says, and looks.
//!
//! The folder is a git repository with the project's models and workflows, as a clone is. `shop up`
//! has a terminal of its own. What only looks is looked at again until it shows what it should, as a
//! reader would: the shop works on meanwhile.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::script::{INTERRUPT, Step};
use super::shapes::Shapes;
use crate::stage::program;

/// Where the page's author has the clone.
const SHOWN_ROOT: &str = "/src/backroom";
/// What a clone has that the programs look for.
const PARTS: [&str; 3] = ["workflows", ".github", ".actionspanel"];
/// How long what is shown may take to come true, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Commands that change nothing: they can be given again.
const LOOKS: [&str; 10] = [
    "shop orders",
    "shop status",
    "shop incidents",
    "shop audit",
    "shop buttons",
    "git ",
    "ghettodb findmany",
    "ghettodb history",
    "cat ",
    "ls ",
];

/// The reader.
pub(super) struct Play {
    root: TempDir,
    shapes: Shapes,
    /// The terminal of `shop up`.
    store: Option<Store>,
    commands: usize,
}

struct Store {
    child: Child,
    output: PathBuf,
    /// How many lines of the output were looked at.
    seen: usize,
}

impl Play {
    /// Sits down in a fresh clone.
    pub(super) fn open(project: &Path) -> Self {
        let root = tempfile::tempdir().unwrap();
        for part in PARTS {
            copy(&project.join(part), &root.path().join(part));
        }
        let play = Self {
            root,
            shapes: Shapes::new(),
            store: None,
            commands: 0,
        };
        for words in [
            "git init -q -b main",
            "git add .",
            "git -c user.name=a -c user.email=a@localhost commit -q -m clone",
        ] {
            let status = play.shell(words).status().unwrap();
            assert!(status.success(), "{words}");
        }
        play
    }

    /// Does a step; if something else is printed than is shown, gives that in the page's words.
    pub(super) fn step(&mut self, step: &Step) -> Result<(), Vec<String>> {
        if step.typed == INTERRUPT {
            return self.interrupt(step);
        }
        let command = self.shapes.typed(&step.typed);
        if command == "shop up" || command.starts_with("shop up ") {
            return self.start_store(step, &command);
        }
        let may_fail = step.shown.iter().any(|line| line.starts_with("error: "));
        let begun = Instant::now();
        loop {
            let (status, printed) = self.run(&command);
            let is_as_shown = self.shapes.fit(&step.shown, &printed);
            if is_as_shown && (status.success() || may_fail) {
                return Ok(());
            }
            let looks = LOOKS.iter().any(|look| command.starts_with(look));
            if !looks || begun.elapsed() > PATIENCE {
                return Err(self.in_the_page(&printed));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The reader is done: nothing of it is left running.
    pub(super) fn close(&mut self) {
        if let Some(store) = &mut self.store {
            store.stop();
        }
        self.store = None;
    }

    fn start_store(&mut self, step: &Step, command: &str) -> Result<(), Vec<String>> {
        assert!(self.store.is_none(), "{}: a store is up already", step.line);
        let (output, child) = self.spawn(&format!("exec {command}"));
        self.store = Some(Store {
            child,
            output,
            seen: 0,
        });
        self.watch(step, false)
    }

    fn interrupt(&mut self, step: &Step) -> Result<(), Vec<String>> {
        let store = self.store.as_mut().expect("a store is up");
        store.signal(Signal::INT);
        let result = self.watch(step, true);
        self.close();
        result
    }

    /// Looks at the store's terminal until it shows what it should, and has ended if it should.
    fn watch(&mut self, step: &Step, ends: bool) -> Result<(), Vec<String>> {
        let begun = Instant::now();
        loop {
            let store = self.store.as_mut().expect("a store is up");
            let has_ended = store.child.try_wait().unwrap().is_some();
            let output = store.output.clone();
            let seen = store.seen;
            let printed = self.printed(&output).split_off(seen);
            if has_ended == ends && self.shapes.fit(&step.shown, &printed) {
                let store = self.store.as_mut().expect("a store is up");
                store.seen += printed.len();
                return Ok(());
            }
            if begun.elapsed() > PATIENCE || (has_ended && !ends) {
                let store = self.store.as_mut().expect("a store is up");
                store.seen += printed.len();
                return Err(self.in_the_page(&printed));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn run(&mut self, command: &str) -> (ExitStatus, Vec<String>) {
        let (output, mut child) = self.spawn(command);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                signal(&child, Signal::KILL);
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        (status, self.printed(&output))
    }

    /// Starts a command whose two outputs are one, as on a terminal.
    fn spawn(&mut self, command: &str) -> (PathBuf, Child) {
        self.commands += 1;
        // Not among the reader's own files.
        let output = self
            .root
            .path()
            .join(format!(".git/printed-{}", self.commands));
        let file = File::create(&output).unwrap();
        let child = self
            .shell(command)
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap();
        (output, child)
    }

    fn shell(&self, command: &str) -> Command {
        let programs = shop::beside("shop").expect("the programs are built");
        let mut path = programs
            .parent()
            .expect("they lie in a folder")
            .as_os_str()
            .to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        // As `program` does it for one of ours: nothing of this machine's stores is named.
        for (name, _) in program("shop").get_envs() {
            shell.env_remove(name);
        }
        shell
            .args(["-c", command])
            .current_dir(self.root.path())
            .env("PATH", path)
            .env("BACKROOM_PROJECT", self.root.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C")
            .env_remove("RUST_BACKTRACE")
            .stdin(std::process::Stdio::null());
        shell
    }

    fn printed(&self, output: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(output).unwrap();
        let root = self.root.path().to_str().expect("a path in UTF-8");
        let text = text.replace(root, SHOWN_ROOT);
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    fn in_the_page(&self, printed: &[String]) -> Vec<String> {
        printed
            .iter()
            .map(|line| self.shapes.as_shown(line))
            .collect()
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store {
    fn signal(&self, which: Signal) {
        signal(&self.child, which);
    }

    /// Ends it as its terminal would, and its parts with it.
    fn stop(&mut self) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            let is_late = begun.elapsed() > PATIENCE;
            self.signal(if is_late { Signal::KILL } else { Signal::INT });
            std::thread::sleep(PAUSE);
        }
    }
}

/// Sends a signal to a child that was not waited for yet, and to all that it started itself.
fn signal(child: &Child, which: Signal) {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended in this very moment.
    let _sent = kill_process_group(id.expect("a child has an id"), which);
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}
