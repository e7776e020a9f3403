//! What an evaluation knows of the world: the clock, the zone, a seed. Never read from the system.

use std::fmt;

/// The outer world, as arguments of an evaluation.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The current time, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The zone of `now()` and `today()`.
    pub time_zone: TimeZone,
    /// What `random number()` and `uuid()` are drawn from: the same seed gives the same values.
    pub seed: u64,
}

impl Environment {
    /// An environment in UTC with the seed 0.
    pub fn utc(now_ms: i64) -> Self {
        Environment {
            now_ms,
            time_zone: TimeZone::default(),
            seed: 0,
        }
    }
}

/// A time zone from the bundled database; UTC by default.
#[derive(Clone, PartialEq)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// The zone of this IANA name (`Europe/Berlin`), or `None` if there is no such zone.
    pub fn named(name: &str) -> Option<Self> {
        jiff::tz::TimeZone::get(name).ok().map(TimeZone)
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        TimeZone(jiff::tz::TimeZone::UTC)
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeZone({:?})", self.0.iana_name())
    }
}
