//! The release's files and its shell scripts together, with small programs in place of the real.

mod install;
mod packed;
mod setup;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::order::Order;
use super::pack;
use super::plan::Plan;

/// The plan of this workspace, with the archives in a folder of their own.
fn plan(out: &Path) -> Plan {
    let words = [
        "pack".to_owned(),
        "--out".to_owned(),
        out.display().to_string(),
    ];
    Plan::make(&root(), &Order::parse(&words).unwrap()).unwrap()
}

fn root() -> PathBuf {
    crate::project_root().unwrap()
}

/// Programs that do nothing but say who they are, in `folder`, for each service of the plan.
fn make_programs(plan: &Plan, folder: &Path) {
    for service in &plan.services {
        let path = folder.join(plan.target.program(&service.name));
        let text = format!(
            "#!/bin/sh\necho '{} {} ({} {})'\n",
            service.name, plan.version, plan.commit.name, plan.target.triple
        );
        std::fs::write(&path, text).unwrap();
        make_executable(&path);
    }
}

fn make_executable(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A release of such programs in `out`.
fn release(out: &Path) -> Plan {
    let plan = plan(out);
    let programs = tempfile::tempdir().unwrap();
    make_programs(&plan, programs.path());
    pack::run(&root(), &plan, programs.path(), None).unwrap();
    plan
}
