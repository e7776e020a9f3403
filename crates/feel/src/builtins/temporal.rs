//! The present, and what a calendar says about a date.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{fatal, illegal};
use crate::eval::{Answer, Evaluator};
use crate::{DateTime, Value};

fn present(evaluator: &Evaluator<'_>) -> Result<DateTime, &'static str> {
    let now = Timestamp::from_millisecond(evaluator.env.now_ms);
    now.map(|now| evaluator.env.time_zone.at(now))
        .map_err(|_| "the clock is out of range")
}

pub(super) fn now(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Answer {
    present(evaluator).map_or_else(fatal, |now| Ok(now.into()))
}

pub(super) fn today(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Answer {
    present(evaluator).map_or_else(fatal, |now| Ok(Value::Date(now.local().date())))
}

fn of_date(arguments: &[Value], part: impl FnOnce(Date) -> Value) -> Answer {
    match arguments {
        [Value::Date(date)] => Ok(part(*date)),
        [Value::DateTime(at)] => Ok(part(at.local().date())),
        other => illegal(other),
    }
}

pub(super) fn day_of_year(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_date(arguments, |date| i64::from(date.day_of_year()).into())
}

pub(super) fn day_of_week(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    const NAMES: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    of_date(arguments, |date| {
        NAMES[date.weekday().to_monday_zero_offset() as usize].into()
    })
}

pub(super) fn month_of_year(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    of_date(arguments, |date| NAMES[date.month() as usize - 1].into())
}

/// ISO 8601's.
pub(super) fn week_of_year(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_date(arguments, |date| {
        i64::from(date.iso_week_date().week()).into()
    })
}

pub(super) fn last_day_of_month(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_date(arguments, |date| Value::Date(date.last_of_month()))
}
