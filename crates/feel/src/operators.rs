//! What operators make of values: sums, comparisons, types, properties. No names, no trees.

use std::cmp::Ordering;

use jiff::SignedDuration;

use crate::ast::{ArithmeticOp, Comparison};
use crate::temporal::{self, whole_seconds};
use crate::{DateTime, Number, Time, Value, WarningKind};

/// Why an operator has no result.
#[derive(Debug)]
pub(crate) enum Problem {
    Warning(WarningKind, String),
    /// Beyond what numbers and dates can be: the end of the evaluation.
    Fatal(String),
}

// ---- arithmetic ----

pub(crate) fn arithmetic(op: ArithmeticOp, x: &Value, y: &Value) -> Result<Value, Problem> {
    let result = match op {
        ArithmeticOp::Add => add(x, y),
        ArithmeticOp::Subtract => subtract(x, y),
        ArithmeticOp::Multiply => multiply(x, y),
        ArithmeticOp::Divide => divide(x, y),
        ArithmeticOp::Power => power(x, y)?,
    };
    match result {
        Applied::To(Some(value)) => Ok(value),
        Applied::To(None) => {
            let symbol = match op {
                ArithmeticOp::Add => "+",
                ArithmeticOp::Subtract => "-",
                ArithmeticOp::Multiply => "*",
                ArithmeticOp::Divide => "/",
                ArithmeticOp::Power => "**",
            };
            Err(Problem::Fatal(format!(
                "the result of {x} {symbol} {y} is out of range"
            )))
        }
        Applied::ToNothing => {
            let message = match op {
                ArithmeticOp::Add => format!("Can't add '{y}' to '{x}'"),
                ArithmeticOp::Subtract => format!("Can't subtract '{y}' from '{x}'"),
                ArithmeticOp::Multiply => format!("Can't multiply '{x}' by '{y}'"),
                ArithmeticOp::Divide => format!("Can't divide '{x}' by '{y}'"),
                ArithmeticOp::Power => unreachable!("a power complains about one operand"),
            };
            Err(Problem::Warning(WarningKind::InvalidType, message))
        }
    }
}

enum Applied {
    /// An operation on such values; `None` if the result is out of range.
    To(Option<Value>),
    /// There is no such operation.
    ToNothing,
}

fn applied<T: Into<Value>>(result: Option<T>) -> Applied {
    Applied::To(result.map(Into::into))
}

fn days(duration: Option<SignedDuration>) -> Applied {
    Applied::To(duration.map(Value::DaysTimeDuration))
}

/// Months, if they fit where durations are kept elsewhere.
fn months(count: Option<i64>) -> Applied {
    let count = count.filter(|count| i32::try_from(*count).is_ok());
    Applied::To(count.map(Value::YearsMonthsDuration))
}

fn add(x: &Value, y: &Value) -> Applied {
    match (x, y) {
        (Value::Number(x), Value::Number(y)) => applied(x.add(y)),
        (Value::String(x), Value::String(y)) => applied(Some([&**x, &**y].concat())),
        (Value::DaysTimeDuration(x), Value::DaysTimeDuration(y)) => days(x.checked_add(*y)),
        (Value::YearsMonthsDuration(x), Value::YearsMonthsDuration(y)) => months(x.checked_add(*y)),
        (Value::DaysTimeDuration(duration), at) | (at, Value::DaysTimeDuration(duration)) => {
            later(at, *duration)
        }
        (Value::YearsMonthsDuration(count), at) | (at, Value::YearsMonthsDuration(count)) => {
            months_later(at, *count)
        }
        _ => Applied::ToNothing,
    }
}

fn later(at: &Value, duration: SignedDuration) -> Applied {
    match at {
        Value::Date(date) => Applied::To(temporal::date_plus(*date, duration).map(Value::Date)),
        Value::Time(time) => applied(Some(time.plus(duration))),
        Value::DateTime(at) => applied(at.plus(duration)),
        _ => Applied::ToNothing,
    }
}

fn months_later(at: &Value, count: i64) -> Applied {
    match at {
        Value::Date(date) => Applied::To(temporal::date_plus_months(*date, count).map(Value::Date)),
        Value::DateTime(at) => applied(at.plus_months(count)),
        _ => Applied::ToNothing,
    }
}

fn subtract(x: &Value, y: &Value) -> Applied {
    match (x, y) {
        (Value::Number(x), Value::Number(y)) => applied(x.sub(y)),
        (Value::Date(x), Value::Date(y)) => days(Some(temporal::date_minus(*x, *y))),
        (Value::Time(x), Value::Time(y)) => x
            .minus(y)
            .map_or(Applied::ToNothing, |between| days(Some(between))),
        (Value::DateTime(x), Value::DateTime(y)) => x
            .minus(y)
            .map_or(Applied::ToNothing, |between| days(Some(between))),
        (Value::DaysTimeDuration(x), Value::DaysTimeDuration(y)) => days(x.checked_sub(*y)),
        (Value::YearsMonthsDuration(x), Value::YearsMonthsDuration(y)) => months(x.checked_sub(*y)),
        (at, Value::DaysTimeDuration(duration)) => match duration.checked_neg() {
            Some(negated) => later(at, negated),
            None => Applied::To(None),
        },
        (at, Value::YearsMonthsDuration(count)) => months_later(at, -count),
        _ => Applied::ToNothing,
    }
}

