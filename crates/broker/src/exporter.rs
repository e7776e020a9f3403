//! Carries what is on disk to those who read the log: the read model and the record file.
//!
//! It never slows the engine: batches are handed over as long as they are taken in time; beyond
//! that they are dropped here and read from the log later. Only records that are on disk get out.

use crate::log::{self, Reader};
use crate::metrics::Metrics;
use crate::readmodel::{Pending, ReadModel};
use crate::records::RecordFile;
use crate::storage::Storage;
use engine::{Position, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How many records may wait in memory; more are read from the log instead.
const HANDED_OVER_MAX: usize = 100_000;

/// How long records are gathered for one transaction while nobody waits for them. Most of what an
/// order does to the tables then cancels out before it gets there.
const LINGER: Duration = Duration::from_millis(20);

/// How many records go into one transaction at most.
const TRANSACTION_RECORDS_MAX: usize = 20_000;

/// After how many records the read model is brought to disk, so that the log can be shortened.
const CHECKPOINT_RECORDS: u64 = 200_000;

enum Message {
    Records(Vec<Record>),
    /// Someone waits for this position.
    Hurry(u64),
    Stop,
}

/// How far the log is on disk, and how far it was exported.
pub(crate) struct Progress {
    durable: AtomicU64,
    exported: watch::Sender<u64>,
    failed: AtomicBool,
}

/// The disk thread's end.
pub(crate) struct Exporter {
    messages: mpsc::Sender<Message>,
    waiting: Arc<AtomicUsize>,
    progress: Arc<Progress>,
}

impl Exporter {
    /// Everything up to here is on disk.
    pub(crate) fn durable(&self, position: Position) {
        self.progress.durable.store(position.0, Ordering::Release);
    }

    /// Hands over records that are on disk.
    pub(crate) fn offer(&self, records: Vec<Record>) {
        let count = records.len();
        if count == 0 || self.waiting.load(Ordering::Acquire) > HANDED_OVER_MAX {
            return;
        }
        self.waiting.fetch_add(count, Ordering::AcqRel);
        // A thread that failed takes nothing; it has said why.
        let _failed = self.messages.send(Message::Records(records));
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _failed = self.messages.send(Message::Stop);
    }
}

/// For readers that want to see what was acknowledged.
#[derive(Clone)]
pub(crate) struct CatchUp {
    progress: Arc<Progress>,
    messages: mpsc::Sender<Message>,
}

/// Why the read model does not catch up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCaughtUp {
    /// The exporter ended with an error, which is in the broker's log.
    #[error("the read model failed: see the broker's log")]
    Failed,
    /// It is still being filled.
    #[error("the read model is at position {exported} of {durable}: try again later")]
    Behind {
        /// Where it is.
        exported: u64,
        /// Where the log is.
        durable: u64,
    },
}

impl CatchUp {
    /// Waits until everything that was acknowledged before the call is in the read model. Gives
    /// the position it is filled to.
    ///
    /// # Errors
    ///
    /// If it failed, or does not get there within `patience`.
    pub(crate) async fn wait(&self, patience: Duration) -> Result<u64, NotCaughtUp> {
        let durable = self.progress.durable.load(Ordering::Acquire);
        let mut exported = self.progress.exported.subscribe();
        if *exported.borrow() < durable {
            let _failed = self.messages.send(Message::Hurry(durable));
        }
        let reached = exported.wait_for(|at| *at >= durable || self.has_failed());
        let waited = tokio::time::timeout(patience, reached).await;
        let at = *self.progress.exported.borrow();
        match waited {
            _ if self.has_failed() => Err(NotCaughtUp::Failed),
            Ok(_) => Ok(at),
            Err(_) => Err(NotCaughtUp::Behind {
                exported: at,
                durable,
            }),
        }
    }

    fn has_failed(&self) -> bool {
        self.progress.failed.load(Ordering::Acquire)
    }
}

/// What the thread works with.
pub(crate) struct Parts {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) read_model: Arc<ReadModel>,
    pub(crate) records: Option<RecordFile>,
    pub(crate) metrics: Arc<Metrics>,
    /// Told from which position on the log is still needed.
    pub(crate) needed_from: Arc<AtomicU64>,
}

