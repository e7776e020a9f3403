//! Dates, times and durations: their parts, order, arithmetic and text.
//!
//! Durations of days and time are `jiff`'s, those of years and months a number of months.
//! Parsing is in [`parse`]. Years go from -9999 to 9999.

mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil::{self, Date};
use jiff::tz::{self, Offset};
use jiff::{SignedDuration, Span, Timestamp};

pub(crate) use parse::{date, date_time, duration, literal, local_time, offset, time};
pub use parse::{parse_date_time, parse_duration};

/// A zone of the bundled database, by the name it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: Arc<str>,
    pub(crate) rules: tz::TimeZone,
}

impl Zone {
    /// A region (`Europe/Berlin`), spelled exactly as the database does.
    pub(crate) fn region(name: &str) -> Option<Zone> {
        let rules = tz::TimeZone::get(name).ok()?;
        (rules.iana_name() == Some(name)).then(|| Zone {
            name: name.into(),
            rules,
        })
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A time of day, local or with an offset or a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    pub(crate) time: civil::Time,
    /// None: local.
    pub(crate) offset: Option<Offset>,
    pub(crate) zone: Option<Zone>,
}

impl Time {
    pub(crate) fn local(time: civil::Time) -> Self {
        Time {
            time,
            offset: None,
            zone: None,
        }
    }

    pub(crate) fn with_offset(time: civil::Time, offset: Offset) -> Self {
        Time {
            time,
            offset: Some(offset),
            zone: None,
        }
    }

    /// In a region, at the offset it has without daylight saving.
    pub(crate) fn in_zone(time: civil::Time, zone: Zone) -> Self {
        let offset = standard_offset(&zone.rules);
        Time {
            time,
            offset: Some(offset),
            zone: Some(zone),
        }
    }

    /// Nanoseconds since midnight in UTC; the order of times with an offset.
    fn nanoseconds(&self) -> i128 {
        let offset = self
            .offset
            .map_or(0, |o| i128::from(o.seconds()) * 1_000_000_000);
        self.time.duration_since(civil::Time::midnight()).as_nanos() - offset
    }

    /// The order, if both are local or neither is.
    pub(crate) fn compare(&self, other: &Time) -> Option<Ordering> {
        (self.offset.is_some() == other.offset.is_some())
            .then(|| self.nanoseconds().cmp(&other.nanoseconds()))
    }

    /// This time so much later, around midnight if need be.
    pub(crate) fn plus(&self, duration: SignedDuration) -> Time {
        Time {
            time: self.time.wrapping_add(duration),
            ..self.clone()
        }
    }

    /// What lies between two times of the same kind; between such with an offset it is never
    /// negative.
    pub(crate) fn minus(&self, other: &Time) -> Option<SignedDuration> {
        match (self.offset, other.offset) {
            (None, None) => Some(self.time.duration_since(other.time)),
            (Some(_), Some(_)) => {
                let between = (self.nanoseconds() - other.nanoseconds()).abs();
                Some(SignedDuration::from_nanos_i128(between))
            }
            _ => None,
        }
    }

    pub(crate) fn on(&self, date: Date) -> Option<DateTime> {
        let local = date.to_datetime(self.time);
        match (&self.zone, self.offset) {
            (Some(zone), _) => DateTime::in_zone(local, zone.clone()),
            (None, Some(offset)) => DateTime::with_offset(local, offset),
            (None, None) => Some(DateTime::Local(local)),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_time(f, self.time)?;
        match (&self.zone, self.offset) {
            (Some(zone), _) => write!(f, "@{}", zone.name),
            (None, Some(offset)) => write_offset(f, offset),
            (None, None) => Ok(()),
        }
    }
}

/// A date and time, local or with an offset or a zone.
#[derive(Clone, Debug)]
pub enum DateTime {
    /// Without an offset.
    Local(civil::DateTime),
    /// At an instant.
    Zoned(Zoned),
}

/// An instant as seen in a zone, or at an offset if there is no zone.
#[derive(Clone, Debug)]
pub struct Zoned {
    pub(crate) at: jiff::ZonedDateTime,
    pub(crate) zone: Option<Zone>,
}

impl DateTime {
    pub(crate) fn with_offset(local: civil::DateTime, offset: Offset) -> Option<DateTime> {
        let at = local.to_zoned_datetime(offset.to_time_zone()).ok()?;
        Some(DateTime::Zoned(Zoned { at, zone: None }))
    }

