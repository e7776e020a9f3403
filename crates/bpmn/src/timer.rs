//! Texts of timers: repeating intervals.

/// A repeating interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// How often it fires; -1 for ever.
    pub repetitions: i32,
    /// A duration value.
    pub interval: feel::Value,
}

/// Parses a repeating interval such as `R3/PT10S` or `R/P1D`.
///
/// # Errors
///
/// Zeebe's words for what is wrong.
pub fn parse_cycle(text: &str) -> Result<Cycle, String> {
    Err(format!("Repetition spec must start with R, got '{text}'"))
}
