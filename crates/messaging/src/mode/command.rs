//! The command line of a service, built from its table of operations.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::operation::{Operation, Service};
use crate::settings::Flags;

/// Jobs of one type that a worker runs at once, unless told otherwise: they share commits, so many
/// cost little more than one.
const MAX_JOBS: u16 = 64;

/// Parses the process's arguments.
pub(super) fn parse(service: &'static Service) -> Result<ArgMatches, clap::Error> {
    build(service).try_get_matches()
}

/// The whole command line.
pub(super) fn build(service: &'static Service) -> Command {
    let action = Command::new("action").about(
        "Answers the repository dispatch or the form in the file that GITHUB_EVENT_PATH names",
    );
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
        .version(build_info::VERSION)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Field, Kind, Prepared};

    const ECHO: Service = Service {
        name: "echo",
        about: "Says what it hears",
        operations: &[Operation {
            event_type: "say_it",
            about: "Says it",
            fields: &[
                Field {
                    name: "what_to_say",
                    kind: Kind::Text,
                    about: "The words",
                },
                Field {
                    name: "times",
                    kind: Kind::Number,
                    about: "How often",
                },
            ],
            result_message: None,
            business_error: None,
            prepare: |_| Ok(Prepared::read("echo", |_| Ok(Default::default()))),
        }],
    };

    fn parsed(arguments: &[&str]) -> Result<ArgMatches, clap::Error> {
        build(&ECHO).try_get_matches_from([&["echo"], arguments].concat())
    }

    #[test]
    fn the_table_becomes_a_sound_command_line() {
        build(&ECHO).debug_assert();
        let matches = parsed(&["run", "say-it", "--what-to-say", "--", "--times=-1"]).is_err();
        assert!(matches, "a value is never taken for a flag");
        let matches = parsed(&["run", "say_it", "--what_to_say=x", "--times", "-1"]).unwrap();
        let (_, run) = matches.subcommand().unwrap();
        let (name, operation) = run.subcommand().unwrap();
        assert_eq!(name, "say_it");
        assert_eq!(operation.get_one::<String>("times").unwrap(), "-1");
    }

    #[test]
    fn a_payload_is_a_file_or_flags() {
        assert!(parsed(&["run", "say_it", "--payload", "f", "--times", "1"]).is_err());
        assert!(parsed(&["run"]).is_err() && parsed(&[]).is_err());
        assert!(parsed(&["worker", "--max-jobs", "0"]).is_err());
    }

    #[test]
    fn settings_may_stand_anywhere() {
        for arguments in [
            ["--zeebe-address", "h:1", "worker"],
            ["worker", "--zeebe-address", "h:1"],
        ] {
            let matches = parsed(&arguments).unwrap();
            let (_, mode) = matches.subcommand().unwrap();
            assert_eq!(flags(mode).zeebe_address.as_deref(), Some("h:1"));
        }
        let matches = parsed(&["run", "--ghettodb-branch", "b", "say_it"]).unwrap();
        let (_, mode) = matches.subcommand().unwrap();
        assert_eq!(flags(mode).ghettodb_branch.as_deref(), Some("b"));
    }
}
