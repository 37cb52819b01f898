//! What applies is suspended before anything is released, parents before children.
//!
//! A parent that runs on would put a child back as it stands in Git: not suspended. The child's controller would then
//! take its finalizer again, and prune when the definitions go.
use std::collections::HashMap;

use serde_json::Value;

use super::finalizers::Defined;
use crate::{
    CommandError,
    cluster::{Cluster, Dry},
    commands::suspend::suspended,
    value::{at, flag, name, namespace, text},
};

/// Looks for appliers that somebody has resumed meanwhile.
const ROUNDS: usize = 5;
/// Kustomizations in Kustomizations.
const DEPTH: usize = 32;

/// Suspends every Kustomization and HelmRelease; looks again, because a run of a parent may have been under way.
pub(super) async fn suspend_appliers(
    cluster: &Cluster,
    defined: &[Defined],
    dry: Dry,
) -> Result<(), CommandError> {
    if dry == Dry::Only {
        return Ok(());
    }
    for _ in 0..ROUNDS {
        let mut running = running(cluster, defined).await?;
        if running.is_empty() {
            return Ok(());
        }
        running.sort_by_key(|(depth, _, _)| *depth);
        for (_, one, object) in &running {
            one.patch(cluster, object, &suspended(true)).await?;
        }
    }
    match running(cluster, defined).await?.as_slice() {
        [] => Ok(()),
        [(_, one, object), ..] => Err(CommandError::failed(format!(
            "{} {}/{} is resumed again and again",
            one.kind.kind,
            namespace(object),
            name(object)
        ))
        .hint("find out who resumes it: it would prune what it applied; then run this again")),
    }
}

/// Those that are not suspended and not going, with their depth below the outermost parent.
async fn running<'a>(
    cluster: &Cluster,
    defined: &'a [Defined],
) -> Result<Vec<(usize, &'a Defined, Value)>, CommandError> {
    let mut all = Vec::new();
    for one in defined.iter().filter(|one| matches!(one.kind.kind, "Kustomization" | "HelmRelease")) {
        all.extend(one.objects(cluster).await?.into_iter().map(|object| (one, object)));
    }
    let parents: HashMap<(String, String), (String, String)> = all
        .iter()
        .filter(|(one, _)| one.kind.kind == "Kustomization")
        .filter_map(|(_, object)| Some((key(object), parent(object)?)))
        .collect();
    let runs = |object: &Value| {
        !flag(object, &["spec", "suspend"]) && at(object, &["metadata", "deletionTimestamp"]).is_none()
    };
    let all = all.into_iter().filter(|(_, object)| runs(object));
    Ok(all.map(|(one, object)| (depth(&parents, parent(&object)), one, object)).collect())
}

fn key(object: &Value) -> (String, String) {
    (namespace(object).to_owned(), name(object).to_owned())
}

/// The Kustomization that applied the object.
fn parent(object: &Value) -> Option<(String, String)> {
    let label =
        |key: &str| text(object, &["metadata", "labels", &format!("kustomize.toolkit.fluxcd.io/{key}")]);
    let found = (label("namespace").to_owned(), label("name").to_owned());
    // A Kustomization that holds itself, as bootstrap makes it, is its own parent.
    (!found.1.is_empty() && found != key(object)).then_some(found)
}

fn depth(parents: &HashMap<(String, String), (String, String)>, first: Option<(String, String)>) -> usize {
    let mut at = first;
    (0..DEPTH)
        .take_while(|_| {
            let here = at.take();
            at = here.as_ref().and_then(|here| parents.get(here).cloned());
            here.is_some()
        })
        .count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DEPTH, Value, depth, key, parent};

    fn object(name: &str, parent: &str) -> Value {
        json!({ "metadata": { "name": name, "namespace": "n", "labels": {
            "kustomize.toolkit.fluxcd.io/name": parent, "kustomize.toolkit.fluxcd.io/namespace": "n",
        }}})
    }

    #[test]
    fn parents_come_before_children_and_a_circle_ends() {
        let all = [
            object("root", "root"),
            object("mid", "root"),
            object("leaf", "mid"),
            object("a", "b"),
            object("b", "a"),
        ];
        let parents = all.iter().filter_map(|one| Some((key(one), parent(one)?))).collect();
        let of = |at: usize| depth(&parents, parent(&all[at]));
        assert_eq!([of(0), of(1), of(2)], [0, 1, 2]);
        assert_eq!(of(3), DEPTH);
    }
}
