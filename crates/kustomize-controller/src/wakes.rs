use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::kustomize::v1::Kustomization;
use api::meta::ValuesKind;
use runtime::Key;

use crate::sources::SourceKey;

/// The far end of an edge: something a Kustomization refers to (decision D5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Far {
    /// `sourceRef`.
    Source(SourceKey),
    /// `dependsOn`.
    Dependency(Key),
    /// `substituteFrom`: a ConfigMap.
    ConfigMap(Key),
    /// `substituteFrom`: a Secret.
    Secret(Key),
}

/// The far ends a Kustomization refers to.
pub(crate) fn far_ends(object: &Kustomization) -> BTreeSet<Far> {
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    let mut ends = BTreeSet::from([Far::Source(SourceKey::of(&object.spec.source_ref, own))]);
    for dependency in &object.spec.depends_on {
        ends.insert(Far::Dependency(Key::new(dependency.namespace_or(own), dependency.name.clone())));
    }
    let from = object.spec.post_build.iter().flat_map(|post| &post.substitute_from);
    for reference in from {
        let key = Key::new(own, reference.name.clone());
        match reference.kind {
            ValuesKind::ConfigMap => ends.insert(Far::ConfigMap(key)),
            ValuesKind::Secret => ends.insert(Far::Secret(key)),
            ValuesKind::Other(_) => false,
        };
    }
    ends
}

#[derive(Debug, Default)]
struct Index {
    by_far: HashMap<Far, BTreeSet<Key>>,
    by_near: HashMap<Key, BTreeSet<Far>>,
}

/// Who refers to what: the event at the far end wakes the near ends. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    index: Arc<Mutex<Index>>,
}

impl Edges {
    /// The Kustomization refers to these now.
    pub(crate) fn set(&self, near: &Key, ends: BTreeSet<Far>) {
        let mut index = self.lock();
        if index.by_near.get(near) == Some(&ends) {
            return;
        }
        index.remove(near);
        for far in &ends {
            index.by_far.entry(far.clone()).or_default().insert(near.clone());
        }
        index.by_near.insert(near.clone(), ends);
    }

    /// The Kustomization is gone.
    pub(crate) fn remove(&self, near: &Key) {
        self.lock().remove(near);
    }

    /// Kustomizations that refer to this.
    pub(crate) fn near(&self, far: &Far) -> Vec<Key> {
        self.lock().by_far.get(far).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }

    /// Whether `near` waits for `far` through any number of `dependsOn`.
    pub(crate) fn depends_on(&self, near: &Key, far: &Key) -> bool {
        let index = self.lock();
        let (mut seen, mut open) = (BTreeSet::new(), vec![near.clone()]);
        while let Some(key) = open.pop() {
            let ends = index.by_near.get(&key).into_iter().flatten();
            for dependency in ends.filter_map(dependency) {
                if dependency == far {
                    return true;
                }
                if seen.insert(dependency.clone()) {
                    open.push(dependency.clone());
                }
            }
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dependency(far: &Far) -> Option<&Key> {
    match far {
        Far::Dependency(key) => Some(key),
        _ => None,
    }
}

impl Index {
    fn remove(&mut self, near: &Key) {
        for far in self.by_near.remove(near).into_iter().flatten() {
            if let Some(keys) = self.by_far.get_mut(&far) {
                keys.remove(near);
                if keys.is_empty() {
                    self.by_far.remove(&far);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("ns", name)
    }

    fn on(names: &[&str]) -> BTreeSet<Far> {
        names.iter().map(|name| Far::Dependency(key(name))).collect()
    }

    #[test]
    fn a_changed_reference_moves_the_edge() {
        let edges = Edges::default();
        edges.set(&key("a"), on(&["b"]));
        edges.set(&key("a"), on(&["c"]));
        assert!(edges.near(&Far::Dependency(key("b"))).is_empty());
        assert_eq!(edges.near(&Far::Dependency(key("c"))), [key("a")]);
        edges.remove(&key("a"));
        assert!(edges.near(&Far::Dependency(key("c"))).is_empty());
    }

    #[test]
    fn dependence_is_found_through_others_and_ends_in_circles() {
        let edges = Edges::default();
        edges.set(&key("a"), on(&["b"]));
        edges.set(&key("b"), on(&["c", "a"]));
        assert!(edges.depends_on(&key("a"), &key("c")));
        assert!(!edges.depends_on(&key("c"), &key("a")));
        assert!(!edges.depends_on(&key("a"), &key("none")));
    }

    #[test]
    fn references_default_to_the_namespace_of_the_kustomization() {
        let mut object = Kustomization::new("app", Default::default());
        object.metadata.namespace = Some("ns".into());
        object.spec = serde_json::from_value(serde_json::json!({
            "sourceRef": {"kind": "GitRepository", "name": "repo"},
            "dependsOn": [{"name": "x", "namespace": "other"}],
            "postBuild": {"substituteFrom": [{"kind": "Secret", "name": "s"}]}
        }))
        .unwrap();
        let ends = far_ends(&object);
        assert!(ends.contains(&Far::Dependency(Key::new("other", "x"))));
        assert!(ends.contains(&Far::Secret(key("s"))));
        assert_eq!(ends.len(), 3);
    }
}
