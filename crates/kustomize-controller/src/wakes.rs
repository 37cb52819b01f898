use std::collections::BTreeSet;

use api::kustomize::v1::Kustomization;
use api::meta::ValuesKind;
use runtime::Key;

use crate::sources::{SourceKey, referred};

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
    let mut ends = BTreeSet::from([Far::Source(referred(&object.spec.source_ref, own))]);
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

/// The index of all references.
pub(crate) type Edges = runtime::Edges<Far>;

/// Whether `near` waits for `far` through any number of `dependsOn`.
pub(crate) fn depends_on(edges: &Edges, near: &Key, far: &Key) -> bool {
    edges.reaches(near, far, |end| match end {
        Far::Dependency(key) => Some(key),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("ns", name)
    }

    #[test]
    fn dependence_is_no_matter_of_sources() {
        let edges = Edges::default();
        edges.set(&key("a"), BTreeSet::from([Far::Dependency(key("b")), Far::Secret(key("c"))]));
        edges.set(&key("b"), BTreeSet::from([Far::Dependency(key("d"))]));
        assert!(depends_on(&edges, &key("a"), &key("d")));
        assert!(!depends_on(&edges, &key("a"), &key("c")));
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