    pub(crate) fn in_zone(local: civil::DateTime, zone: Zone) -> Option<DateTime> {
        let at = local.to_zoned_datetime(zone.rules.clone()).ok()?;
        Some(DateTime::Zoned(Zoned {
            at,
            zone: Some(zone),
        }))
    }

    pub(crate) fn at(timestamp: Timestamp, zone: Zone) -> DateTime {
        let at = timestamp.to_zoned_datetime(zone.rules.clone());
        DateTime::Zoned(Zoned {
            at,
            zone: Some(zone),
        })
    }

    pub(crate) fn at_offset(timestamp: Timestamp, offset: Offset) -> DateTime {
        let at = timestamp.to_zoned_datetime(offset.to_time_zone());
        DateTime::Zoned(Zoned { at, zone: None })
    }

    pub(crate) fn local(&self) -> civil::DateTime {
        match self {
            DateTime::Local(local) => *local,
            DateTime::Zoned(zoned) => zoned.at.datetime(),
        }
    }

    /// The time of day, with the offset and zone of the date.
    pub(crate) fn time(&self) -> Time {
        match self {
            DateTime::Local(local) => Time::local(local.time()),
            DateTime::Zoned(Zoned { at, zone }) => Time {
                time: at.time(),
                offset: Some(at.offset()),
                zone: zone.clone(),
            },
        }
    }

    /// The instant; a local one is taken as UTC.
    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        match self {
            DateTime::Local(local) => Offset::UTC.to_timestamp(*local).ok(),
            DateTime::Zoned(zoned) => Some(zoned.at.timestamp()),
        }
    }

    /// The order, if both are local or neither is: by instant, then by the local time.
    pub(crate) fn compare(&self, other: &DateTime) -> Option<Ordering> {
        match (self, other) {
            (DateTime::Local(a), DateTime::Local(b)) => Some(a.cmp(b)),
            (DateTime::Zoned(a), DateTime::Zoned(b)) => Some(
                (a.at.timestamp().cmp(&b.at.timestamp()))
                    .then_with(|| a.at.datetime().cmp(&b.at.datetime()))
                    .then_with(|| a.zone_name().cmp(&b.zone_name())),
            ),
            _ => None,
        }
    }

    pub(crate) fn plus(&self, duration: SignedDuration) -> Option<DateTime> {
        match self {
            DateTime::Local(local) => local.checked_add(duration).ok().map(DateTime::Local),
            DateTime::Zoned(Zoned { at, zone }) => {
                let at = at.checked_add(duration).ok()?;
                Some(DateTime::Zoned(Zoned {
                    at,
                    zone: zone.clone(),
                }))
            }
        }
    }

    pub(crate) fn plus_months(&self, months: i64) -> Option<DateTime> {
        let span = Span::new().try_months(months).ok()?;
        match self {
            DateTime::Local(local) => local.checked_add(span).ok().map(DateTime::Local),
            DateTime::Zoned(Zoned { at, zone }) => {
                let at = at.checked_add(span).ok()?;
                Some(DateTime::Zoned(Zoned {
                    at,
                    zone: zone.clone(),
                }))
            }
        }
    }

    /// What lies between, if both are local or neither is.
    pub(crate) fn minus(&self, other: &DateTime) -> Option<SignedDuration> {
        match (self, other) {
            (DateTime::Local(a), DateTime::Local(b)) => Some(a.duration_since(*b)),
            (DateTime::Zoned(a), DateTime::Zoned(b)) => Some(a.at.duration_since(&b.at)),
            _ => None,
        }
    }

    /// As JSON stores it: like FEEL's text, but a zone follows its offset in brackets.
    pub(crate) fn to_iso(&self) -> String {
        match self {
            DateTime::Zoned(Zoned {
                at,
                zone: Some(zone),
            }) => {
                let plain = DateTime::at_offset(at.timestamp(), at.offset());
                format!("{plain}[{}]", zone.name)
            }
            DateTime::Zoned(_) | DateTime::Local(_) => self.to_string(),
        }
    }
}

impl Zoned {
    fn zone_name(&self) -> Option<&str> {
        self.zone.as_ref().map(|zone| &*zone.name)
    }
}

impl PartialEq for DateTime {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.local();
        write_date(f, local.date())?;
        f.write_str("T")?;
        write_time(f, local.time())?;
        match self {
            DateTime::Local(_) => Ok(()),
            DateTime::Zoned(Zoned {
                zone: Some(zone), ..
            }) => write!(f, "@{}", zone.name),
            DateTime::Zoned(Zoned { at, zone: None }) => write_offset(f, at.offset()),
        }
    }
}