fn multiply(x: &Value, y: &Value) -> Applied {
    match (x, y) {
        (Value::Number(x), Value::Number(y)) => applied(x.mul(y)),
        (Value::Number(factor), Value::DaysTimeDuration(duration))
        | (Value::DaysTimeDuration(duration), Value::Number(factor)) => {
            days(duration.checked_mul(factor.to_i32()))
        }
        (Value::Number(factor), Value::YearsMonthsDuration(count))
        | (Value::YearsMonthsDuration(count), Value::Number(factor)) => {
            months(count.checked_mul(factor.to_i32().into()))
        }
        _ => Applied::ToNothing,
    }
}

fn divide(x: &Value, y: &Value) -> Applied {
    match (x, y) {
        (Value::Number(x), Value::Number(y)) if !y.is_zero() => applied(x.div(y)),
        (Value::DaysTimeDuration(x), Value::Number(y)) if !y.is_zero() => {
            days(quotient(x.as_millis(), y).map(SignedDuration::from_millis))
        }
        (Value::YearsMonthsDuration(x), Value::Number(y)) if !y.is_zero() => {
            months(quotient((*x).into(), y))
        }
        (Value::DaysTimeDuration(x), Value::DaysTimeDuration(y)) if !y.is_zero() => {
            let whole = x.as_millis().checked_div(y.as_millis());
            applied(whole.and_then(|whole| i64::try_from(whole).ok()))
        }
        (Value::YearsMonthsDuration(x), Value::YearsMonthsDuration(y)) if *y != 0 => {
            applied(x.checked_div(*y))
        }
        _ => Applied::ToNothing,
    }
}

/// The whole part.
fn quotient(x: i128, y: &Number) -> Option<i64> {
    let quotient = Number::from(i64::try_from(x).ok()?).div(y)?;
    quotient
        .round(0, crate::number::RoundingMode::Down)?
        .as_i64()
}

fn power(x: &Value, y: &Value) -> Result<Applied, Problem> {
    let number = |value: &Value| match value {
        Value::Number(n) => Ok(n.clone()),
        other => Err(Problem::Warning(
            WarningKind::InvalidType,
            format!("Expected number but found '{other}'"),
        )),
    };
    let (base, exponent) = (number(x)?, number(y)?);
    Ok(applied(if exponent.is_whole() {
        exponent.as_i64().and_then(|exponent| base.pow(exponent))
    } else {
        Number::from_f64(base.to_f64().powf(exponent.to_f64()))
    }))
}

// ---- comparison ----

