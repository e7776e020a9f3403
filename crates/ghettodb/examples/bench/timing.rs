//! Times, and what many of them come to.

use anyhow::Result;
use std::time::{Duration, Instant};

/// Runs it once; gives how long it took, and what it gave.
pub(crate) fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let begun = Instant::now();
    let value = work()?;
    Ok((begun.elapsed(), value))
}

/// Times of two ways of doing the same, taken turn by turn, so that a busy minute hits both.
#[derive(Default)]
pub(crate) struct Pair {
    pub(crate) ours: Vec<Duration>,
    pub(crate) baseline: Vec<Duration>,
}

impl Pair {
    /// Measures both `rounds` times; each is told the round.
    pub(crate) fn measure(
        rounds: usize,
        mut ours: impl FnMut(usize) -> Result<()>,
        mut baseline: impl FnMut(usize) -> Result<()>,
    ) -> Result<Self> {
        let mut pair = Pair::default();
        for round in 0..rounds {
            pair.ours.push(time(|| ours(round))?.0);
            pair.baseline.push(time(|| baseline(round))?.0);
        }
        Ok(pair)
    }
}

/// The value below which `share` (0 to 1) of the times are, by nearest rank; 0.5 is the median.
pub(crate) fn quantile(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    // No sign and no overflow: a share of a length.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (share * times.len() as f64).ceil() as usize;
    times.get(rank.max(1) - 1).copied().unwrap_or_default()
}

pub(crate) fn median(times: &[Duration]) -> Duration {
    quantile(times, 0.5)
}

/// A time with three digits that mean something.
pub(crate) fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        10.0.. => format!("{seconds:.1} s"),
        1.0.. => format!("{seconds:.2} s"),
        0.1.. => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{:.1} ms", seconds * 1e3),
    }
}
