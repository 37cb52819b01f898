//! What is remembered of each HelmRelease between runs; all of it can be lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use applier::contest::{DELAYS, WINDOW};
use manifest::ObjectId;
use runtime::Key;
use tokio::time::Instant;

/// A HelmChart that somebody else edits is put back this long after it was written, so that nobody is outrun: neither
/// somebody who insists, nor a watch that lags.
const PAUSE: Duration = Duration::from_secs(10);

/// The HelmChart made from `spec.chart`, as it was last applied.
#[derive(Clone, Debug)]
pub(crate) struct OwnChart {
    /// What was applied.
    pub text: String,
    /// The generation it was then at.
    pub generation: i64,
    /// When.
    pub at: Instant,
}

impl OwnChart {
    /// When this text is to be applied to what is seen at that generation; none when all is as it was made.
    pub(crate) fn due(&self, text: &str, seen: Option<i64>) -> Option<Instant> {
        match seen {
            Some(generation) if self.text == text => (generation != self.generation).then(|| self.at + PAUSE),
            _ => Some(self.at),
        }
    }
}

#[derive(Clone, Debug)]
struct Round {
    corrections: usize,
    last: Instant,
    manager: String,
}

/// What is remembered of one HelmRelease.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// The HelmChart made from `spec.chart`, to leave it alone when nothing changed.
    pub chart: Option<OwnChart>,
    /// A dependency is awaited.
    pub blocked: bool,
    /// Downloads that failed in a row.
    pub fetch_tries: u32,
    rounds: HashMap<ObjectId, Round>,
}

impl Memory {
    /// Somebody changed an object: when it is corrected, and none when only the interval does.
    pub(crate) fn nominate(&mut self, id: &ObjectId, manager: &str, now: Instant) -> Option<Instant> {
        self.rounds.retain(|_, round| now.duration_since(round.last) <= WINDOW);
        let round = self.rounds.entry(id.clone()).or_insert_with(|| Round {
            corrections: 0,
            last: now,
            manager: String::new(),
        });
        round.manager = manager.to_owned();
        round.last = now;
        DELAYS.get(round.corrections).map(|delay| now + *delay)
    }

    /// An object was corrected.
    pub(crate) fn corrected(&mut self, id: &ObjectId) {
        if let Some(round) = self.rounds.get_mut(id) {
            round.corrections += 1;
        }
    }

    /// Objects that somebody insists on, with who, in a fixed order.
    pub(crate) fn insisted(&self, now: Instant) -> Vec<(String, String)> {
        let insists =
            |round: &Round| round.corrections >= DELAYS.len() && now.duration_since(round.last) <= WINDOW;
        let mut all: Vec<_> = self
            .rounds
            .iter()
            .filter(|(_, round)| insists(round))
            .map(|(id, round)| (id.subject(), round.manager.clone()))
            .collect();
        all.sort();
        all
    }
}

/// The memories of all HelmReleases. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memories {
    all: Arc<Mutex<HashMap<Key, Memory>>>,
}

impl Memories {
    /// Reads and changes one memory, which begins empty.
    pub(crate) fn with<T>(&self, key: &Key, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(self.lock().entry(key.clone()).or_default())
    }

    /// Reads and changes a memory that exists.
    pub(crate) fn with_known<T>(&self, key: &Key, act: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        self.lock().get_mut(key).map(act)
    }

    /// Forgets one.
    pub(crate) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Memory>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helm_chart_that_somebody_edits_is_put_back_after_a_pause_and_another_one_at_once() {
        let at = Instant::now();
        let own = OwnChart { text: "a".into(), generation: 2, at };
        assert_eq!(own.due("a", Some(2)), None);
        assert_eq!(own.due("a", Some(3)), Some(at + PAUSE));
        assert_eq!(
            own.due("a", Some(1)),
            Some(at + PAUSE),
            "it was made anew by somebody, or the watch lags"
        );
        assert_eq!((own.due("b", Some(2)), own.due("a", None)), (Some(at), Some(at)));
    }

    #[test]
    fn corrections_back_off_when_somebody_insists() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let id = ObjectId::parse("ns_web_apps_Deployment").unwrap();
        for delay in DELAYS {
            assert_eq!(memory.nominate(&id, "other", now), Some(now + delay));
            memory.corrected(&id);
        }
        assert_eq!(memory.nominate(&id, "other", now), None);
        assert_eq!(memory.insisted(now), [("Deployment/ns/web".to_owned(), "other".to_owned())]);
        let later = now + WINDOW + Duration::from_secs(1);
        assert_eq!(memory.nominate(&id, "other", later), Some(later));
    }
}
