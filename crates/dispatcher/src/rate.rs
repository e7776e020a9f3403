//! Token buckets with GitHub's rates, so that what GitHub would refuse, drop or hold back is
//! refused, dropped or held back here.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many in so much time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how much time.
    pub per: Duration,
}

/// The rates that a repository and its token have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Requests to the API; more are refused with 403.
    pub requests: Rate,
    /// Events that start workflows; more are refused with 429.
    pub events: Rate,
    /// Runs that are queued; more are dropped, and end as `startup_failure`.
    pub queued: Rate,
    /// Runs that are started; more wait.
    pub starts: Rate,
}

impl Rates {
    /// As GitHub documents them, with the requests of a personal or fine-grained token.
    pub const GITHUB: Rates = Rates {
        requests: Rate {
            count: 5000,
            per: Duration::from_secs(3600),
        },
        events: Rate {
            count: 1500,
            per: Duration::from_secs(10),
        },
        queued: Rate {
            count: 500,
            per: Duration::from_secs(10),
        },
        starts: Rate {
            count: 50,
            per: Duration::from_secs(60),
        },
    };
}

/// The buckets of [`Rates`].
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) requests: Bucket,
    pub(crate) events: Bucket,
    pub(crate) queued: Bucket,
    pub(crate) starts: Bucket,
}

impl Limits {
    pub(crate) fn new(rates: &Rates) -> Limits {
        let now = Instant::now();
        Limits {
            requests: Bucket::full(rates.requests, now),
            events: Bucket::full(rates.events, now),
            queued: Bucket::full(rates.queued, now),
            starts: Bucket::full(rates.starts, now),
        }
    }
}

/// Holds tokens; they come back evenly.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Bucket {
        let level = Mutex::new((f64::from(rate.count), now));
        Bucket { rate, level }
    }

    /// Takes one token, or says how long it is until there is one.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, at) = *level;
        let per_second = f64::from(self.rate.count) / self.rate.per.as_secs_f64();
        let come_back = now.saturating_duration_since(at).as_secs_f64() * per_second;
        let left = (left + come_back).min(f64::from(self.rate.count));
        let taken = left >= 1.0;
        *level = (if taken { left - 1.0 } else { left }, now.max(at));
        match taken {
            true => Ok(()),
            false => Err(Duration::from_secs_f64((1.0 - left) / per_second)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_evenly() {
        let start = Instant::now();
        let bucket = Bucket::full(
            Rate {
                count: 2,
                per: Duration::from_secs(10),
            },
            start,
        );
        assert_eq!(bucket.take(start), Ok(()));
        assert_eq!(bucket.take(start), Ok(()));
        assert_eq!(bucket.take(start), Err(Duration::from_secs(5)));
        let later = start + Duration::from_secs(4);
        assert_eq!(bucket.take(later), Err(Duration::from_secs(1)));
        let later = start + Duration::from_secs(6);
        assert_eq!(bucket.take(later), Ok(()));
        // Never more than it holds, however long it stands.
        let later = start + Duration::from_secs(600);
        assert_eq!((bucket.take(later), bucket.take(later)), (Ok(()), Ok(())));
        assert!(bucket.take(later).is_err());
    }

    #[test]
    fn githubs_rates_are_those_documented() {
        let limits = Limits::new(&Rates::GITHUB);
        let now = Instant::now();
        let many = |bucket: &Bucket| (0..10_000).take_while(|_| bucket.take(now).is_ok()).count();
        assert_eq!(many(&limits.events), 1500);
        assert_eq!(many(&limits.queued), 500);
        assert_eq!(many(&limits.starts), 50);
        assert_eq!(many(&limits.requests), 5000);
    }
}
