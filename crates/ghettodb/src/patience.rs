//! Pauses between attempts, and trying again where it is the network that failed.

use crate::Error;
use std::thread;
use std::time::{Duration, Instant};

/// The first pause is drawn from this range, in milliseconds; it doubles with each attempt.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 50..=200;
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A pause that no two writers have in common.
fn draw_pause() -> Duration {
    Duration::from_millis(fastrand::u64(PAUSE_MS))
}

/// The pause before attempt `count` + 2: longer each time, never past a limit.
pub(crate) fn pause_after(count: u32) -> Duration {
    draw_pause()
        .saturating_mul(1 << count.min(6))
        .min(PAUSE_MAX)
}

/// Does it again while it is the network that fails, until `limit` has passed; then the last failure
/// counts.
pub(crate) fn patiently<T>(
    limit: Duration,
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let started = Instant::now();
    let mut count = 0;
    loop {
        let outcome = attempt();
        let left = limit.saturating_sub(started.elapsed());
        match outcome {
            Err(error) if error.is_transient() && !left.is_zero() => {
                thread::sleep(pause_after(count).min(left));
                count += 1;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(stderr: &str) -> Error {
        Error::Git {
            command: "git fetch".to_owned(),
            stderr: stderr.to_owned(),
        }
    }

    #[test]
    fn a_fault_of_the_network_is_tried_again_and_no_other() {
        let mut outcomes = vec![Ok(7), Err(fault("Connection reset by peer"))];
        let value = patiently(Duration::from_secs(60), || outcomes.pop().unwrap());
        assert_eq!(value.unwrap(), 7);
        let mut count = 0;
        let refused = patiently::<()>(Duration::from_secs(60), || {
            count += 1;
            Err(fault("The requested URL returned error: 403"))
        });
        assert!(refused.is_err());
        assert_eq!(count, 1);
    }

    #[test]
    fn patience_ends() {
        let error = patiently::<()>(Duration::from_millis(1), || Err(fault("timed out")));
        assert!(error.unwrap_err().to_string().contains("timed out"));
    }
}
