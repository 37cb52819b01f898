//! Kustomizations of one source, and which revision of it each has tried: what left one of them another may yet take
//! over (decision D6). A question costs what it finds, however many share the source.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::kustomize::v1::Kustomization;
use api::meta::ConditionType;
use runtime::conditions::find;
use runtime::{Change, Key};

use crate::sources::SourceKey;
use crate::steps::dependencies::source_of;

/// Who may yet try a revision, and who waits for that. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Siblings {
    index: Arc<Mutex<Index>>,
}

#[derive(Debug, Default)]
struct Index {
    /// Those that nothing keeps from trying, by the revision that they tried last; none where they tried nothing.
    sources: HashMap<SourceKey, HashMap<Option<String>, BTreeSet<Key>>>,
    /// Who waits for whom.
    waiting: HashMap<Key, BTreeSet<Key>>,
}

impl Siblings {
    /// What the watch shows of one. Gives those that waited for it: there may be another they wait for now.
    pub(crate) fn observe(&self, change: &Change<Kustomization>) -> BTreeSet<Key> {
        let (old, new) = (change.old.as_deref().and_then(tries), change.new.as_deref().and_then(tries));
        if old == new {
            return BTreeSet::new();
        }
        let mut index = self.lock();
        if let Some((source, tried)) = old {
            index.remove(&source, &tried, &change.key);
        }
        if let Some((source, tried)) = new {
            index.sources.entry(source).or_default().entry(tried).or_default().insert(change.key.clone());
        }
        index.waiting.remove(&change.key).unwrap_or_default()
    }

    /// One that has not tried the revision, and may yet; `own` is told when it changes ([`Siblings::observe`]). The
    /// last in order, which mostly is the last to try, so that those who wait are told once. `is_out` are not waited for.
    pub(crate) fn wait_for(
        &self,
        own: &Key,
        source: &SourceKey,
        revision: &str,
        is_out: impl Fn(&Key) -> bool,
    ) -> Option<Key> {
        let mut index = self.lock();
        let groups = index.sources.get(source)?.iter();
        let behind = groups.filter(|(tried, _)| tried.as_deref() != Some(revision));
        let last = behind.filter_map(|(_, keys)| keys.iter().rev().find(|key| *key != own && !is_out(key)));
        let sibling = last.max()?.clone();
        index.waiting.entry(sibling.clone()).or_default().insert(own.clone());
        Some(sibling)
    }

