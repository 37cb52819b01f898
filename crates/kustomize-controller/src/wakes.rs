use std::collections::BTreeSet;

use api::kustomize::v1::{Kustomization, SourceKind};
use runtime::Key;

use crate::sources::referred;

/// What a Kustomization refers to (decision D5): `sourceRef`, `dependsOn`, `substituteFrom`.
pub(crate) type Far = applier::Far<SourceKind>;

/// The far ends a Kustomization refers to.
pub(crate) fn far_ends(object: &Kustomization) -> BTreeSet<Far> {
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    let source = referred(&object.spec.source_ref, own);
    let values = object.spec.post_build.iter().flat_map(|post| &post.substitute_from);
    let values = values.map(|from| (&from.kind, &*from.name));
    Far::ends(own, Some(source), &object.spec.depends_on, values)
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
