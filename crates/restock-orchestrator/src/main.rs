//! The binary that starts restocks: from a form, an event or flags to a started process.

use std::process::ExitCode;

fn main() -> ExitCode {
    restock_orchestrator::main()
}
