//! Programs that run beside a chore: waited for until they say that they are ready, and ended with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command};

use anyhow::{Context, Result, bail};

/// A child that doesn't outlive its use: asked to end first, so that its own children do.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            drop(self.0.kill());
        }
        drop(self.0.wait());
    }
}

/// What a child prints.
pub(crate) type Lines = std::io::Lines<BufReader<ChildStdout>>;

/// The lines of a child whose standard output is piped.
pub(crate) fn lines(child: &mut Child) -> Result<Lines> {
    let output = child
        .stdout
        .take()
        .context("standard output is not piped")?;
    Ok(BufReader::new(output).lines())
}

/// The first line that starts with `start`; what follows is read and thrown away, so that the
/// child never waits for a reader.
pub(crate) fn wait_for_line(child: &mut Child, start: &str) -> Result<String> {
    let mut lines = lines(child)?;
    for line in lines.by_ref() {
        let line = line.context("cannot read what the program prints")?;
        if line.starts_with(start) {
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(line);
        }
    }
    bail!("a program ended before it printed '{start}'")
}