    /// One is gone: it waits for nobody any more.
    pub(crate) fn forget(&self, own: &Key) {
        self.lock().waiting.retain(|_, waiting| {
            waiting.remove(own);
            !waiting.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn remove(&mut self, source: &SourceKey, tried: &Option<String>, key: &Key) {
        let Some(groups) = self.sources.get_mut(source) else { return };
        let Some(keys) = groups.get_mut(tried) else { return };
        keys.remove(key);
        if keys.is_empty() {
            groups.remove(tried);
        }
        if groups.is_empty() {
            self.sources.remove(source);
        }
    }
}

/// Its source and the revision it tried last; none when it will not try another.
fn tries(object: &Kustomization) -> Option<(SourceKey, Option<String>)> {
    let rests = object.spec.suspend || object.metadata.deletion_timestamp.is_some() || is_stalled(object);
    let tried = object.status.as_ref().and_then(|status| status.last_attempted_revision.clone());
    (!rests).then(|| (source_of(object), tried))
}

/// Whether only a change of its spec helps, which has not come since.
fn is_stalled(object: &Kustomization) -> bool {
    let conditions = object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let stalled = find(conditions, ConditionType::Stalled).filter(|stalled| stalled.status == "True");
    stalled.is_some_and(|stalled| stalled.observed_generation == object.metadata.generation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::kustomize::v1::SourceKind;
    use serde_json::{Value, json};

    struct Watched(Siblings, HashMap<Key, Arc<Kustomization>>);

    impl Watched {
        fn new() -> Self {
            Self(Siblings::default(), HashMap::new())
        }

        /// Gives who is told.
        fn shows(&mut self, name: &str, spec: Value, tried: Option<&str>) -> Vec<String> {
            let object = json!({"metadata": {"name": name, "namespace": "ns"}, "spec": spec, "status": {"lastAttemptedRevision": tried}});
            self.is(name, object)
        }

        fn is(&mut self, name: &str, object: Value) -> Vec<String> {
            let new = Arc::new(serde_json::from_value(object).unwrap());
            let key = Key::new("ns", name);
            let old = self.1.insert(key.clone(), Arc::clone(&new));
            self.told(Change { key, old, new: Some(new), initial: false })
        }

        /// As an older one that stalled in generation 1. Gives who is told.
        fn stalls(&mut self, name: &str, generation: i64) -> Vec<String> {
            let stalled = json!({"type": "Stalled", "status": "True", "reason": "R", "message": "",
                "lastTransitionTime": "2026-11-22T00:00:00Z", "observedGeneration": 1});
            let object = json!({"metadata": {"name": name, "namespace": "ns", "generation": generation}, "spec": of("repo", false),
                "status": {"lastAttemptedRevision": "a", "conditions": [stalled]}});
            self.is(name, object)
        }

        fn tells_its_end(&mut self, name: &str) -> Vec<String> {
            let key = Key::new("ns", name);
            let old = self.1.remove(&key);
            self.told(Change { key, old, new: None, initial: false })
        }

        fn told(&self, change: Change<Kustomization>) -> Vec<String> {
            self.0.observe(&change).into_iter().map(|key| key.name).collect()
        }

        fn waits(&self, own: &str, out: &[&str]) -> Option<String> {
            let source = SourceKey { kind: SourceKind::GitRepository, key: Key::new("ns", "repo") };
            let is_out = |key: &Key| out.contains(&key.name.as_str());
            self.0.wait_for(&Key::new("ns", own), &source, "b", is_out).map(|key| key.name)
        }
    }

    fn of(repo: &str, suspend: bool) -> Value {
        json!({"sourceRef": {"kind": "GitRepository", "name": repo}, "suspend": suspend})
    }

    #[test]
    fn only_those_are_waited_for_that_may_yet_try_the_revision() {
        let mut watched = Watched::new();
        watched.shows("own", of("repo", false), Some("b"));
        watched.shows("done", of("repo", false), Some("b"));
        watched.shows("resting", of("repo", true), Some("a"));
        watched.shows("stranger", of("other", false), Some("a"));
        assert_eq!(watched.waits("own", &[]), None);
        watched.shows("new", of("repo", false), None);
        watched.shows("old", of("repo", false), Some("a"));
        assert_eq!(watched.waits("own", &["old"]).as_deref(), Some("new"));
        assert_eq!(watched.waits("own", &["old", "new"]), None);
        assert_eq!(watched.waits("old", &[]).as_deref(), Some("new"), "nobody waits for itself");
    }

    #[test]
    fn those_that_wait_are_told_once_when_it_tried_rests_or_goes() {
        let mut watched = Watched::new();
        for (name, tried) in [("own", "b"), ("one", "a"), ("two", "a"), ("zoo", "a")] {
            watched.shows(name, of("repo", false), Some(tried));
        }
        assert_eq!(watched.waits("own", &[]).as_deref(), Some("zoo"), "the last");
        assert!(watched.shows("one", of("repo", false), Some("b")).is_empty(), "nobody waits for this one");
        assert!(watched.shows("zoo", of("repo", false), Some("a")).is_empty(), "it has not moved");
        assert_eq!(watched.shows("zoo", of("repo", false), Some("b")), ["own"]);
        assert!(watched.shows("zoo", of("repo", false), Some("c")).is_empty(), "told once");
        assert_eq!(watched.waits("own", &[]).as_deref(), Some("zoo"), "it tried another");
        assert_eq!(watched.shows("zoo", of("repo", true), Some("c")), ["own"]);
        assert_eq!(watched.waits("own", &[]).as_deref(), Some("two"));
        assert_eq!(watched.tells_its_end("two"), ["own"]);
        assert_eq!(watched.waits("own", &[]), None);
    }

    #[test]
    fn one_that_is_stalled_is_not_waited_for_until_its_spec_changes() {
        let mut watched = Watched::new();
        watched.shows("own", of("repo", false), Some("b"));
        watched.shows("zoo", of("repo", false), Some("a"));
        assert_eq!(watched.waits("own", &[]).as_deref(), Some("zoo"));
        assert_eq!(watched.stalls("zoo", 1), ["own"], "it is told");
        assert_eq!(watched.waits("own", &[]), None);
        watched.stalls("zoo", 2);
        assert_eq!(watched.waits("own", &[]).as_deref(), Some("zoo"));
    }

    #[test]
    fn one_that_is_gone_waits_for_nobody() {
        let mut watched = Watched::new();
        for name in ["own", "other"] {
            watched.shows(name, of("repo", false), Some("b"));
        }
        watched.shows("zoo", of("repo", false), Some("a"));
        for name in ["own", "other"] {
            assert_eq!(watched.waits(name, &[]).as_deref(), Some("zoo"));
        }
        watched.0.forget(&Key::new("ns", "own"));
        assert_eq!(watched.shows("zoo", of("repo", false), Some("b")), ["other"]);
        watched.shows("zoo", of("repo", false), Some("a"));
        assert_eq!(watched.waits("own", &[]).as_deref(), Some("zoo"));
        watched.0.forget(&Key::new("ns", "own"));
        assert!(watched.0.lock().waiting.is_empty());
    }
}
