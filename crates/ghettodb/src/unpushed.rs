//! Commits that are not pushed one by one, for the benchmark alone: git's plumbing, which they are
//! measured against, does not push either. No promise is made here, so it is not documented.

use crate::commit::{Edit, format_time, run};
use crate::push::Push;
use crate::tree::View;
use crate::{Committed, Database, Error, Message, TransactError, Transaction, git};

impl Database {
    /// As [`Database::transact`] up to the push: the commit is the clone's tip and nobody else's.
    #[doc(hidden)]
    pub fn commit_unpushed<T, E>(
        &mut self,
        message: &Message,
        mut operation: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Committed<T>, TransactError<E>> {
        let now = jiff::Timestamp::now();
        let view = View::new(self.remote.objects(), self.tip)?;
        let (Edit { value, tree }, account) = run(&view, &format_time(now), &mut operation)?;
        let commit = match tree {
            None => None,
            Some(tree) => Some(self.write(tree, &message.text(&account), &view.carried()?, now)?),
        };
        if let Some(commit) = commit {
            self.remote.set_tip(commit)?;
            self.tip = Some(commit);
        }
        Ok(Committed {
            value,
            commit: commit.map(|commit| commit.to_string()),
            attempts: 1,
        })
    }

    /// Pushes what [`Database::commit_unpushed`] left, if the branch has not moved meanwhile.
    #[doc(hidden)]
    pub fn push_unpushed(&mut self) -> Result<(), Error> {
        let Some(tip) = self.tip else {
            return Ok(());
        };
        match self.remote.push(tip, git::CLONE_LIMIT)? {
            Push::Accepted => Ok(()),
            Push::Moved(text) | Push::Unknown(text) | Push::Refused(text) => Err(Error::Refused {
                branch: self.remote.branch().to_owned(),
                text,
            }),
        }
    }
}
