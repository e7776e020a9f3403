//! The only printer: results on standard output, everything else on standard error.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where the binary talks"
)]

use broker::Broker;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// One line of a result.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Says that the broker is ready, and where.
pub(crate) fn ready(broker: &Broker) {
    line(&format!(
        "broker ready: gRPC {}, REST http://{}, management http://{}",
        broker.gateway, broker.rest, broker.management
    ));
}

/// Says why the program ends.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Sends the log to standard error: life cycle and worse, or what `RUST_LOG` says.
pub(crate) fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
}
