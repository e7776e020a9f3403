//! `shop demo`: starts the store and tells its story with what really happens.
//!
//! Each step ends with checks against the data repository and the engine, never against what was
//! printed. A step that fails ends the story; one that the given gateway cannot play is skipped by name.

mod report;
mod scene;
mod steps;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use messaging::settings::Flags;
use shop::folder::Folder;
use shop::store::{Dispatching, Plan, Ports, Store, asked_to_end};

use self::report::{Report, Teller};
use super::up;
use crate::ui;

/// Tell the shop's story: orders fulfilled, refused, stuck and recovered
#[derive(clap::Args)]
pub(crate) struct Args {
    /// End after the story; exit code 0 only if all of it came true
    #[arg(long)]
    exit: bool,
}

pub(crate) async fn run(args: Args, folder: Folder, flags: &Flags, json: bool) -> Result<ExitCode> {
    let teller = Teller::new(json);
    teller.say("Backroom: a web shop's back room, orchestrated by BPMN.");
    teller.say("What follows really happens: real processes, a durable engine, a git repository.");
    let records = folder.join("records.jsonl");
    let plan = Plan {
        folder,
        ports: Ports::default(),
        gateway: up::elsewhere(flags)?,
        dispatching: Dispatching::default(),
        records: Some(records),
        workers: false,
    };
    let mut report = Report::new(teller);
    let opened = report
        .play("open", "The store opens", async |page| {
            let store = Store::start(plan).await?;
            let scene = steps::open(&store, flags, page).await?;
            Ok((store, scene))
        })
        .await;
    let Some((mut store, mut scene)) = opened else {
        return finish(&report, json);
    };
    // Ctrl-C in the middle of the story stops the children like at any other time.
    let interrupted = tokio::select! {
        () = steps::tell(&mut report, &mut store, &mut scene) => false,
        () = asked_to_end() => true,
    };
    if interrupted {
        store.stop().await?;
        bail!("the story was interrupted; the store is stopped");
    }
    let code = finish(&report, json);
    if !args.exit && report.is_ok() {
        let lines = up::addresses(&store);
        lines.iter().for_each(|line| teller.say(line));
        ui::note("the store stays up until Ctrl-C");
        let ended = store.keep_up(asked_to_end(), ui::note).await;
        ui::note("stopping the store");
        store.stop().await.context("the store did not stop")?;
        ended?;
    } else {
        store.stop().await.context("the store did not stop")?;
    }
    code
}

fn finish(report: &Report, json: bool) -> Result<ExitCode> {
    if json {
        ui::json(&report.json());
    }
    Ok(if report.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
