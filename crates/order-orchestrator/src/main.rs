//! The binary that places orders: from a form, an event or flags to a started process.

use std::process::ExitCode;

fn main() -> ExitCode {
    order_orchestrator::main()
}
