//! The binary of the inventory service: its table of operations in the three modes.

use std::process::ExitCode;

fn main() -> ExitCode {
    messaging::mode::main(&inventory::SERVICE)
}
