use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// The Lease is not held (any more), so nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LostLease {
    /// It was never won, or was given up.
    #[error("the lease is not held")]
    NotHeld,
    /// The last renewal is too long ago: another replica may hold it by now. The process may have been stopped
    /// (SIGSTOP, a suspended machine).
    #[error("the lease was last renewed {} s ago", .0.as_secs())]
    Stale(Duration),
}

/// Tells before each write whether the Lease is still ours. By monotonic and by wall clock: the first does not run
/// while the machine sleeps, the second can be set; the older answer counts.
#[derive(Clone, Debug)]
pub struct Fence {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
enum State {
    /// No leader election: this process is the only one by its user's word.
    Open,
    Closed,
    Held {
        since: Instant,
        wall: SystemTime,
        window: Duration,
    },
}

impl Fence {
    /// Lets everything pass: for `--enable-leader-election=false`.
    pub fn open() -> Self {
        Self { state: Arc::new(Mutex::new(State::Open)) }
    }

    /// Lets nothing pass until the Lease is won.
    pub fn closed() -> Self {
        Self { state: Arc::new(Mutex::new(State::Closed)) }
    }

    /// To be called before every write to the cluster.
    pub fn check(&self) -> Result<(), LostLease> {
        self.check_at(Instant::now(), SystemTime::now())
    }

    fn check_at(&self, now: Instant, wall_now: SystemTime) -> Result<(), LostLease> {
        match *self.lock() {
            State::Open => Ok(()),
            State::Closed => Err(LostLease::NotHeld),
            State::Held { since, wall, window } => {
                let age = now
                    .saturating_duration_since(since)
                    .max(wall_now.duration_since(wall).unwrap_or_default());
                if age < window { Ok(()) } else { Err(LostLease::Stale(age)) }
            }
        }
    }

    /// The Lease was renewed by a request sent at these times; writes pass for `window` from then on.
    pub(crate) fn renewed(&self, since: Instant, wall: SystemTime, window: Duration) {
        *self.lock() = State::Held { since, wall, window };
    }

    /// The Lease is lost or given up.
    pub(crate) fn close(&self) {
        *self.lock() = State::Closed;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fence, LostLease};
    use std::time::{Duration, Instant, SystemTime};

    const WINDOW: Duration = Duration::from_secs(20);

    #[test]
    fn passes_only_within_the_window_of_both_clocks() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let fence = Fence::closed();
        assert_eq!(fence.check(), Err(LostLease::NotHeld));
        fence.renewed(now, wall, WINDOW);
        assert_eq!(fence.check_at(now + WINDOW / 2, wall + WINDOW / 2), Ok(()));
        assert_eq!(fence.check_at(now + WINDOW, wall), Err(LostLease::Stale(WINDOW)));
        assert_eq!(fence.check_at(now, wall + 3 * WINDOW), Err(LostLease::Stale(3 * WINDOW)));
        fence.close();
        assert_eq!(fence.check_at(now, wall), Err(LostLease::NotHeld));
    }

    #[test]
    fn a_wall_clock_set_back_does_not_widen_the_window() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let fence = Fence::closed();
        fence.renewed(now, wall, WINDOW);
        assert!(fence.check_at(now + 2 * WINDOW, wall - WINDOW).is_err());
    }
}
