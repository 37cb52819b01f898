//! One event of a kind in an interval: `--rate-limit-interval`.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::event::Event;

/// Most keys that are remembered; beyond it the oldest are forgotten, so that their events would pass again.
const MAX_KEYS: usize = 100_000;

/// What makes two events the same, as Flux takes it: object, message, revisions and token; neither severity nor reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DuplicateKey([u8; 32]);

impl DuplicateKey {
    /// Of an event whose metadata still have their groups.
    pub(crate) fn of(event: &Event) -> Self {
        let object = &event.involved_object;
        let mut parts = vec![
            "event".to_owned(),
            format!("name={}", object.name),
            format!("namespace={}", object.namespace),
            format!("kind={}", object.kind),
            format!("message={}", event.message),
        ];
        for key in ["originRevision", "revision", "token"] {
            parts.extend(event.own(key).map(|value| format!("{key}={value}")));
        }
        Self(Sha256::digest(parts.join("/")).into())
    }
}

/// Whether an event passes, and when the next of its kind does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// True for the first one in the interval.
    pub(crate) allowed: bool,
    /// When the next one passes.
    pub(crate) reset: Timestamp,
}

#[derive(Clone, Copy)]
struct Seen {
    since: Instant,
    intervals: u128,
}

/// The events seen in the interval.
pub(crate) struct Duplicates {
    interval: Duration,
    seen: HashMap<DuplicateKey, Seen>,
    swept: Instant,
}

impl Duplicates {
    /// Starts with none. An interval of zero lets all pass.
    pub(crate) fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, seen: HashMap::new(), swept: now }
    }

    /// Takes an event. Intervals are counted from the first of its kind, as Flux's store does.
    pub(crate) fn take(&mut self, key: &DuplicateKey, now: Instant) -> Pass {
        if self.interval.is_zero() {
            return Pass { allowed: true, reset: Timestamp::now() };
        }
        self.sweep(now);
        let Some(seen) = self.seen.get_mut(key) else {
            self.seen.insert(key.clone(), Seen { since: now, intervals: 0 });
            return Pass { allowed: true, reset: self.reset(Seen { since: now, intervals: 0 }, now) };
        };
        let intervals = intervals(now.saturating_duration_since(seen.since), self.interval);
        let allowed = intervals > seen.intervals;
        seen.intervals = intervals;
        let seen = *seen;
        Pass { allowed, reset: self.reset(seen, now) }
    }

    /// Forgets an event that was not taken in after all.
    pub(crate) fn forget(&mut self, key: &DuplicateKey) {
        self.seen.remove(key);
    }

    fn reset(&self, seen: Seen, now: Instant) -> Timestamp {
        let next = u32::try_from(seen.intervals + 1).unwrap_or(u32::MAX);
        let left = (seen.since + self.interval.saturating_mul(next)).saturating_duration_since(now);
        Timestamp::now().checked_add(left).unwrap_or(Timestamp::MAX)
    }

    /// Once an interval, and whenever there are too many.
    fn sweep(&mut self, now: Instant) {
        let interval = self.interval;
        if now.saturating_duration_since(self.swept) >= interval || self.seen.len() >= MAX_KEYS {
            self.swept = now;
            self.seen.retain(|_, seen| {
                intervals(now.saturating_duration_since(seen.since), interval) <= seen.intervals
            });
        }
        if self.seen.len() >= MAX_KEYS {
            self.forget_oldest_half();
        }
    }

    fn forget_oldest_half(&mut self) {
        let mut times: Vec<Instant> = self.seen.values().map(|seen| seen.since).collect();
        let middle = times.len() / 2;
        let (_, limit, _) = times.select_nth_unstable(middle);
        let limit = *limit;
        self.seen.retain(|_, seen| seen.since > limit);
    }
}

fn intervals(elapsed: Duration, interval: Duration) -> u128 {
    elapsed.as_nanos().checked_div(interval.as_nanos()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{DuplicateKey, Duplicates, MAX_KEYS};
    use crate::event::Event;
    use std::time::Duration;
    use tokio::time::Instant;

    fn key(text: &str) -> DuplicateKey {
        DuplicateKey::of(&Event { message: text.to_owned(), ..Event::default() })
    }

    #[test]
    fn the_second_one_waits_for_the_next_interval() {
        let start = Instant::now();
        let mut duplicates = Duplicates::new(Duration::from_secs(300), start);
        let at = |seconds| start + Duration::from_secs(seconds);
        for (seconds, allowed) in
            [(0, true), (1, false), (299, false), (301, true), (302, false), (900, true)]
        {
            assert_eq!(duplicates.take(&key("a"), at(seconds)).allowed, allowed, "{seconds}");
        }
        assert!(duplicates.take(&key("b"), at(901)).allowed);
    }

    #[test]
    fn without_an_interval_nothing_is_remembered() {
        let now = Instant::now();
        let mut duplicates = Duplicates::new(Duration::ZERO, now);
        assert!((0..1000).all(|_| duplicates.take(&key("a"), now).allowed));
        assert!(duplicates.seen.is_empty());
    }

    #[test]
    fn a_forgotten_one_passes_again() {
        let now = Instant::now();
        let mut duplicates = Duplicates::new(Duration::from_secs(300), now);
        assert!(duplicates.take(&key("a"), now).allowed);
        duplicates.forget(&key("a"));
        assert!(duplicates.take(&key("a"), now).allowed);
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut duplicates = Duplicates::new(Duration::from_secs(300), now);
        for number in 0..MAX_KEYS + 10 {
            duplicates.take(&key(&number.to_string()), now + Duration::from_nanos(number as u64));
        }
        assert!(duplicates.seen.len() <= MAX_KEYS);
    }
}
