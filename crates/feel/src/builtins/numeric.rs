//! Numbers. Roots, logarithms and powers of e go through doubles.

use super::{fatal, fault, illegal};
use crate::Value;
use crate::eval::{Answer, Evaluator};
use crate::number::{Number, RoundingMode};

const MODES: [(&str, Option<RoundingMode>); 8] = [
    ("UP", Some(RoundingMode::Up)),
    ("DOWN", Some(RoundingMode::Down)),
    ("CEILING", Some(RoundingMode::Ceiling)),
    ("FLOOR", Some(RoundingMode::Floor)),
    ("HALF_UP", Some(RoundingMode::HalfUp)),
    ("HALF_DOWN", Some(RoundingMode::HalfDown)),
    ("HALF_EVEN", Some(RoundingMode::HalfEven)),
    ("UNNECESSARY", None),
];

/// `None` as the mode: there must be nothing to round.
fn rounded(n: &Number, scale: &Number, mode: Option<RoundingMode>) -> Answer {
    let Some(result) = n.round(scale.to_i32().into(), mode.unwrap_or(RoundingMode::Down)) else {
        return fatal(format!("can't round {n} to {scale} digits after the point"));
    };
    if mode.is_none() && result != *n {
        return fault("Failed to apply rounding mode 'UNNECESSARY': Rounding necessary");
    }
    Ok(result.into())
}

/// Of a number and, maybe, digits after the point.
fn round_by(arguments: &[Value], mode: RoundingMode) -> Answer {
    match arguments {
        [Value::Number(n)] => rounded(n, &0.into(), Some(mode)),
        [Value::Number(n), Value::Number(scale)] => rounded(n, scale, Some(mode)),
        other => illegal(other),
    }
}

pub(super) fn decimal(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::Number(n), Value::Number(scale), Value::String(mode)] => {
            let name = mode.to_uppercase();
            match MODES.iter().find(|(known, _)| *known == name) {
                Some((_, mode)) => rounded(n, scale, *mode),
                None => {
                    let known: Vec<&str> = MODES.iter().map(|(name, _)| *name).collect();
                    fault(format!(
                        "Illegal argument '{mode}' for rounding mode. Must be one of: {}",
                        known.join(", ")
                    ))
                }
            }
        }
        other => round_by(other, RoundingMode::HalfEven),
    }
}

pub(super) fn floor(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    round_by(arguments, RoundingMode::Floor)
}

pub(super) fn ceiling(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    round_by(arguments, RoundingMode::Ceiling)
}

pub(super) fn round_up(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    round_by(arguments, RoundingMode::Up)
}

pub(super) fn round_down(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    round_by(arguments, RoundingMode::Down)
}

pub(super) fn round_half_up(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    round_by(arguments, RoundingMode::HalfUp)
}

pub(super) fn round_half_down(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    round_by(arguments, RoundingMode::HalfDown)
}

pub(super) fn abs(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::Number(n)] => Ok(n.abs().into()),
        [Value::YearsMonthsDuration(months)] => Ok(Value::YearsMonthsDuration(months.abs())),
        [Value::DaysTimeDuration(duration)] => {
            let positive = if duration.is_negative() {
                duration.checked_neg()
            } else {
                Some(*duration)
            };
            match positive {
                Some(duration) => Ok(Value::DaysTimeDuration(duration)),
                None => fatal("the duration is out of range"),
            }
        }
        other => illegal(other),
    }
}

/// With the sign of the divisor.
pub(super) fn modulo(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let [Value::Number(dividend), Value::Number(divisor)] = arguments else {
        return illegal(arguments);
    };
    if divisor.is_zero() {
        return fatal("division by zero");
    }
    let shifted = dividend.rem(divisor).and_then(|rest| rest.add(divisor));
    match shifted.and_then(|shifted| shifted.rem(divisor)) {
        Some(result) => Ok(result.into()),
        None => fatal(format!(
            "the remainder of {dividend} by {divisor} is out of range"
        )),
    }
}

fn through_double(arguments: &[Value], function: fn(f64) -> f64) -> Answer {
    let [Value::Number(n)] = arguments else {
        return illegal(arguments);
    };
    match Number::from_f64(function(n.to_f64())) {
        Some(result) => Ok(result.into()),
        None => fatal(format!("the result for {n} is not a number")),
    }
}

pub(super) fn sqrt(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    match arguments {
        [Value::Number(n)] if n.is_negative() => Ok(Value::Null),
        other => through_double(other, f64::sqrt),
    }
}

pub(super) fn log(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    through_double(arguments, f64::ln)
}

pub(super) fn exp(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    through_double(arguments, f64::exp)
}

fn halves_to(arguments: &[Value], rest: i64) -> Answer {
    let [Value::Number(n)] = arguments else {
        return illegal(arguments);
    };
    match n.abs().rem(&2.into()) {
        Some(found) => Ok((found == rest.into()).into()),
        None => fatal(format!("{n} has too many digits")),
    }
}

pub(super) fn odd(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    halves_to(arguments, 1)
}

pub(super) fn even(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    halves_to(arguments, 0)
}

pub(super) fn random_number(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Answer {
    let number = Number::from_f64(evaluator.random.next_f64());
    Ok(number.expect("it is below one").into())
}
