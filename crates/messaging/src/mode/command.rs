//! The command line of a service, built from its table of operations.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::operation::{Operation, Service};
use crate::settings::Flags;

/// Jobs of one type that a worker runs at once, unless told otherwise.
const MAX_JOBS: u16 = 8;

/// Parses the process's arguments.
pub(super) fn parse(service: &'static Service) -> Result<ArgMatches, clap::Error> {
    build(service).try_get_matches()
}

/// The whole command line.
pub(super) fn build(service: &'static Service) -> Command {
    let action = Command::new("action")
        .about("Answers the repository dispatch in the file that GITHUB_EVENT_PATH names");
    let worker = Command::new("worker")
        .about("Serves the jobs of all operations until it is stopped")
        .arg(
            Arg::new("max-jobs")
                .long("max-jobs")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..))
                .help(format!("Jobs of one type at once [default: {MAX_JOBS}]")),
        );
    let run = Command::new("run")
        .about("Does one operation by hand and prints its result as JSON")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("OPERATION")
        .subcommand_help_heading("Operations")
        .subcommands(service.operations.iter().map(operation));
    Flags::augment_args(Command::new(service.name))
        .version(env!("CARGO_PKG_VERSION"))
        .about(service.about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([action, worker, run])
}

fn operation(operation: &'static Operation) -> Command {
    let fields = operation.fields.iter().map(|field| {
        Arg::new(field.name)
            .long(field.name.replace('_', "-"))
            .alias(field.name)
            .value_name("VALUE")
            .allow_negative_numbers(true)
            .conflicts_with("payload")
            .help(field.about)
    });
    Command::new(operation.event_type)
        .alias(operation.job_type())
        .about(operation.about)
        .args(fields)
        .arg(
            Arg::new("_id")
                .long("id")
                .value_name("ID")
                .conflicts_with("payload")
                .help("The order or restock that it belongs to [default: a new id]"),
        )
        .arg(
            Arg::new("payload")
                .long("payload")
                .value_name("FILE")
                .help("The whole payload as a JSON file; - is standard input"),
        )
}

/// The settings among the arguments, wherever they stood.
pub(super) fn flags(arguments: &ArgMatches) -> Flags {
    let innermost = arguments.subcommand().map_or(arguments, |(_, inner)| inner);
    Flags::from_arg_matches(innermost).expect("no setting is required")
}

/// Jobs of one type at once.
pub(super) fn max_jobs(arguments: &ArgMatches) -> usize {
    usize::from(*arguments.get_one::<u16>("max-jobs").unwrap_or(&MAX_JOBS))
}
