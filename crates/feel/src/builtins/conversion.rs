//! From one type to another.

use jiff::SignedDuration;
use jiff::civil::{self, Date};
use jiff::tz::Offset;

use super::{fatal, fault, illegal};
use crate::eval::{Answer, Evaluator};
use crate::number::{Number, RoundingMode};
use crate::temporal::{self, Zone};
use crate::{DateTime, Time, Value};

pub(super) fn string(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [value @ (Value::Null | Value::String(_))] => Ok(value.clone()),
        [value] => Ok(value.to_string().into()),
        other => illegal(other),
    }
}

/// From a string, with a separator of groups and one of decimals.
pub(super) fn number(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let parsed = |text: &str| match Number::parse(text) {
        Some(number) => Ok(number.into()),
        None => fault(format!("Can't parse '{text}' as a number")),
    };
    let groups = |separator: &str| matches!(separator, " " | "," | ".");
    let decimals = |separator: &str| matches!(separator, "," | ".");
    match arguments {
        [Value::String(text)] => parsed(text),
        [Value::String(text), Value::String(group)] if groups(group) => {
            parsed(&text.replace(&**group, ""))
        }
        [Value::String(_), Value::String(_)] => {
            fault("illegal argument for grouping. Must be one of ' ', ',' or '.'")
        }
        [
            Value::String(text),
            Value::String(group),
            Value::String(decimal),
        ] if groups(group) && decimals(decimal) && group != decimal => {
            parsed(&text.replace(&**group, "").replace(&**decimal, "."))
        }
        [Value::String(text), Value::Null, Value::String(decimal)] if decimals(decimal) => {
            parsed(&text.replace(&**decimal, "."))
        }
        [Value::String(text), Value::String(group), Value::Null] if groups(group) => {
            parsed(&text.replace(&**group, ""))
        }
        [Value::String(_), Value::String(_), Value::String(_)] => fault(
            "illegal arguments for grouping or decimal. Must be one of ' ' (grouping only), ',' or '.'",
        ),
        other => illegal(other),
    }
}

pub(super) fn date(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => match temporal::date(text) {
            Some(date) => Ok(Value::Date(date)),
            None => fault(format!("Failed to parse date from '{text}'")),
        },
        [Value::DateTime(at)] => Ok(Value::Date(at.local().date())),
        [date @ Value::Date(_)] => Ok(date.clone()),
        other => illegal(other),
    }
}

pub(super) fn date_of(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [
        Value::Number(year),
        Value::Number(month),
        Value::Number(day),
    ] = arguments
    else {
        return illegal(arguments);
    };
    let small = |n: &Number| i8::try_from(n.to_i32()).ok();
    let date = || {
        let year = i16::try_from(year.to_i32()).ok()?;
        Date::new(year, small(month)?, small(day)?).ok()
    };
    match date() {
        Some(date) => Ok(Value::Date(date)),
        None => fault(format!(
            "Failed to parse date from: year={year}, month={month}, day={day}"
        )),
    }
}

pub(super) fn time(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => match temporal::time(text) {
            Some(time) => Ok(time.into()),
            None => fault(format!("Failed to parse local-time from '{text}'")),
        },
        [Value::DateTime(at)] => Ok(at.time().into()),
        [Value::Date(_)] => Ok(Time::with_offset(civil::Time::midnight(), Offset::UTC).into()),
        other => illegal(other),
    }
}

pub(super) fn time_of(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [
        Value::Number(hour),
        Value::Number(minute),
        Value::Number(second),
        offset @ ..,
    ] = arguments
    else {
        return illegal(arguments);
    };
    let local = || {
        let whole = second.round(0, RoundingMode::Down)?;
        let nanoseconds = second.sub(&whole)?.mul(&1_000_000_000.into())?;
        let (hour, minute) = (hour.to_i32(), minute.to_i32());
        temporal::local_time(hour, minute, whole.to_i32(), nanoseconds.to_i32())
    };
    let failed = |what: &str, offset: &str| {
        fault(format!(
            "Failed to parse {what} from: hour={hour}, minute={minute}, second={second}{offset}"
        ))
    };
    match offset {
        [] | [Value::Null] => match local() {
            Some(time) => Ok(Time::local(time).into()),
            None => failed("local-time", ""),
        },
        [Value::DaysTimeDuration(offset)] => match local().zip(offset_of(*offset)) {
            Some((time, offset)) => Ok(Time::with_offset(time, offset).into()),
            None => failed(
                "time",
                &format!(", offset={}", temporal::duration_text(*offset)),
            ),
        },
        _ => illegal(arguments),
    }
}

/// At most 18 hours.
fn offset_of(duration: SignedDuration) -> Option<Offset> {
    let seconds = i32::try_from(duration.as_secs()).ok()?;
    if seconds.abs() > 18 * 3600 {
        return None;
    }
    Offset::from_seconds(seconds).ok()
}

pub(super) fn date_time(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => match temporal::date_time(text) {
            Some(at) => Ok(at.into()),
            None => fault(format!("Failed to parse date-time from '{text}'")),
        },
        other => illegal(other),
    }
}

/// A date and a time of day; or a date and time as seen in a zone.
pub(super) fn date_time_of(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let result = match arguments {
        [Value::Date(date), Value::Time(time)] => time.on(*date),
        [Value::DateTime(at), Value::Time(time)] => time.on(at.local().date()),
        [Value::DateTime(at), Value::String(zone)] => in_zone(at, zone),
        other => return illegal(other),
    };
    match result {
        Some(at) => Ok(at.into()),
        None => fatal(format!(
            "there is no date and time of {} and {}",
            arguments[0], arguments[1]
        )),
    }
}

fn in_zone(at: &DateTime, zone: &str) -> Option<DateTime> {
    let offset = temporal::offset(zone);
    match (at, offset) {
        (DateTime::Local(local), Some(offset)) => DateTime::with_offset(*local, offset),
        (DateTime::Local(local), None) => DateTime::in_zone(*local, Zone::region(zone)?),
        (DateTime::Zoned(_), Some(offset)) => Some(DateTime::at_offset(at.timestamp()?, offset)),
        (DateTime::Zoned(_), None) => Some(DateTime::at(at.timestamp()?, Zone::region(zone)?)),
    }
}

pub(super) fn duration(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => match temporal::duration(text) {
            Some(duration) => Ok(duration),
            None => fault(format!("Failed to parse duration from '{text}'")),
        },
        other => illegal(other),
    }
}

pub(super) fn months_between(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let date = |value: &Value| match value {
        Value::Date(date) => Some(*date),
        Value::DateTime(at) => Some(at.local().date()),
        _ => None,
    };
    match arguments {
        [from, to] => match date(from).zip(date(to)) {
            Some((from, to)) => Ok(Value::YearsMonthsDuration(temporal::months_between(
                from, to,
            ))),
            None => illegal(arguments),
        },
        other => illegal(other),
    }
}
