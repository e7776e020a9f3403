//! `cargo xtask release`: from a commit to archives that anybody can check and install.
//!
//! The steps are files: `plan` decides, `build` compiles, `pack` makes the archives with what
//! belongs into them (`sbom`, `licences`, `changelog`), `lock` writes down what was made, and
//! `verify` installs it as a user would. Nothing but cargo and git is needed, and the same commit
//! gives the same bytes: no clock, no name of a user, no order of a folder gets into them.

mod build;
mod order;
mod plan;

use std::path::Path;

use anyhow::Result;

pub(crate) use order::Order;
use order::Step;
use plan::Plan;

/// Carries one step out, or all that one machine can do alone.
pub(crate) fn run(root: &Path, order: &Order) -> Result<()> {
    let plan = Plan::make(root, order)?;
    match order.step {
        Step::Plan => plan.print(),
        Step::Build => build::run(root, &plan)?,
        Step::Pack | Step::Lock | Step::Verify | Step::All => anyhow::bail!("not yet"),
    }
    Ok(())
}
