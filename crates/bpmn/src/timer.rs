//! Texts of timers: durations, dates, repeating intervals.

/// A repeating interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// How often it fires; -1 for ever.
    pub repetitions: i32,
    /// The date and time of the first firing, where the text names one.
    pub start: Option<feel::Value>,
    /// The duration from one firing to the next.
    pub interval: feel::Value,
}

/// Parses a repeating interval of ISO 8601: `R3/PT10S`, `R/P1D`, `R2/2026-01-01T10:00:00Z/PT1H`.
///
/// # Errors
///
/// What is wrong with the text, which is named.
pub fn parse_cycle(text: &str) -> Result<Cycle, String> {
    let wrong = |why: &str| format!("Invalid cycle format '{text}': {why}");
    let text = text.trim();
    let Some(text) = text.strip_prefix('R') else {
        return Err(wrong("it must start with 'R' and a number of repetitions"));
    };
    let Some((repetitions, interval)) = text.split_once('/') else {
        return Err(wrong("an interval must follow after a '/'"));
    };
    let repetitions = match repetitions {
        "" => -1,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            (digits.parse()).map_err(|_| wrong("the number of repetitions is too large"))?
        }
        _ => return Err(wrong("the repetitions must be a number or left out")),
    };
    let (start, interval) = match interval.split_once('/') {
        Some((start, interval)) => {
            let start = feel::parse_date_time(start);
            (
                Some(start.ok_or_else(|| wrong("the start is no date and time"))?),
                interval,
            )
        }
        None => (None, interval),
    };
    let interval = feel::parse_duration(interval);
    let interval = interval.ok_or_else(|| wrong("the interval is no duration"))?;
    Ok(Cycle {
        repetitions,
        start,
        interval,
    })
}

/// Whether a cycle is written as a cron expression: six fields, or a macro such as `@daily`.
pub(crate) fn is_cron(text: &str) -> bool {
    const MACROS: [&str; 7] = [
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    let text = text.trim();
    let is_field = |field: &str| {
        (field.bytes()).all(|byte| byte.is_ascii_alphanumeric() || b"*/,-?#".contains(&byte))
    };
    let fields = text.split_ascii_whitespace();
    MACROS.contains(&text) || (fields.clone().count() == 6 && fields.clone().all(is_field))
}
