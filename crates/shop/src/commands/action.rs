//! `shop action`: a step of a workflow, for the forms that no service answers. The form's values come
//! from the file that `GITHUB_EVENT_PATH` names; what was done stands in the summary of the run.

mod deploy_models;
mod reset_db;
mod status;

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use messaging::mode;
use messaging::settings::Flags;
use messaging::start::Inputs;
use messaging::ui as log;
use shop::failure::{Exit, Failure};
use shop::folder::Folder;
use shop::session::Session;

/// Be a step of a workflow: the form's values come from GITHUB_EVENT_PATH
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which form
    #[arg(value_enum, value_name = "FORM")]
    form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// deploy-models.yml: deploys all models or one
    DeployModels,
    /// reset-db.yml: empties the database
    ResetDb,
    /// status.yml: incidents and orders
    Status,
}

/// What was done, for the notice and the summary.
struct Done {
    line: String,
    markdown: String,
}

pub(crate) async fn run(args: Args, folder: Folder, flags: &Flags) -> ExitCode {
    log::mask();
    log::hold_commands();
    let title = match args.form {
        Form::DeployModels => "deploy models",
        Form::ResetDb => "reset database",
        Form::Status => "status",
    };
    let exit = match act(args.form, folder, flags).await {
        Ok(done) => {
            log::done(title, &done.line, &done.markdown);
            messaging::Exit::Done
        }
        Err(error) => {
            let failure = error.downcast_ref::<Failure>();
            let exit = failure.map_or(messaging::Exit::Fault, |failure| of_run(failure.exit));
            let hint = failure.and_then(|failure| failure.hint.as_deref());
            log::fail(title, exit, &format!("{error:#}"), hint);
            exit
        }
    };
    log::end();
    exit.into()
}

async fn act(form: Form, folder: Folder, flags: &Flags) -> Result<Done> {
    let session = Session::of_step(folder, flags)?;
    match form {
        Form::DeployModels => deploy_models::run(&inputs(&["model"])?, &session).await,
        Form::ResetDb => reset_db::run(&inputs(&["scope", "confirm"])?, &session),
        Form::Status => status::run(&inputs(&["show", "limit"])?, &session).await,
    }
}

fn inputs(known: &[&str]) -> Result<Inputs> {
    Inputs::from_event(known).map_err(from_mode)
}

/// An error of what all steps share, with its exit code and hint.
fn from_mode(error: mode::Failure) -> anyhow::Error {
    let exit = match error.exit() {
        messaging::Exit::Usage => Exit::Usage,
        messaging::Exit::Refused => Exit::Refused,
        messaging::Exit::GatewayUnreachable => Exit::Unreachable,
        messaging::Exit::Done
        | messaging::Exit::Fault
        | messaging::Exit::PushDeadline
        | messaging::Exit::PushRefused => Exit::Fault,
    };
    let failure = Failure::new(exit, error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint).into(),
        None => failure.into(),
    }
}

fn of_run(exit: Exit) -> messaging::Exit {
    match exit {
        Exit::Fault => messaging::Exit::Fault,
        Exit::Usage => messaging::Exit::Usage,
        Exit::Refused => messaging::Exit::Refused,
        Exit::Unreachable => messaging::Exit::GatewayUnreachable,
    }
}
