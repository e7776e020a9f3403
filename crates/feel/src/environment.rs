//! What an evaluation knows of the world: the clock, the zone, a seed. Never read from the system.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::DateTime;
use crate::temporal::{self, Zone};

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

/// A time zone from the bundled database, or a fixed offset; UTC by default.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeZone(Place);

#[derive(Clone, Debug, PartialEq)]
enum Place {
    Offset(Offset),
    Zone(Zone),
}

impl TimeZone {
    /// The zone of this name: an IANA region (`Europe/Berlin`) or an offset (`+02:00`, `Z`);
    /// `None` if there is no such zone.
    pub fn named(name: &str) -> Option<Self> {
        let place = match temporal::offset(name) {
            Some(offset) => Place::Offset(offset),
            None => Place::Zone(Zone::region(name)?),
        };
        Some(TimeZone(place))
    }

    pub(crate) fn at(&self, timestamp: Timestamp) -> DateTime {
        match &self.0 {
            Place::Offset(offset) => DateTime::at_offset(timestamp, *offset),
            Place::Zone(zone) => DateTime::at(timestamp, zone.clone()),
        }
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        TimeZone(Place::Offset(Offset::UTC))
    }
}
