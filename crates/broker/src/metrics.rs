//! The broker's figures, for `/actuator/prometheus`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters and gauges; written by the threads that know, read by the management port.
#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) commands: AtomicU64,
    pub(crate) rejections: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) sync_micros: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) position: AtomicU64,
    pub(crate) exported: AtomicU64,
    pub(crate) jobs_pushed: AtomicU64,
    pub(crate) jobs_polled: AtomicU64,
    pub(crate) jobs_given_back: AtomicU64,
    pub(crate) element_instances: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) timers: AtomicU64,
    pub(crate) incidents: AtomicU64,
}

impl Metrics {
    /// In Prometheus's text format.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let counters = [
            ("commands_total", "Commands processed.", &self.commands),
            ("rejections_total", "Commands refused.", &self.rejections),
            ("syncs_total", "Batches brought to disk.", &self.syncs),
            (
                "sync_microseconds_total",
                "Time that took.",
                &self.sync_micros,
            ),
            (
                "log_bytes_total",
                "Bytes written to the log.",
                &self.log_bytes,
            ),
            (
                "jobs_pushed_total",
                "Jobs pushed to streams.",
                &self.jobs_pushed,
            ),
            (
                "jobs_polled_total",
                "Jobs handed to polls.",
                &self.jobs_polled,
            ),
            (
                "jobs_given_back_total",
                "Jobs whose client was gone before it took them.",
                &self.jobs_given_back,
            ),
        ];
        let gauges = [
            ("position", "Position of the last record.", &self.position),
            (
                "exported_position",
                "Position up to which the read model is filled.",
                &self.exported,
            ),
            (
                "element_instances",
                "Element instances that run.",
                &self.element_instances,
            ),
            ("jobs", "Jobs that are open.", &self.jobs),
            ("messages", "Messages in the buffer.", &self.messages),
            ("timers", "Timers that run.", &self.timers),
            ("incidents", "Incidents that are open.", &self.incidents),
        ];
        let mut text = String::new();
        let kinds = [("counter", &counters[..]), ("gauge", &gauges[..])];
        for (kind, figures) in kinds {
            for (name, help, value) in figures {
                let value = value.load(Ordering::Relaxed);
                let name = format!("backroom_{name}");
                write!(
                    text,
                    "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
                )
                .expect("a string takes all that is written to it");
            }
        }
        text
    }
}