/// Starts the thread. `durable` is the last position on disk.
pub(crate) fn start(parts: Parts, durable: Position) -> (Exporter, CatchUp, JoinHandle<()>) {
    let (sender, messages) = mpsc::channel();
    let progress = Arc::new(Progress {
        durable: AtomicU64::new(durable.0),
        exported: watch::Sender::new(0),
        failed: AtomicBool::new(false),
    });
    let waiting = Arc::<AtomicUsize>::default();
    let exporter = Exporter {
        messages: sender.clone(),
        waiting: Arc::clone(&waiting),
        progress: Arc::clone(&progress),
    };
    let catch_up = CatchUp {
        progress: Arc::clone(&progress),
        messages: sender,
    };
    let thread = std::thread::Builder::new()
        .name("exporter".into())
        .spawn(move || {
            let export = Export::new(parts, waiting, Arc::clone(&progress));
            if let Err(error) = export.and_then(|mut export| export.run(&messages)) {
                tracing::error!(%error, "the read model stopped: searches are not answered until \
                    the broker is started again");
                progress.failed.store(true, Ordering::Release);
                progress.exported.send_modify(|_| {});
            }
        })
        .expect("a thread can be started");
    (exporter, catch_up, thread)
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Log(#[from] log::Error),
    #[error(transparent)]
    ReadModel(#[from] crate::readmodel::Error),
    #[error(transparent)]
    Records(#[from] crate::records::Error),
}

struct Export {
    parts: Parts,
    waiting: Arc<AtomicUsize>,
    progress: Arc<Progress>,
    pending: Pending,
    /// What the read model is filled to, with what is pending.
    position: u64,
    /// The position that the record file is written to.
    recorded: u64,
    /// What the read model is on disk to.
    checkpoint: u64,
}

impl Export {
    fn new(
        mut parts: Parts,
        waiting: Arc<AtomicUsize>,
        progress: Arc<Progress>,
    ) -> Result<Self, Error> {
        let durable = progress.durable.load(Ordering::Acquire);
        let mut position = parts.read_model.position()?;
        if position > durable {
            tracing::warn!(
                position,
                durable,
                "the read model knows more than the log: it belongs \
                to another log, making it again"
            );
            parts.read_model.clear()?;
            position = 0;
        }
        let recorded = match &mut parts.records {
            None => durable,
            Some(records) => records.resume(&parts.storage)?,
        };
        if let Some(first) = Reader::first(&*parts.storage)?
            && position + 1 < first.0
        {
            tracing::warn!(
                from = position + 1,
                first = first.0,
                "the log no longer has all that the read model misses: what ended before is not \
                 shown, what still runs has no start"
            );
        }
        Ok(Self {
            parts,
            waiting,
            progress,
            pending: Pending::default(),
            position,
            recorded,
            checkpoint: position,
        })
    }

    fn run(&mut self, messages: &mpsc::Receiver<Message>) -> Result<(), Error> {
        self.read_on()?;
        self.commit()?;
        self.write_checkpoint()?;
        let mut go_on = true;
        while go_on {
            go_on = self.gather(messages)?;
            self.commit()?;
            if self.position - self.checkpoint >= CHECKPOINT_RECORDS || !go_on {
                self.write_checkpoint()?;
            }
        }
        Ok(())
    }

    /// Takes what comes until it is worth a transaction; says whether to go on.
    fn gather(&mut self, messages: &mpsc::Receiver<Message>) -> Result<bool, Error> {
        let mut taken = 0;
        let mut until = None;
        // What somebody waits for, if that is not taken yet.
        let mut wanted = 0;
        while taken < TRANSACTION_RECORDS_MAX {
            let message = match until {
                None => messages.recv().map_err(RecvTimeoutError::from),
                Some(until) => messages
                    .recv_timeout(Instant::saturating_duration_since(&until, Instant::now())),
            };
            match message {
                Ok(Message::Records(records)) => {
                    self.waiting.fetch_sub(records.len(), Ordering::AcqRel);
                    taken += records.len();
                    self.take(&records)?;
                }
                Ok(Message::Hurry(position)) => wanted = wanted.max(position),
                Err(RecvTimeoutError::Timeout) if wanted > self.position => {
                    // It was dropped on the way, and nothing came that would have shown it.
                    self.read_on()?;
                }
                Err(RecvTimeoutError::Timeout) => return Ok(true),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    self.read_on()?;
                    return Ok(false);
                }
            }
            if wanted > 0 && wanted <= self.position {
                return Ok(true);
            }
            until.get_or_insert_with(|| Instant::now() + LINGER);
        }
        Ok(true)
    }

    fn take(&mut self, records: &[Record]) -> Result<(), Error> {
        let Some(first) = records.first() else {
            return Ok(());
        };
        if first.position.0 > self.position.min(self.recorded) + 1 {
            // Some were dropped on the way. The log has these too.
            return self.read_on();
        }
        self.export(records)
    }

    fn export(&mut self, records: &[Record]) -> Result<(), Error> {
        for record in records {
            let position = record.position.0;
            if position > self.position {
                self.pending.take(record);
                self.position = position;
            }
            if position > self.recorded {
                if let Some(file) = &mut self.parts.records {
                    file.write(record)?;
                }
                self.recorded = position;
            }
        }
        Ok(())
    }

    /// Reads from the log what is missing up to its end.
    fn read_on(&mut self) -> Result<(), Error> {
        let from = self.position.min(self.recorded) + 1;
        let mut reader = Reader::new(Arc::clone(&self.parts.storage), Position(from));
        loop {
            let durable = self.progress.durable.load(Ordering::Acquire);
            let from = self.position.min(self.recorded) + 1;
            if from > durable {
                return Ok(());
            }
            let mut taken = 0;
            let mut fault = Ok(());
            let next = reader.read_to(Position(durable), |records| {
                taken += records.len();
                fault = self.export(&records);
                fault.is_ok() && taken < TRANSACTION_RECORDS_MAX
            })?;
            fault?;
            self.commit()?;
            if next.0 <= from {
                tracing::warn!(from, durable, "the log has no such records");
                self.position = durable;
                self.recorded = durable;
            }
        }
    }

    fn commit(&mut self) -> Result<(), Error> {
        if let Some(file) = &mut self.parts.records {
            file.flush()?;
        }
        if *self.progress.exported.borrow() == self.position {
            return Ok(());
        }
        self.parts
            .read_model
            .write(&mut self.pending, self.position)?;
        self.progress.exported.send_replace(self.position);
        self.parts
            .metrics
            .exported
            .store(self.position, Ordering::Relaxed);
        Ok(())
    }

    fn write_checkpoint(&mut self) -> Result<(), Error> {
        if self.parts.read_model.checkpoint()? {
            self.checkpoint = self.position;
            let needed = self.position.min(self.recorded) + 1;
            self.parts.needed_from.store(needed, Ordering::Release);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Recovered, recover};
    use crate::storage::Memory;
    use engine::command::{CreateInstance, Resource};
    use engine::{Batch, Command, Timestamp};

    /// Start, end.
    const MODEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d"
  targetNamespace="urn:test"><bpmn:process id="p" isExecutable="true">
<bpmn:startEvent id="s"><bpmn:outgoing>f</bpmn:outgoing></bpmn:startEvent>
<bpmn:sequenceFlow id="f" sourceRef="s" targetRef="e"/>
<bpmn:endEvent id="e"><bpmn:incoming>f</bpmn:incoming></bpmn:endEvent>
</bpmn:process></bpmn:definitions>"#;

    #[tokio::test]
    async fn what_was_not_handed_over_is_read_from_the_log() {
        let storage = Arc::new(Memory::default());
        let needed_from = Arc::new(AtomicU64::new(0));
        let Recovered {
            mut engine,
            mut writer,
            ..
        } = recover(storage.clone(), Arc::clone(&needed_from)).unwrap();
        let read_model = ReadModel::open(None).unwrap();
        let parts = Parts {
            storage,
            read_model: Arc::clone(&read_model),
            records: None,
            metrics: Arc::default(),
            needed_from,
        };
        let (exporter, catch_up, thread) = start(parts, Position(0));
        let resource = Resource {
            name: "p.bpmn".into(),
            content: MODEL.as_bytes().into(),
        };
        let create = Command::CreateInstance(CreateInstance {
            bpmn_process_id: "p".into(),
            version: -1,
            ..Default::default()
        });
        let mut commands = vec![Command::Deploy(vec![resource])];
        commands.extend(std::iter::repeat_n(create, 9));
        let count = commands.len();
        for (number, command) in commands.into_iter().enumerate() {
            let mut out = Batch::default();
            engine.process(command, Timestamp(1), &mut out);
            writer.append(&out.records).unwrap();
            exporter.durable(engine.last_position());
            // Every third is lost on the way, the last one too.
            if number % 3 != 0 {
                exporter.offer(out.records);
            }
        }
        assert_eq!((count - 1) % 3, 0, "the last one is lost");
        let position = catch_up.wait(Duration::from_secs(30)).await.unwrap();
        assert_eq!(position, engine.last_position().0);
        let ended: i64 = read_model
            .read(|db| {
                let sql = "SELECT count(*) FROM process_instance WHERE state = 1";
                let ended = db.query_row(sql, (), |row| row.get(0));
                ended.map_err(crate::readmodel::Error::from)
            })
            .unwrap();
        assert_eq!(ended, 9);
        drop(exporter);
        thread.join().unwrap();
    }
}
