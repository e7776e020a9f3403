//! Texts to dates, times and durations: exactly the forms that FEEL takes, and a few more that
//! timers use.

use jiff::civil::{self, Date};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::{DateTime, Time, Zone, Zoned};
use crate::Value;

/// Parses an ISO 8601 duration (`PT5M`, `P1M`, `-PT1S`) into one of FEEL's two kinds. Beyond
/// FEEL, weeks count as days (`P2W`), since timers know them. A mixture of months and days
/// (`P1M2D`) is neither kind, and `None`.
pub fn parse_duration(text: &str) -> Option<Value> {
    duration(text).or_else(|| weeks(text).map(Value::DaysTimeDuration))
}

/// Parses a date and time: with an offset (`2026-01-01T10:00:00Z`), a zone
/// (`..+01:00[Europe/Berlin]`, `..@Europe/Berlin`) or neither.
pub fn parse_date_time(text: &str) -> Option<Value> {
    date_time(text).map(Value::from)
}

/// What stands between the quotes of `@"..."`.
pub(crate) fn literal(text: &str) -> Option<Value> {
    date(text)
        .map(Value::Date)
        .or_else(|| time(text).map(Value::from))
        .or_else(|| date_time(text).map(Value::from))
        .or_else(|| duration(text))
}

pub(crate) fn date(text: &str) -> Option<Date> {
    let mut scan = Scan(text);
    let date = scan.date()?;
    scan.is_done().then_some(date)
}

/// A date and time; a date alone is its midnight.
pub(crate) fn date_time(text: &str) -> Option<DateTime> {
    let mut scan = Scan(text);
    let date = scan.date()?;
    if scan.is_done() {
        return Some(DateTime::Local(date.to_datetime(civil::Time::midnight())));
    }
    scan.expect(b'T')?;
    let local = date.to_datetime(scan.time()?);
    if scan.is_done() {
        return Some(DateTime::Local(local));
    }
    if let Some(name) = scan.0.strip_prefix('@') {
        return match offset(name) {
            Some(offset) => DateTime::with_offset(local, offset),
            None => DateTime::in_zone(local, Zone::region(name)?),
        };
    }
    let offset = scan.offset()?;
    if scan.is_done() {
        return DateTime::with_offset(local, offset);
    }
    let name = scan.0.strip_prefix('[')?.strip_suffix(']')?;
    let timestamp: Timestamp = offset.to_timestamp(local).ok()?;
    let zone = Zone::region(name)?;
    let at = timestamp.to_zoned_datetime(zone.rules.clone());
    Some(DateTime::Zoned(Zoned {
        at,
        zone: Some(zone),
    }))
}

/// A time of day with or without an offset or a zone.
pub(crate) fn time(text: &str) -> Option<Time> {
    let mut scan = Scan(text.strip_prefix('T').unwrap_or(text));
    let time = scan.time()?;
    if scan.is_done() {
        return Some(Time::local(time));
    }
    if let Some(name) = scan.0.strip_prefix('@') {
        return match offset(name) {
            Some(offset) => Some(Time::with_offset(time, offset)),
            None => Some(Time::in_zone(time, Zone::region(name)?)),
        };
    }
    let offset = scan.offset()?;
    scan.is_done().then(|| Time::with_offset(time, offset))
}

/// Of hours, minutes and seconds with a fraction.
pub(crate) fn local_time(
    hour: i32,
    minute: i32,
    second: i32,
    nanosecond: i32,
) -> Option<civil::Time> {
    let small = |n: i32| i8::try_from(n).ok();
    civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()
}

/// `Z`, `+02:00` and the like, at most 18 hours.
pub(crate) fn offset(text: &str) -> Option<Offset> {
    let mut scan = Scan(text);
    let offset = scan.offset()?;
    scan.is_done().then_some(offset)
}

/// A duration of either kind, as FEEL takes it.
pub(crate) fn duration(text: &str) -> Option<Value> {
    let (negative, parts) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut scan = Scan(parts.strip_prefix('P')?);
    if scan.is_done() {
        return None;
    }
    if let Some(months) = scan.years_and_months() {
        let months = if negative {
            months.checked_neg()?
        } else {
            months
        };
        return Some(Value::YearsMonthsDuration(months));
    }
    let duration = Scan(parts.strip_prefix('P')?).days_and_time()?;
    let duration = if negative {
        duration.checked_neg()?
    } else {
        duration
    };
    Some(Value::DaysTimeDuration(duration))
}

fn weeks(text: &str) -> Option<SignedDuration> {
    let count = text.strip_prefix('P')?.strip_suffix('W')?;
    let hours = count.parse::<i64>().ok()?.checked_mul(7 * 24)?;
    SignedDuration::try_from_hours(hours)
}

