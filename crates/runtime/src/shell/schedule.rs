//! When the next run is due.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use super::Shell;
use super::record::reason_of;
use crate::key::Key;
use crate::reconciler::{Next, Reconciler};

/// How often each object failed in a row.
pub(crate) struct Backoff {
    failures: Mutex<HashMap<Key, u32>>,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { failures: Mutex::default(), first, longest }
    }

    /// The next delay: doubles from the first to the longest.
    fn next(&self, key: &Key) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key.clone()).or_default();
        let delay = self.first.saturating_mul(2u32.saturating_pow(*count)).min(self.longest);
        *count = count.saturating_add(1);
        delay
    }

    pub(crate) fn reset(&self, key: &Key) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// No interval is shorter: passes without a pause are worth nothing to their object, and take from all others.
const SHORTEST: Duration = Duration::from_secs(1);

impl<R: Reconciler> Shell<R> {
    /// Plans the next run, and says when it is due.
    pub(super) fn schedule(&self, key: &Key, next: Next) -> Option<Instant> {
        let shared = &self.shared;
        let now = Instant::now();
        let at = match next {
            Next::Never => None,
            Next::At(at) => Some(at),
            Next::After(after) if !after.is_zero() => Some(now + after),
            Next::After(_) | Next::Backoff => {
                shared.metrics.retried(shared.kind);
                Some(now + shared.backoff.next(key))
            }
            // As in Flux: what is to be repeated after no time is not repeated.
            Next::Interval(Duration::ZERO) => None,
            Next::Interval(interval) => {
                let interval = interval.max(SHORTEST);
                Some(now + jittered(interval, shared.args.interval_jitter_percentage))
            }
        };
        if let Some(at) = at {
            shared.queue.push_at(key, reason_of(next), at);
        }
        at
    }
}

/// Spreads an interval evenly by up to so many percent to both sides, as `--interval-jitter-percentage` asks.
pub fn jittered(interval: Duration, percent: u8) -> Duration {
    let share = f64::from(percent.min(100)) / 100.0;
    let factor = 1.0 + share * rand::rng().random_range(-1.0..=1.0);
    interval.mul_f64(factor)
}

#[cfg(test)]
mod tests {
    use super::{Backoff, jittered};
    use crate::key::Key;
    use std::time::Duration;

    #[test]
    fn backoff_doubles_to_its_limit_and_starts_over() {
        let backoff = Backoff::new(Duration::from_millis(750), Duration::from_secs(900));
        let key = Key::new("a", "b");
        let delays: Vec<u64> = (0..12).map(|_| backoff.next(&key).as_millis() as u64).collect();
        assert_eq!(delays[..4], [750, 1500, 3000, 6000]);
        assert_eq!(delays[11], 900_000);
        backoff.reset(&key);
        assert_eq!(backoff.next(&key), Duration::from_millis(750));
    }

    #[test]
    fn jitter_stays_within_its_percentage() {
        let interval = Duration::from_secs(100);
        let all: Vec<f64> = (0..200).map(|_| jittered(interval, 5).as_secs_f64()).collect();
        assert!(all.iter().all(|one| (95.0..=105.0).contains(one)), "{all:?}");
        let (least, most) = all.iter().fold((f64::MAX, 0.0_f64), |(a, b), one| (a.min(*one), b.max(*one)));
        assert!(most - least > 5.0, "those of one commit fall due together: {all:?}");
        assert_eq!(jittered(interval, 0), interval);
    }
}
