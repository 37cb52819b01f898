//! Objects of our kinds let go: suspended, so that no controller prunes, and without our finalizers.
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::{
    CommandError, ErrorKind,
    cluster::{Cluster, Dry, Select},
    commands::install::subject,
    kinds::KINDS,
    resource::Resource,
    say,
    value::{at, list, name, namespace, text},
};

/// Finalizers of our controllers and of Flux's.
const OURS: [&str; 2] = ["finalizers.fluxcd.io", "source.extensions.fluxcd.io/finalizer"];
/// Objects on their way at once.
const AT_ONCE: usize = 16;

/// True for the definition of a kind that our controllers reconcile.
pub(super) fn is_ours(definition: &str) -> bool {
    KINDS.iter().any(|kind| kind.resource.full_name() == definition)
}

/// Every object of every kind of ours.
pub(super) async fn release_objects(cluster: &Cluster, dry: Dry) -> Result<(), CommandError> {
    for kind in &KINDS {
        let found = match cluster.list(&kind.resource, None, &Select::default()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other?,
        };
        let held: Vec<Value> = found.into_iter().filter(is_held).collect();
        let tasks = held.iter().map(async |object| release(cluster, &kind.resource, object, dry).await);
        stream::iter(tasks).buffered(AT_ONCE).try_collect::<Vec<()>>().await?;
        for object in &held {
            let mark = if dry == Dry::Only { " (dry run)" } else { "" };
            say::success(&format!("{} finalizers deleted{mark}", subject(object)));
        }
    }
    Ok(())
}

/// What is left of a kind whose definition is going.
pub(super) async fn remaining_objects(cluster: &Cluster, definition: &Value) -> Result<(), CommandError> {
    let Some(kind) = KINDS.iter().find(|kind| kind.resource.full_name() == name(definition)) else {
        return Ok(());
    };
    let found = match cluster.list(&kind.resource, None, &Select::default()).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for object in found.iter().filter(|object| is_held(object)) {
        release(cluster, &kind.resource, object, Dry::Run).await?;
    }
    Ok(())
}

fn is_held(object: &Value) -> bool {
    list(object, &["metadata", "finalizers"]).iter().filter_map(Value::as_str).any(|one| OURS.contains(&one))
}

/// Suspends the object and takes our finalizers from it, in one write.
async fn release(cluster: &Cluster, kind: &Resource, object: &Value, dry: Dry) -> Result<(), CommandError> {
    if dry == Dry::Only {
        return Ok(());
    }
    let others: Vec<&Value> = list(object, &["metadata", "finalizers"])
        .iter()
        .filter(|one| one.as_str().is_none_or(|one| !OURS.contains(&one)))
        .collect();
    let mut patch = json!({ "metadata": { "finalizers": others } });
    let going = at(object, &["metadata", "deletionTimestamp"]).is_some();
    let prunes = matches!(text(object, &["kind"]), "Kustomization" | "HelmRelease");
    if prunes && !going {
        patch["spec"] = json!({ "suspend": true });
    }
    match cluster.merge(kind, (namespace(object), name(object)), &patch).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map(drop),
    }
}
