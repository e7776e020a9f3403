//! What earlier records said about things that later ones name by key alone.

use bpmn::Process;
use engine::event::{
    ElementRef, Incident, IncidentCreated, Job, JobCreated, Lifecycle, Message, MessagePublished,
    StartSubscription, Subscription, SubscriptionCreated, Timer, TimerCreated,
};
use engine::{Body, Event, Key, Record, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// A process definition.
pub(super) struct Definition {
    pub(super) bpmn_process_id: Arc<str>,
    pub(super) version: i32,
    pub(super) process: Option<Arc<Process>>,
}

/// A job that is open.
pub(super) struct OpenJob {
    pub(super) created: JobCreated,
    pub(super) retries: i32,
    pub(super) worker: Arc<str>,
    pub(super) deadline: Option<Timestamp>,
}

/// Everything that is open, by key.
#[derive(Default)]
pub(super) struct Context {
    definitions: HashMap<Key, Definition>,
    elements: HashMap<Key, ElementRef>,
    jobs: HashMap<Key, OpenJob>,
    timers: HashMap<Key, TimerCreated>,
    incidents: HashMap<Key, IncidentCreated>,
    messages: HashMap<Key, MessagePublished>,
    subscriptions: HashMap<Key, SubscriptionCreated>,
    start_subscriptions: HashMap<Key, StartSubscription>,
}

impl Context {
    pub(super) fn new<'a>(definitions: impl Iterator<Item = &'a engine::Definition>) -> Self {
        let definitions = definitions.map(|definition| {
            let known = Definition {
                bpmn_process_id: Arc::clone(&definition.data.bpmn_process_id),
                version: definition.data.version,
                process: Some(Arc::clone(&definition.process)),
            };
            (definition.key, known)
        });
        Self {
            definitions: definitions.collect(),
            ..Self::default()
        }
    }

    /// Takes in what a record says.
    pub(super) fn learn(&mut self, record: &Record) {
        let Body::Event(event) = &record.body else {
            return;
        };
        let key = record.key;
        match event {
            Event::ProcessCreated(definition) => {
                self.definitions.entry(key).or_insert_with(|| Definition {
                    bpmn_process_id: Arc::clone(&definition.bpmn_process_id),
                    version: definition.version,
                    process: engine::compile_definition(definition).ok(),
                });
            }
            Event::Element(Lifecycle::Activating, element) => {
                self.elements.insert(key, *element);
            }
            Event::Job(job) => self.learn_job(key, job),
            Event::JobBatchActivated(batch) => {
                for key in &batch.jobs {
                    if let Some(job) = self.jobs.get_mut(key) {
                        job.worker = Arc::clone(&batch.worker);
                        job.deadline = Some(batch.deadline);
                    }
                }
            }
            Event::Timer(Timer::Created(timer)) => {
                self.timers.insert(key, timer.clone());
            }
            Event::Incident(Incident::Created(incident)) => {
                self.incidents.insert(key, incident.clone());
            }
            Event::Message(Message::Published(message)) => {
                self.messages.insert(key, message.clone());
            }
            Event::Subscription(Subscription::Created(subscription)) => {
                self.subscriptions.insert(key, subscription.clone());
            }
            Event::StartSubscription(created @ StartSubscription::Created { .. }) => {
                self.start_subscriptions.insert(key, created.clone());
            }
            _ => {}
        }
    }

    fn learn_job(&mut self, key: Key, job: &Job) {
        if let Job::Created(created) = job {
            let open = OpenJob {
                created: created.clone(),
                retries: created.retries,
                worker: Arc::from(""),
                deadline: None,
            };
            self.jobs.insert(key, open);
            return;
        }
        let Some(open) = self.jobs.get_mut(&key) else {
            return;
        };
        match job {
            Job::Failed { retries, .. } | Job::RetriesUpdated { retries, .. } => {
                open.retries = *retries;
            }
            Job::TimeoutUpdated { deadline, .. } => open.deadline = Some(*deadline),
            _ => {}
        }
    }

    /// Forgets what a record ended.
    pub(super) fn forget(&mut self, record: &Record) {
        let Body::Event(event) = &record.body else {
            return;
        };
        let key = &record.key;
        match event {
            Event::Element(Lifecycle::Completed | Lifecycle::Terminated, _) => {
                self.elements.remove(key);
            }
            Event::Job(
                Job::Completed(_) | Job::Canceled(_) | Job::ErrorThrown { caught: true, .. },
            ) => {
                self.jobs.remove(key);
            }
            Event::Timer(Timer::Triggered { .. } | Timer::Canceled { .. }) => {
                self.timers.remove(key);
            }
            Event::Incident(Incident::Resolved) => {
                self.incidents.remove(key);
            }
            Event::Message(Message::Expired) => {
                self.messages.remove(key);
            }
            Event::Subscription(
                Subscription::Deleted { .. } | Subscription::Correlated { closes: true, .. },
            ) => {
                self.subscriptions.remove(key);
            }
            Event::StartSubscription(StartSubscription::Deleted) => {
                self.start_subscriptions.remove(key);
            }
            _ => {}
        }
    }

    pub(super) fn definition(&self, key: Key) -> Option<&Definition> {
        self.definitions.get(&key)
    }

    pub(super) fn element(&self, key: Key) -> Option<&ElementRef> {
        self.elements.get(&key)
    }

    pub(super) fn job(&self, key: Key) -> Option<&OpenJob> {
        self.jobs.get(&key)
    }

    pub(super) fn timer(&self, key: Key) -> Option<&TimerCreated> {
        self.timers.get(&key)
    }

    pub(super) fn incident(&self, key: Key) -> Option<&IncidentCreated> {
        self.incidents.get(&key)
    }

    pub(super) fn message(&self, key: Key) -> Option<&MessagePublished> {
        self.messages.get(&key)
    }

    pub(super) fn subscription(&self, key: Key) -> Option<&SubscriptionCreated> {
        self.subscriptions.get(&key)
    }

    pub(super) fn start_subscription(&self, key: Key) -> Option<&StartSubscription> {
        self.start_subscriptions.get(&key)
    }

    /// The compiled element of a definition.
    pub(super) fn model_element(
        &self,
        process_key: Key,
        element: u32,
    ) -> Option<&bpmn::process::Element> {
        let process = self.definition(process_key)?.process.as_ref()?;
        process.elements.get(element as usize)
    }
}
