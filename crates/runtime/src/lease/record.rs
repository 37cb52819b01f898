use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

use super::Times;

/// Whose the Lease is after a look at it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Ours,
    Theirs(String),
}

/// A Lease as last seen, and since when it looks like that. Its age is counted by our own clock from our first sight
/// of it, so that clocks of replicas need not agree.
#[derive(Clone)]
pub(super) struct Seen {
    lease: Lease,
    since: Instant,
}

impl Seen {
    /// The Lease was read; an unchanged one keeps the time of its first sight.
    pub(super) fn again(before: Option<Self>, lease: Lease, now: Instant) -> Self {
        match before {
            Some(before) if before.lease.spec == lease.spec => Self { lease, since: before.since },
            _ => Self { lease, since: now },
        }
    }

    pub(super) fn holder(&self) -> &str {
        self.spec().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
    }

    /// Ours, nobody's, or not renewed for its whole duration.
    pub(super) fn may_be_taken(&self, identity: &str, now: Instant) -> bool {
        let holder = self.holder();
        holder.is_empty() || holder == identity || now.saturating_duration_since(self.since) > self.duration()
    }

    fn duration(&self) -> Duration {
        let seconds = self.spec().and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    }

    fn spec(&self) -> Option<&LeaseSpec> {
        self.lease.spec.as_ref()
    }
}

/// A Lease that does not exist yet.
pub(super) fn fresh(name: &str, identity: &str, times: Times) -> Lease {
    let mut lease = Lease::default();
    lease.metadata.name = Some(name.to_owned());
    lease.spec = Some(spec(identity, times, 0));
    lease
}

/// The same Lease, held by us from now on (again). The resourceVersion guards against another taker.
pub(super) fn renewed(seen: &Seen, identity: &str, times: Times) -> Lease {
    let old = seen.spec().cloned().unwrap_or_default();
    let mine = seen.holder() == identity;
    let transitions = old.lease_transitions.unwrap_or_default() + i32::from(!mine);
    let mut next = spec(identity, times, transitions);
    if mine {
        next.acquire_time = old.acquire_time;
    }
    let mut lease = seen.lease.clone();
    lease.spec = Some(next);
    lease
}

/// The same Lease, nobody's, free at once.
pub(super) fn released(seen: &Seen, identity: &str) -> Lease {
    let times = Times { lease: Duration::from_secs(1), renew: Duration::ZERO, retry: Duration::ZERO };
    let mut lease = renewed(seen, identity, times);
    if let Some(spec) = &mut lease.spec {
        spec.holder_identity = Some(String::new());
    }
    lease
}

fn spec(identity: &str, times: Times, transitions: i32) -> LeaseSpec {
    let now = MicroTime(Timestamp::now());
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(i32::try_from(times.lease.as_secs().max(1)).unwrap_or(i32::MAX)),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, fresh, released, renewed};
    use crate::lease::Times;
    use std::time::{Duration, Instant};

    const TIMES: Times = Times {
        lease: Duration::from_secs(35),
        renew: Duration::from_secs(30),
        retry: Duration::from_secs(5),
    };

    #[test]
    fn a_lease_of_another_is_taken_only_after_its_duration_without_a_change() {
        let start = Instant::now();
        let theirs = fresh("l", "them", TIMES);
        let seen = Seen::again(None, theirs.clone(), start);
        assert!(!seen.may_be_taken("us", start));
        let seen = Seen::again(Some(seen), theirs, start + TIMES.renew);
        assert!(!seen.may_be_taken("us", start + TIMES.lease));
        assert!(seen.may_be_taken("us", start + TIMES.lease + Duration::from_millis(1)));
        let renewal = renewed(&seen, "them", TIMES);
        let seen = Seen::again(Some(seen), renewal, start + 2 * TIMES.lease);
        assert!(!seen.may_be_taken("us", start + 2 * TIMES.lease + TIMES.renew));
    }

    #[test]
    fn a_released_lease_is_free_at_once() {
        let now = Instant::now();
        let seen = Seen::again(None, fresh("l", "them", TIMES), now);
        let seen = Seen::again(None, released(&seen, "them"), now);
        assert!(seen.may_be_taken("us", now));
        let ours = renewed(&seen, "us", TIMES).spec.unwrap();
        assert_eq!((ours.holder_identity.as_deref(), ours.lease_transitions), (Some("us"), Some(1)));
    }

    #[test]
    fn renewing_keeps_the_time_of_acquisition() {
        let seen = Seen::again(None, fresh("l", "us", TIMES), Instant::now());
        let acquired = seen.spec().unwrap().acquire_time.clone();
        let again = renewed(&seen, "us", TIMES).spec.unwrap();
        assert_eq!((again.acquire_time, again.lease_transitions), (acquired, Some(0)));
    }
}