pub(crate) fn compare(op: Comparison, x: &Value, y: &Value) -> Result<bool, Problem> {
    let incomparable = || {
        Problem::Warning(
            WarningKind::NotComparable,
            format!("Can't compare '{x}' with '{y}'"),
        )
    };
    if op == Comparison::Equal {
        return equal(x, y).ok_or_else(incomparable);
    }
    let order = match order(x, y) {
        Some(order) => order,
        None if is_ordered(x)
            && is_ordered(y)
            && matches!((x, y), (Value::List(_), Value::List(_))) =>
        {
            return Err(Problem::Fatal(format!("{x} can not be compared to {y}")));
        }
        None => return Err(incomparable()),
    };
    Ok(match op {
        Comparison::Equal => order.is_eq(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

/// Whether two values are equal; `None` if they are of different types, and none is null.
pub(crate) fn equal(x: &Value, y: &Value) -> Option<bool> {
    let comparable = match (x, y) {
        (Value::Null, _) | (_, Value::Null) => true,
        (Value::Range(_) | Value::Function(_), _) => false,
        (Value::Time(x), Value::Time(y)) => x.offset.is_some() == y.offset.is_some(),
        (Value::DateTime(x), Value::DateTime(y)) => {
            matches!(**x, DateTime::Local(_)) == matches!(**y, DateTime::Local(_))
        }
        _ => std::mem::discriminant(x) == std::mem::discriminant(y),
    };
    comparable.then(|| x == y)
}

/// The order of two values of one type that has an order.
pub(crate) fn order(x: &Value, y: &Value) -> Option<Ordering> {
    match (x, y) {
        (Value::Number(x), Value::Number(y)) => Some(x.cmp(y)),
        (Value::String(x), Value::String(y)) => Some(string_order(x, y)),
        (Value::Date(x), Value::Date(y)) => Some(x.cmp(y)),
        (Value::Time(x), Value::Time(y)) => x.compare(y),
        (Value::DateTime(x), Value::DateTime(y)) => x.compare(y),
        (Value::DaysTimeDuration(x), Value::DaysTimeDuration(y)) => Some(x.cmp(y)),
        (Value::YearsMonthsDuration(x), Value::YearsMonthsDuration(y)) => Some(x.cmp(y)),
        _ => None,
    }
}

/// By UTF-16 units, as Java does.
fn string_order(x: &str, y: &str) -> Ordering {
    if x.is_ascii() && y.is_ascii() {
        return x.cmp(y);
    }
    x.encode_utf16().cmp(y.encode_utf16())
}

/// Whether a value is of a type that has an order. Lists count as such if their items do,
/// though they have none in the end.
pub(crate) fn is_ordered(value: &Value) -> bool {
    match value {
        Value::List(items) => match items.split_first() {
            Some((first, rest)) => {
                is_ordered(first) && rest.iter().all(|item| same_kind(first, item))
            }
            None => false,
        },
        Value::Null
        | Value::Boolean(_)
        | Value::Context(_)
        | Value::Range(_)
        | Value::Function(_) => false,
        _ => true,
    }
}

fn same_kind(x: &Value, y: &Value) -> bool {
    std::mem::discriminant(x) == std::mem::discriminant(y)
        && (order(x, y).is_some() || matches!(x, Value::List(_)))
}

/// Whether there can be a range between two values.
pub(crate) fn is_range(start: &Value, end: &Value) -> bool {
    !matches!(start, Value::String(_)) && order(start, end).is_some()
}

// ---- types and properties ----

pub(crate) fn is_instance(value: &Value, type_name: &str) -> bool {
    let actual = match value {
        Value::Null => "null",
        Value::Boolean(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "list",
        Value::Context(_) => "context",
        Value::Date(_) => "date",
        Value::Time(_) => "time",
        Value::DateTime(_) => "date and time",
        Value::DaysTimeDuration(_) => "days and time duration",
        Value::YearsMonthsDuration(_) => "years and months duration",
        Value::Range(_) => "range",
        Value::Function(_) => "function",
    };
    match type_name {
        "Any" => !matches!(value, Value::Null),
        "date time" => actual == "date and time",
        "year-month-duration" => actual == "years and months duration",
        "day-time-duration" => actual == "days and time duration",
        _ => actual == type_name,
    }
}

/// The names of the properties that a value has.
pub(crate) fn properties(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Date(_) => &["year", "month", "day", "weekday"],
        Value::Time(_) => &["hour", "minute", "second", "time offset", "timezone"],
        Value::DateTime(_) => &[
            "year",
            "month",
            "day",
            "weekday",
            "hour",
            "minute",
            "second",
            "time offset",
            "timezone",
        ],
        Value::DaysTimeDuration(_) => &["days", "hours", "minutes", "seconds"],
        Value::YearsMonthsDuration(_) => &["years", "months"],
        Value::Range(_) => &["start", "end", "start included", "end included"],
        _ => &[],
    }
}

pub(crate) fn property(value: &Value, name: &str) -> Option<Value> {
    let of_date = |date: jiff::civil::Date| match name {
        "year" => Some(i64::from(date.year())),
        "month" => Some(date.month().into()),
        "day" => Some(date.day().into()),
        "weekday" => Some(date.weekday().to_monday_one_offset().into()),
        _ => None,
    };
    match value {
        Value::Date(date) => of_date(*date).map(Value::from),
        Value::Time(time) => time_property(time, name),
        Value::DateTime(at) => match of_date(at.local().date()) {
            Some(part) => Some(part.into()),
            None => time_property(&at.time(), name),
        },
        Value::DaysTimeDuration(duration) => {
            let seconds = whole_seconds(*duration);
            let part = match name {
                "days" => seconds / 86400,
                "hours" => seconds / 3600 % 24,
                "minutes" => seconds / 60 % 60,
                "seconds" => seconds % 60,
                _ => return None,
            };
            Some(part.into())
        }
        Value::YearsMonthsDuration(months) => match name {
            "years" => Some((months / 12).into()),
            "months" => Some((months % 12).into()),
            _ => None,
        },
        Value::Range(range) => match name {
            "start" => Some(range.start.clone()),
            "end" => Some(range.end.clone()),
            "start included" => Some(range.start_included.into()),
            "end included" => Some(range.end_included.into()),
            _ => None,
        },
        _ => None,
    }
}

fn time_property(time: &Time, name: &str) -> Option<Value> {
    Some(match name {
        "hour" => i64::from(time.time.hour()).into(),
        "minute" => i64::from(time.time.minute()).into(),
        "second" => i64::from(time.time.second()).into(),
        "time offset" => time.offset.map_or(Value::Null, |offset| {
            Value::DaysTimeDuration(SignedDuration::from_secs(offset.seconds().into()))
        }),
        "timezone" => time
            .zone
            .as_ref()
            .map_or(Value::Null, |zone| Value::String(zone.name.clone())),
        _ => return None,
    })
}
