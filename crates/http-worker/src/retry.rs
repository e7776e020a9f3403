//! When a call is made again, and after how long.
//!
//! Two loops: within one job what surely had no effect (the connection could not be made, or the
//! other side said "later" and that is soon), and by the engine everything else, by failing the
//! job with one retry less and a pause.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Most calls within one job.
pub(crate) const CALLS_MAX: u32 = 4;
/// A longer `Retry-After` is left to the engine, so that the job's place is free meanwhile.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);
/// The longest pause that an answer can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// The pause before the next call within a job, after so many calls: 0.1 s, 0.4 s, 1.6 s.
pub(crate) fn pause(calls: u32) -> Duration {
    Duration::from_millis(100) * 4u32.saturating_pow(calls.saturating_sub(1))
}

/// The engine's pause where the model names none: longer, the fewer retries are left.
pub(crate) fn back_off(retries_left: i32) -> Duration {
    match retries_left {
        ..=0 => Duration::ZERO,
        1 => Duration::from_secs(5),
        2.. => Duration::from_secs(1),
    }
}

/// What an answer asks for with `Retry-After`: seconds or a date.
pub(crate) fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
            // A date that has passed means now.
            Duration::try_from(now.duration_until(at)).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// A pause as a model writes it: an ISO 8601 duration of days and time, `PT30S`.
pub(crate) fn iso_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if !text.starts_with(['P', 'p']) {
        return None;
    }
    // Days have 24 hours here, as in the engine; months and years have no fixed length.
    let span: jiff::Span = text.parse().ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let relative = jiff::SpanRelativeTo::days_are_24_hours();
    let duration: SignedDuration = span.to_duration(relative).ok()?;
    Duration::try_from(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_both_forms() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let seconds = Duration::from_secs;
        for (header, wait) in [
            ("7", Some(seconds(7))),
            (" 0 ", Some(seconds(0))),
            ("Thu, 01 Jan 2026 00:00:30 GMT", Some(seconds(30))),
            ("Wed, 31 Dec 2025 23:00:00 GMT", Some(seconds(0))),
            ("999999999", Some(seconds(3600))),
            ("soon", None),
            ("-3", None),
            ("1.5", None),
        ] {
            assert_eq!(retry_after(header, now), wait, "{header}");
        }
    }

    #[test]
    fn durations_of_models() {
        for (text, millis) in [
            ("PT30S", 30_000),
            ("PT0.5S", 500),
            ("P1DT1M", 86_460_000),
            ("P1W", 604_800_000),
        ] {
            assert_eq!(
                iso_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for bad in ["", "30", "30s", "-PT1S", "P1M", "P1Y", "PT"] {
            assert_eq!(iso_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn pauses_grow() {
        let total: Duration = (1..CALLS_MAX).map(pause).sum();
        assert_eq!(total, Duration::from_millis(2100));
        assert!(back_off(1) > back_off(2) && back_off(9) > back_off(0));
    }
}