pub(crate) fn date_plus(date: Date, duration: SignedDuration) -> Option<Date> {
    let start = date.to_datetime(civil::Time::midnight());
    Some(start.checked_add(duration).ok()?.date())
}

pub(crate) fn date_plus_months(date: Date, months: i64) -> Option<Date> {
    date.checked_add(Span::new().try_months(months).ok()?).ok()
}

pub(crate) fn date_minus(a: Date, b: Date) -> SignedDuration {
    a.duration_since(b)
}

/// The whole months from one date to another.
pub(crate) fn months_between(from: Date, to: Date) -> i64 {
    let months = |d: Date| i64::from(d.year()) * 12 + i64::from(d.month());
    let between = months(to) - months(from);
    let day_order = to.day().cmp(&from.day());
    match (between.signum(), day_order) {
        (1, Ordering::Less) => between - 1,
        (-1, Ordering::Greater) => between + 1,
        _ => between,
    }
}

/// The seconds of a duration, rounded down: what its text and its parts are made of.
pub(crate) fn whole_seconds(duration: SignedDuration) -> i64 {
    duration.as_secs() - i64::from(duration.subsec_nanos() < 0)
}

/// As FEEL writes it, which drops the parts of a second.
pub(crate) fn duration_text(duration: SignedDuration) -> String {
    let total = whole_seconds(duration);
    if total == 0 {
        return "P0D".to_owned();
    }
    let seconds = total.unsigned_abs();
    let mut text = String::from(if total < 0 { "-P" } else { "P" });
    push_part(&mut text, seconds / 86400, 'D');
    if !seconds.is_multiple_of(86400) {
        text.push('T');
    }
    push_part(&mut text, seconds / 3600 % 24, 'H');
    push_part(&mut text, seconds / 60 % 60, 'M');
    push_part(&mut text, seconds % 60, 'S');
    text
}

pub(crate) fn months_text(months: i64) -> String {
    if months == 0 {
        return "P0Y".to_owned();
    }
    let mut text = String::from(if months < 0 { "-P" } else { "P" });
    push_part(&mut text, months.unsigned_abs() / 12, 'Y');
    push_part(&mut text, months.unsigned_abs() % 12, 'M');
    text
}

fn push_part(text: &mut String, count: u64, unit: char) {
    if count != 0 {
        text.push_str(&count.to_string());
        text.push(unit);
    }
}

pub(crate) struct DateText(pub(crate) Date);

impl fmt::Display for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_date(f, self.0)
    }
}

fn write_date(f: &mut fmt::Formatter<'_>, date: Date) -> fmt::Result {
    let sign = if date.year() < 0 { "-" } else { "" };
    write!(
        f,
        "{sign}{:04}-{:02}-{:02}",
        date.year().unsigned_abs(),
        date.month(),
        date.day()
    )
}

fn write_time(f: &mut fmt::Formatter<'_>, time: civil::Time) -> fmt::Result {
    write!(
        f,
        "{:02}:{:02}:{:02}",
        time.hour(),
        time.minute(),
        time.second()
    )?;
    match time.subsec_nanosecond() {
        0 => Ok(()),
        nanoseconds => write!(f, ".{}", format!("{nanoseconds:09}").trim_end_matches('0')),
    }
}

fn write_offset(f: &mut fmt::Formatter<'_>, offset: Offset) -> fmt::Result {
    let seconds = offset.seconds();
    if seconds == 0 {
        return f.write_str("Z");
    }
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
    if seconds % 60 != 0 {
        write!(f, ":{:02}", seconds % 60)?;
    }
    Ok(())
}

/// The offset of a zone outside of daylight saving. A time of day has no date to ask for the
/// rules of, so the ones of 2025 stand for all.
fn standard_offset(rules: &tz::TimeZone) -> Offset {
    const JANUARY: i64 = 1_735_689_600;
    const JULY: i64 = 1_751_328_000;
    let at = |second| rules.to_offset_info(Timestamp::constant(second, 0));
    let (january, july) = (at(JANUARY), at(JULY));
    if january.dst().is_dst() && july.dst().is_std() {
        july.offset()
    } else {
        january.offset()
    }
}
