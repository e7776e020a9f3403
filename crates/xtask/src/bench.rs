//! `cargo xtask bench`: the figures of the README, measured on a release build on this machine.
//!
//! Everything runs as a user would run it: real processes, a durable log, real git. Nothing here
//! judges; the aims are printed beside the figures.

mod cyber_monday;
mod dispatch;
pub(crate) mod ghettodb;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{Process, wait_for_line};
use crate::{command, demo, ui};

/// Starts of the broker, and orders placed one after another: the median of an odd number.
const REPEATS: usize = 5;
/// Instances that the load client keeps going at once.
const IN_FLIGHT: [usize; 3] = [1, 16, 64];

/// Builds, measures, prints.
pub(crate) fn run(root: &Path, seconds: u64, orders: u32) -> Result<()> {
    let build = ["build", "--release", "--workspace", "--bins", "--examples"];
    command::run(command::cargo(root, &build))?;
    let scratch = Scratch::new()?;
    ui::line(&format!("machine: {}", machine()));
    start_and_memory(root, &scratch)?;
    one_order(root, &scratch)?;
    dispatch::run(root, |name| scratch.folder(name))?;
    cyber_monday::run(root, &scratch, orders)?;
    for in_flight in IN_FLIGHT {
        durable_rate(root, &scratch, in_flight, seconds)?;
    }
    Ok(())
}

fn start_and_memory(root: &Path, scratch: &Scratch) -> Result<()> {
    let mut starts = Vec::new();
    let mut memory = None;
    for round in 0..REPEATS {
        let begun = Instant::now();
        let broker = Broker::start(root, &scratch.folder(&format!("start-{round}")))?;
        starts.push(begun.elapsed());
        // Long enough for what a start leaves behind to be given back.
        std::thread::sleep(Duration::from_secs(1));
        memory = resident_kib(broker.process.0.id());
    }
    ui::line(&format!(
        "broker start to ready: {:.0} ms (median of {REPEATS}; aim: under 100 ms)",
        median(&mut starts).as_secs_f64() * 1e3
    ));
    match memory {
        Some(kib) => ui::line(&format!(
            "broker memory, idle: {:.1} MB (aim: under 30 MB)",
            kib as f64 / 1024.0
        )),
        None => ui::line("broker memory, idle: unknown here (neither /proc nor ps)"),
    }
    Ok(())
}

fn one_order(root: &Path, scratch: &Scratch) -> Result<()> {
    let (shop, _store) = Shop::open(root, scratch.folder("order"))?;
    shop.json(&["restock", "--stock-level", "100", "--wait"])?;
    for (variant, how) in [
        ("dispatch", "dispatches, a process each (aim: under 2 s)"),
        ("grpc", "gRPC workers"),
    ] {
        let time = one_order_by(&shop, variant)?;
        ui::line(&format!(
            "one order through all services, pushes included, by {how}: {:.2} s (median of {REPEATS})",
            time.as_secs_f64()
        ));
    }
    Ok(())
}

/// From the command to the order's outcome, through one of the two models.
fn one_order_by(shop: &Shop, variant: &str) -> Result<Duration> {
    let mut times = Vec::new();
    for round in 0..REPEATS {
        let email = format!("bench-{round}@example.com");
        let product = "Real-Life BPMN Book";
        let order = shop.json(&[
            "order",
            "--variant",
            variant,
            "--product",
            product,
            "--quantity",
            "1",
            "--customer-email",
            &email,
            "--customer-name",
            "Bench",
            "--customer-address",
            "1 Main Street",
            "--wait",
        ])?;
        if order["outcome"] != "fulfilled" {
            bail!("an order was not fulfilled: {order}");
        }
        let millis = order["duration_ms"].as_f64().context("no duration_ms")?;
        times.push(Duration::from_secs_f64(millis / 1e3));
    }
    Ok(median(&mut times))
}

fn durable_rate(root: &Path, scratch: &Scratch, in_flight: usize, seconds: u64) -> Result<()> {
    let broker = Broker::start(root, &scratch.folder(&format!("load-{in_flight}")))?;
    let client = demo::binary(root, "release/examples", "load")?;
    let mut load = Command::new(client);
    load.args(["--address", &broker.grpc])
        .args(["--inflight", &in_flight.to_string()])
        .args(["--seconds", &seconds.to_string()]);
    let figures = command::read(load)?;
    ui::line(figures.trim());
    Ok(())
}

/// A broker on a data folder of its own.
struct Broker {
    process: Process,
    grpc: String,
}

impl Broker {
    fn start(root: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(demo::binary(root, "release", "broker")?);
        command.arg("--data").arg(data);
        for port in ["--port", "--rest-port", "--management-port"] {
            command.args([port, "0"]);
        }
        let child = command.stdout(Stdio::piped()).spawn();
        let mut process = Process(child.context("cannot start the broker")?);
        let line = wait_for_line(&mut process.0, "broker ready: gRPC ")?;
        let address = line.split([' ', ',']).nth(3);
        let grpc = address.context("no address in the ready line")?.to_owned();
        Ok(Self { process, grpc })
    }
}

/// A store that is up, and the commands that talk to it.
struct Shop {
    program: PathBuf,
    data: PathBuf,
}

impl Shop {
    /// Starts a store with its workers, which ends when the process is dropped.
    fn open(root: &Path, data: PathBuf) -> Result<(Self, Process)> {
        let program = demo::binary(root, "release", "shop")?;
        let shop = Self { program, data };
        let mut up = shop.command(&["up", "--workers"]);
        let mut store = Process(up.stdout(Stdio::piped()).spawn().context("no store")?);
        wait_for_line(&mut store.0, "the store is up")?;
        Ok((shop, store))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).arg("--data").arg(&self.data);
        command
    }

    fn json(&self, args: &[&str]) -> Result<Value> {
        let mut command = self.command(args);
        command.arg("--json");
        let text = command::read(command)?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }
}

/// A folder that goes when the measurements are done.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("backroom-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make '{}'", path.display()))?;
        Ok(Self(path))
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Resident memory, from Linux's /proc or from `ps`.
fn resident_kib(process: u32) -> Option<u64> {
    if let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) {
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        return line.split_whitespace().nth(1)?.parse().ok();
    }
    let id = process.to_string();
    let output = Command::new("ps").args(["-o", "rss=", "-p", &id]).output();
    String::from_utf8(output.ok()?.stdout)
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Cores and model of the processor, as far as the system says.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(": ")?.1.to_owned())
        });
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{cores} cores, {model}, {}", std::env::consts::OS)
}
