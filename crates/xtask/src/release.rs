//! `cargo xtask release`: from a commit to archives that anybody can check and install.
//!
//! The steps are files: `plan` decides, `build` compiles, `pack` makes the archives with what
//! belongs into them (`sbom`, `licences`, `changelog`), `lock` writes down what was made, and
//! `verify` installs it as a user would. Nothing but cargo and git is needed, and the same commit
//! gives the same bytes: no clock, no name of a user, no order of a folder gets into them.

mod archive;
mod build;
mod changelog;
mod licences;
mod links;
mod lock;
mod order;
mod pack;
mod plan;
mod sbom;
mod server;
mod sums;
#[cfg(test)]
mod tests;
mod verify;

use std::path::Path;

use anyhow::Result;

pub(crate) use order::Order;
use order::Step;
use plan::Plan;

/// Carries one step out, or all that one machine can do alone.
pub(crate) fn run(root: &Path, order: &Order) -> Result<()> {
    let plan = Plan::make(root, order)?;
    let pack = || {
        let built = build::folder(root, &plan);
        let programs = order.bin_dir.as_deref().unwrap_or(&built);
        pack::run(root, &plan, programs, lock::on_github(&plan).as_deref())
    };
    match order.step {
        Step::Plan => plan.print(),
        Step::Build => build::run(root, &plan)?,
        Step::Pack => pack()?,
        Step::Lock => lock::run(root, &plan, order.source.as_deref())?,
        Step::Verify => verify::run(&plan)?,
        Step::All => {
            plan.print();
            build::run(root, &plan)?;
            pack()?;
            verify::run(&plan)?;
        }
    }
    Ok(())
}
