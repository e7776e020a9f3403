//! The form of `reset-db.yml`: empties the database, once it is clear that this is meant.

use anyhow::Result;
use messaging::actions::code;
use messaging::mode::{Failure as ModeFailure, database_exit};
use messaging::payload::Refusal;
use messaging::repository;
use messaging::start::Inputs;
use shop::failure::{Exit, Failure};
use shop::reset::{Scope, reset};
use shop::session::Session;

use super::{Done, from_mode};

pub(super) fn run(inputs: &Inputs, session: &Session) -> Result<Done> {
    let scope = checked(inputs, session.settings.github_repository.as_deref())?;
    let mut database = repository::open(&session.settings, "shop")
        .map_err(|error| from_mode(ModeFailure::Repository(error)))?;
    let message = ghettodb::Message {
        subject: match scope {
            Scope::Orders => "shop: empty all tables but the products".to_owned(),
            Scope::Everything => "shop: start over with the first products".to_owned(),
        },
        trailers: Vec::new(),
    };
    let committed = database
        .transact(&message, |transaction| reset(transaction, scope))
        .map_err(ghettodb::Error::from)
        .map_err(|error| {
            let exit = match database_exit(&error) {
                messaging::Exit::Refused => Exit::Refused,
                _ => Exit::Fault,
            };
            let failure = Failure::new(exit, error.to_string());
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
    let records: usize = committed.value.iter().map(|(_, count)| count).sum();
    let mut lines: Vec<_> = committed
        .value
        .iter()
        .map(|(table, count)| format!("- {}: records: {count}", code(table)))
        .collect();
    lines.push(match &committed.commit {
        Some(commit) => format!(
            "\nCommit {} on branch {}. A table can be taken back: {}",
            code(commit.get(..8).unwrap_or(commit)),
            code(database.branch()),
            code(&format!("ghettodb restore --table NAME --at {commit}~1"))
        ),
        None => "\nThere was nothing to empty.".to_owned(),
    });
    lines.push(
        "\nOrders that were under way fail at their next task: cancel them in the engine."
            .to_owned(),
    );
    Ok(Done {
        line: format!(
            "{} tables emptied, {records} records",
            committed.value.len()
        ),
        markdown: lines.join("\n"),
    })
}

/// How much is to go, if the form shows that it is meant.
fn checked(inputs: &Inputs, repository: Option<&str>) -> Result<Scope> {
    let refused = |refusal: Refusal| Failure::new(Exit::Refused, refusal.to_string());
    let Some(repository) = repository else {
        return Err(Failure::new(Exit::Usage, "GITHUB_REPOSITORY is not set")
            .hint("a runner sets it; the form's 'confirm' is compared with it")
            .into());
    };
    let scope = Scope::named(inputs.get("scope").unwrap_or_default()).ok_or_else(|| {
        refused(Refusal::field(
            "scope",
            "orders or everything",
            "another text",
        ))
    })?;
    if inputs.get("confirm").map(str::trim) != Some(repository) {
        let rule = format!("this repository's name, {repository}");
        let failure = refused(Refusal::field("confirm", rule, "another text"));
        return Err(failure
            .hint("nothing was emptied; type that name into 'confirm' if it is meant")
            .into());
    }
    Ok(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scope: &str, confirm: &str, repository: Option<&str>) -> Result<Scope, String> {
        let values = [("scope", scope), ("confirm", confirm)];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        checked(&Inputs::new(values).unwrap(), repository).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_goes_unless_it_is_meant() {
        let here = Some("o/r");
        assert_eq!(check("orders", "o/r", here), Ok(Scope::Orders));
        assert_eq!(check("everything", " o/r ", here), Ok(Scope::Everything));
        for (scope, confirm, repository, words) in [
            (
                "orders",
                "",
                here,
                "'confirm' must be this repository's name, o/r",
            ),
            (
                "orders",
                "yes",
                here,
                "'confirm' must be this repository's name, o/r",
            ),
            ("all", "o/r", here, "'scope' must be orders or everything"),
            ("orders", "o/r", None, "GITHUB_REPOSITORY is not set"),
        ] {
            let error = check(scope, confirm, repository).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
