//! What a processor holds in its hands: the state to look at, and the one way to change it.

use crate::engine::Batch;
use crate::event::{Event, Job};
use crate::key::{Key, Position, Timestamp};
use crate::record::{Body, Record};
use crate::state::State;
use crate::step::Step;
use feel::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// The processing of one command.
///
/// Events are applied as they are emitted, so the next look at the state sees them; there is no
/// other way to change it.
pub(crate) struct Context<'a> {
    state: &'a mut State,
    out: &'a mut Batch,
    awaited: &'a mut Awaited,
    steps: VecDeque<Step>,
    source: Position,
    now: Timestamp,
    /// The items of one multi-instance body whose rounds are being started.
    items: Option<(Key, Arc<[Value]>)>,
}

/// Process instances whose creators wait for the result, with the variables they want. Not part
/// of the state: after a restart nobody waits any more.
pub(crate) type Awaited = std::collections::BTreeMap<Key, Vec<Arc<str>>>;

impl<'a> Context<'a> {
    pub(crate) fn new(
        state: &'a mut State,
        out: &'a mut Batch,
        awaited: &'a mut Awaited,
        now: Timestamp,
    ) -> Self {
        Self {
            source: Position(state.last_position().0 + 1),
            now: now.max(state.last_timestamp()),
            state,
            out,
            awaited,
            steps: VecDeque::new(),
            items: None,
        }
    }

    pub(crate) fn state(&self) -> &State {
        self.state
    }

    /// The time of this command; it never lies before that of the record before.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Writes a record that is no event.
    pub(crate) fn record(&mut self, key: Key, body: Body) {
        let position = Position(self.state.last_position().0 + 1);
        self.state.advance(position, self.now);
        self.out.records.push(Record {
            position,
            source: self.source,
            timestamp: self.now,
            key,
            body,
        });
    }

    /// Says that something happened to the thing with this key.
    pub(crate) fn emit(&mut self, key: Key, event: Event) {
        self.state.apply(key, &event);
        if let Event::Job(job) = &event {
            let key = match job {
                Job::Created(_)
                | Job::TimedOut(_)
                | Job::RecurredAfterBackoff(_)
                | Job::Resolved(_)
                | Job::Failed {
                    back_off_until: None,
                    ..
                } => Some(key),
                Job::Failed { .. }
                | Job::Completed(_)
                | Job::ErrorThrown { .. }
                | Job::RetriesUpdated { .. }
                | Job::TimeoutUpdated { .. }
                | Job::Canceled(_) => None,
            };
            self.offer(key);
        }
        self.record(key, Body::Event(event));
    }

    /// Lets polls and streams know of a job, if it may be handed out now.
    fn offer(&mut self, key: Option<Key>) {
        let Some(key) = key else { return };
        let job = self.state.jobs().get(key);
        if let Some(job) = job.filter(|job| job.status == crate::state::JobStatus::Activatable) {
            self.out.activatable.push((Arc::clone(&job.job_type), key));
        }
    }

    /// Says that something came to be, and gives it a key.
    pub(crate) fn emit_new(&mut self, event: Event) -> Key {
        let key = self.state.next_key();
        self.emit(key, event);
        key
    }

    /// Puts something on the list of what is still to do in this command.
    pub(crate) fn then(&mut self, step: Step) {
        self.steps.push_back(step);
    }

    /// Takes the next thing to do.
    pub(crate) fn next_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Whether an element is still to be entered in this scope.
    pub(crate) fn will_enter(&self, scope: Key) -> bool {
        let enters =
            |step: &Step| matches!(step, Step::Activate { scope_key, .. } if *scope_key == scope);
        self.steps.iter().any(enters) || self.state.deferred().iter().any(enters)
    }

    /// The items of a multi-instance body, if this command has evaluated them already.
    pub(crate) fn cached_items(&self, body: Key) -> Option<Arc<[Value]>> {
        let (key, items) = self.items.as_ref()?;
        (*key == body).then(|| Arc::clone(items))
    }

    /// Keeps the items of a multi-instance body for the rest of this command.
    pub(crate) fn cache_items(&mut self, body: Key, items: Vec<Value>) -> Arc<[Value]> {
        let items: Arc<[Value]> = Arc::from(items);
        self.items = Some((body, Arc::clone(&items)));
        items
    }

    /// Takes all that is still to do.
    pub(crate) fn rest(&mut self) -> Vec<Step> {
        self.steps.drain(..).collect()
    }

    /// Keeps in mind that the creator of an instance waits for its result.
    pub(crate) fn await_result(&mut self, process_instance_key: Key, fetch: Vec<Arc<str>>) {
        self.awaited.insert(process_instance_key, fetch);
    }

    /// The variables that somebody waits for, if the instance's creator does.
    pub(crate) fn take_awaited(&mut self, process_instance_key: Key) -> Option<Vec<Arc<str>>> {
        if self.awaited.is_empty() {
            return None;
        }
        self.awaited.remove(&process_instance_key)
    }

    /// Hands a result to those who wait for it.
    pub(crate) fn result(&mut self, process_instance_key: Key, variables: String) {
        self.out.results.push((process_instance_key, variables));
    }
}