/// What is left of a text that is read from its start.
struct Scan<'a>(&'a str);

impl Scan<'_> {
    fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.0.bytes().next() == Some(byte)).then(|| self.0 = &self.0[1..])
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<i32> {
        let digits = self.0.get(..count)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.0 = &self.0[count..];
        digits.parse().ok()
    }

    fn date(&mut self) -> Option<Date> {
        let negative = self.expect(b'-').is_some();
        let year = self.digits(4)?;
        let year = i16::try_from(if negative { -year } else { year }).ok()?;
        self.expect(b'-')?;
        let month = self.digits(2)?;
        self.expect(b'-')?;
        let day = self.digits(2)?;
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    }

    /// `10:00`, `10:00:00` or `10:00:00.5`.
    fn time(&mut self) -> Option<civil::Time> {
        let hour = self.digits(2)?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        let second = match self.expect(b':') {
            Some(()) => self.digits(2)?,
            None => 0,
        };
        let nanosecond = match self.expect(b'.') {
            Some(()) => self.fraction()?,
            None => 0,
        };
        // Only civil times: no 24:00, no leap second.
        if second > 59 {
            return None;
        }
        local_time(hour, minute, second, nanosecond)
    }

    /// Up to nine digits of a fraction, as nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let digits = self.digits(count)?;
        Some(digits * 10_i32.pow(9 - count as u32))
    }

    fn offset(&mut self) -> Option<Offset> {
        if self.expect(b'Z').is_some() {
            return Some(Offset::UTC);
        }
        let sign = match self.expect(b'+') {
            Some(()) => 1,
            None => self.expect(b'-').map(|()| -1)?,
        };
        let hours = self.digits(2)?;
        self.expect(b':')?;
        let minutes = self.digits(2)?;
        let seconds = hours * 3600 + minutes * 60;
        if minutes > 59 || seconds > 18 * 3600 {
            return None;
        }
        Offset::from_seconds(sign * seconds).ok()
    }

    /// Passes a sign, and says whether it is a minus.
    fn sign(&mut self) -> bool {
        let negative = self.0.starts_with('-');
        self.0 = self.0.strip_prefix(['-', '+']).unwrap_or(self.0);
        negative
    }

    /// A count with its sign, followed by this unit.
    fn part(&mut self, unit: u8) -> Option<i64> {
        let start = self.0;
        let negative = self.sign();
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &self.0[..count];
        self.0 = &self.0[count..];
        if count == 0 || self.expect(unit).is_none() {
            self.0 = start;
            return None;
        }
        let number: i64 = digits.parse().ok()?;
        Some(if negative { -number } else { number })
    }

    /// The whole rest, as months.
    fn years_and_months(&mut self) -> Option<i64> {
        let years = self.part(b'Y');
        let months = self.part(b'M');
        if !self.is_done() || (years.is_none() && months.is_none()) {
            return None;
        }
        let months = years
            .unwrap_or(0)
            .checked_mul(12)?
            .checked_add(months.unwrap_or(0))?;
        i32::try_from(months).ok().map(i64::from)
    }

    /// The whole rest.
    fn days_and_time(&mut self) -> Option<SignedDuration> {
        let days = self.part(b'D');
        if self.is_done() {
            return SignedDuration::try_from_hours(days?.checked_mul(24)?);
        }
        self.expect(b'T')?;
        if self.is_done() {
            return None;
        }
        let hours = days
            .unwrap_or(0)
            .checked_mul(24)?
            .checked_add(self.part(b'H').unwrap_or(0))?;
        let minutes = hours
            .checked_mul(60)?
            .checked_add(self.part(b'M').unwrap_or(0))?;
        let seconds = minutes.checked_mul(60)?;
        let total = SignedDuration::from_secs(seconds).checked_add(self.seconds()?)?;
        self.is_done().then_some(total)
    }

    /// Seconds with an optional fraction; zero if there are none.
    fn seconds(&mut self) -> Option<SignedDuration> {
        if self.is_done() {
            return Some(SignedDuration::ZERO);
        }
        let negative = self.sign();
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let whole: i64 = self.0[..count].parse().ok()?;
        self.0 = &self.0[count..];
        let nanoseconds = match self.expect(b'.') {
            Some(()) if !self.0.starts_with('S') => self.fraction()?,
            _ => 0,
        };
        self.expect(b'S')?;
        let seconds =
            SignedDuration::from_secs(whole) + SignedDuration::from_nanos(nanoseconds.into());
        if negative {
            seconds.checked_neg()
        } else {
            Some(seconds)
        }
    }
}
