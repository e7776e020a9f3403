//! How ranges and points lie to each other, as DMN's table of relations has it.

use std::cmp::Ordering;

use super::{fatal, illegal};
use crate::eval::{Answer, Evaluator};
use crate::operators::order;
use crate::value::{Range, Value};

/// A point or a range, as ends with their order.
enum Place<'a> {
    Point(&'a Value),
    Range(&'a Range),
}

impl Place<'_> {
    fn start(&self) -> &Value {
        match self {
            Place::Point(point) => point,
            Place::Range(range) => &range.start,
        }
    }
}

fn place(value: &Value) -> Option<Place<'_>> {
    match value {
        Value::Range(range) => Some(Place::Range(range)),
        Value::Null | Value::String(_) => None,
        point => order(point, point).map(|_| Place::Point(point)),
    }
}

/// Applies the relation that there is between two such places. Places of different types are
/// illegal arguments; a relation that there isn't between places like these ends the evaluation.
fn relate(
    arguments: &[Value],
    relation: impl FnOnce(&Place<'_>, &Place<'_>) -> Option<bool>,
) -> Answer {
    let places = match arguments {
        [a, b] => place(a).zip(place(b)),
        _ => None,
    };
    let Some((a, b)) = places.filter(|(a, b)| order(a.start(), b.start()).is_some()) else {
        return illegal(arguments);
    };
    match relation(&a, &b) {
        Some(related) => Ok(related.into()),
        None => fatal(format!(
            "'{}' and '{}' are not the point and the range that the function is about",
            arguments[0], arguments[1]
        )),
    }
}

pub(super) fn before(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, is_before)
}

pub(super) fn after(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, |a, b| is_before(b, a))
}

fn is_before(a: &Place<'_>, b: &Place<'_>) -> Option<bool> {
    let (end, end_included) = match a {
        Place::Point(point) => (*point, true),
        Place::Range(range) => (&range.end, range.end_included),
    };
    let (start, start_included) = match b {
        Place::Point(point) => (*point, true),
        Place::Range(range) => (&range.start, range.start_included),
    };
    Some(match order(end, start)? {
        Ordering::Less => true,
        Ordering::Equal => !(end_included && start_included),
        Ordering::Greater => false,
    })
}

fn of_ranges(arguments: &[Value], relation: impl FnOnce(&Range, &Range) -> Option<bool>) -> Answer {
    relate(arguments, |a, b| match (a, b) {
        (Place::Range(a), Place::Range(b)) => relation(a, b),
        _ => None,
    })
}

pub(super) fn meets(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_ranges(arguments, meet)
}

pub(super) fn met_by(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_ranges(arguments, |a, b| meet(b, a))
}

fn meet(a: &Range, b: &Range) -> Option<bool> {
    Some(order(&a.end, &b.start)?.is_eq() && a.end_included && b.start_included)
}

/// Whether `a` still goes on where `b` starts.
fn reaches(a: &Range, b: &Range) -> Option<bool> {
    Some(match order(&a.end, &b.start)? {
        Ordering::Greater => true,
        Ordering::Equal => a.end_included && b.start_included,
        Ordering::Less => false,
    })
}

pub(super) fn overlaps(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_ranges(arguments, |a, b| Some(reaches(a, b)? && reaches(b, a)?))
}

pub(super) fn overlaps_before(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_ranges(arguments, overlap_before)
}

pub(super) fn overlaps_after(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    of_ranges(arguments, |a, b| overlap_before(b, a))
}

fn overlap_before(a: &Range, b: &Range) -> Option<bool> {
    let starts_earlier = match order(&a.start, &b.start)? {
        Ordering::Less => true,
        Ordering::Equal => a.start_included && !b.start_included,
        Ordering::Greater => false,
    };
    Some(starts_earlier && reaches(a, b)? && ends_within(a, b)?)
}

/// Whether `a` ends no later than `b`.
fn ends_within(a: &Range, b: &Range) -> Option<bool> {
    Some(match order(&a.end, &b.end)? {
        Ordering::Less => true,
        Ordering::Equal => !a.end_included || b.end_included,
        Ordering::Greater => false,
    })
}

/// Whether `a` starts no earlier than `b`.
fn starts_within(a: &Range, b: &Range) -> Option<bool> {
    Some(match order(&a.start, &b.start)? {
        Ordering::Greater => true,
        Ordering::Equal => !a.start_included || b.start_included,
        Ordering::Less => false,
    })
}

pub(super) fn finishes(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, finish)
}

pub(super) fn finished_by(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, |a, b| finish(b, a))
}

fn finish(a: &Place<'_>, b: &Place<'_>) -> Option<bool> {
    match (a, b) {
        (Place::Point(point), Place::Range(b)) => {
            Some(order(point, &b.end)?.is_eq() && b.end_included)
        }
        (Place::Range(a), Place::Range(b)) => Some(
            order(&a.end, &b.end)?.is_eq()
                && a.end_included == b.end_included
                && starts_within(a, b)?,
        ),
        _ => None,
    }
}

pub(super) fn starts(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, start)
}

pub(super) fn started_by(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, |a, b| start(b, a))
}

fn start(a: &Place<'_>, b: &Place<'_>) -> Option<bool> {
    match (a, b) {
        (Place::Point(point), Place::Range(b)) => {
            Some(order(point, &b.start)?.is_eq() && b.start_included)
        }
        (Place::Range(a), Place::Range(b)) => Some(
            order(&a.start, &b.start)?.is_eq()
                && a.start_included == b.start_included
                && ends_within(a, b)?,
        ),
        _ => None,
    }
}

pub(super) fn during(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, is_during)
}

pub(super) fn includes(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, |a, b| is_during(b, a))
}

fn is_during(a: &Place<'_>, b: &Place<'_>) -> Option<bool> {
    match (a, b) {
        (Place::Point(point), Place::Range(b)) => {
            let (from_start, from_end) = (order(point, &b.start)?, order(point, &b.end)?);
            // An end counts by itself, also of a range that runs backwards.
            Some(
                (from_start.is_gt() && from_end.is_lt())
                    || (from_start.is_eq() && b.start_included)
                    || (from_end.is_eq() && b.end_included),
            )
        }
        (Place::Range(a), Place::Range(b)) => Some(starts_within(a, b)? && ends_within(a, b)?),
        _ => None,
    }
}

pub(super) fn coincides(_: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    relate(arguments, |a, b| match (a, b) {
        (Place::Point(a), Place::Point(b)) => Some(order(a, b)?.is_eq()),
        (Place::Range(a), Place::Range(b)) => Some(
            order(&a.start, &b.start)?.is_eq()
                && order(&a.end, &b.end)?.is_eq()
                && a.start_included == b.start_included
                && a.end_included == b.end_included,
        ),
        _ => Some(false),
    })
}
