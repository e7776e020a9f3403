//! The binary of the shipping service: its table of operations in the three modes.

use std::process::ExitCode;

fn main() -> ExitCode {
    messaging::mode::main(&shipping::SERVICE)
}
