//! What is kept and what goes: a bound on deliveries, and the deletion of runs and logs by hand.
//!
//! Only what has ended goes. The counters of run ids and run numbers are kept in a file of their
//! own, so that a number is never given twice after the last record that held it is gone.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::dispatcher::Dispatcher;
use crate::files;
use crate::intake::RunError;
use crate::records::{Delivery, Status};

/// The highest numbers that were ever given.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// The run id that comes next.
    pub(crate) next_run_id: u64,
    /// The last `GITHUB_RUN_NUMBER` of each workflow file.
    pub(crate) run_numbers: BTreeMap<String, u64>,
}

impl Counters {
    pub(crate) fn path(data: &std::path::Path) -> PathBuf {
        data.join("counters.json")
    }
}

impl Dispatcher {
    /// Deletes the oldest deliveries that have ended, so that no more are kept than the setting
    /// says. What cannot be deleted is tried again with the next event.
    pub(crate) fn forget_old(&self) {
        let surplus = self
            .records
            .count()
            .saturating_sub(self.config.deliveries_max);
        if surplus == 0 {
            return;
        }
        let ended = |d: &Delivery| d.runs.iter().all(|run| run.status == Status::Completed);
        let old = self.records.oldest(surplus, ended);
        if let Err(error) = self.keep_counters().and_then(|()| {
            old.iter().try_for_each(|delivery| {
                for run in &delivery.runs {
                    self.remove_logs(run.id)?;
                }
                self.records.remove(&delivery.id)
            })
        }) {
            tracing::error!(%error, "old deliveries could not be deleted");
        }
    }

    /// Deletes a run that has ended, with its log; its delivery goes with the last of its runs.
    ///
    /// # Errors
    /// There is no such run, or it has not ended.
    pub(crate) fn remove_run(&self, run: u64) -> Result<(), RunError> {
        let delivery = self.records.of_run(run).ok_or(RunError::Unknown)?;
        let removed = self.records.update(&delivery.id, |delivery| {
            let at = delivery.runs.iter().position(|r| r.id == run);
            let at = at.ok_or(RunError::Unknown)?;
            if delivery.runs[at].status != Status::Completed {
                return Err(RunError::Running);
            }
            delivery.runs.remove(at);
            Ok(delivery.runs.is_empty())
        });
        let was_last = removed.ok_or(RunError::Unknown)??;
        self.records.forget_run(run);
        let cleared = self
            .keep_counters()
            .and_then(|()| self.remove_logs(run))
            .and_then(|()| match was_last {
                true => self.records.remove(&delivery.id),
                false => Ok(()),
            });
        if let Err(error) = cleared {
            tracing::error!(%error, run, "what belongs to a run could not be deleted");
        }
        Ok(())
    }

    /// Deletes the log and the summary of a run.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn remove_logs(&self, run: u64) -> io::Result<()> {
        for path in [self.log_path(run), self.summary_path(run)] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn keep_counters(&self) -> io::Result<()> {
        let numbers = self
            .run_numbers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let counters = Counters {
            next_run_id: self.next_run_id.load(Ordering::Relaxed),
            run_numbers: numbers.clone(),
        };
        files::write_json(&Counters::path(&self.config.data), &counters)
    }
}
