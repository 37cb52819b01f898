//! Objects of our kinds let go: suspended, so that no controller prunes, and without our finalizers.
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::{
    CommandError, ErrorKind,
    cluster::{Cluster, Dry, Select},
    commands::install::{DEFINITIONS, subject},
    kinds::{KINDS, Kind},
    resource::Resource,
    say,
    value::{at, flag, list, name, namespace, text},
};

/// Finalizers of our controllers and of Flux's.
const OURS: [&str; 2] = ["finalizers.fluxcd.io", "source.extensions.fluxcd.io/finalizer"];
/// Objects on their way at once.
const AT_ONCE: usize = 16;

/// A kind of ours that the cluster defines.
pub(super) struct Defined {
    pub(super) kind: &'static Kind,
    pub(super) definition: Value,
    /// In a version that is served: an installation of an earlier release has others than ours.
    resource: Resource,
}

impl Defined {
    /// All that our controllers reconcile.
    pub(super) async fn all(cluster: &Cluster) -> Result<Vec<Self>, CommandError> {
        let found = cluster.list(&DEFINITIONS, None, &Select::default()).await?;
        found.into_iter().filter_map(Self::of).collect()
    }

    fn of(definition: Value) -> Option<Result<Self, CommandError>> {
        let kind = KINDS.iter().find(|kind| kind.resource.full_name() == name(&definition))?;
        let Some(version) = served(&definition, &kind.resource.version) else {
            let text = format!("{} serves no version: its objects cannot be released", name(&definition));
            return Some(Err(CommandError::failed(text)));
        };
        let resource = Resource { version: version.into(), ..kind.resource.clone() };
        Some(Ok(Self { kind, definition, resource }))
    }

    /// Its objects in all namespaces; none when the definition is gone meanwhile.
    pub(super) async fn objects(&self, cluster: &Cluster) -> Result<Vec<Value>, CommandError> {
        match cluster.list(&self.resource, None, &Select::default()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let defined = cluster.find(&DEFINITIONS, "", name(&self.definition)).await?;
                if defined.is_some() { Err(error) } else { Ok(Vec::new()) }
            }
            other => other,
        }
    }

    /// Changes some fields of an object; its absence is no error.
    pub(super) async fn patch(
        &self,
        cluster: &Cluster,
        object: &Value,
        patch: &Value,
    ) -> Result<(), CommandError> {
        match cluster.merge(&self.resource, (namespace(object), name(object)), patch).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }
}

/// A version that the definition serves: the wanted one where it can be.
fn served(definition: &Value, wanted: &str) -> Option<String> {
    let versions = list(definition, &["spec", "versions"]).iter().filter(|one| flag(one, &["served"]));
    let names: Vec<&str> = versions.map(|one| text(one, &["name"])).collect();
    names.iter().find(|name| **name == wanted).or(names.first()).map(|name| (*name).to_owned())
}

/// Every object of every kind of ours.
pub(super) async fn release_objects(
    cluster: &Cluster,
    defined: &[Defined],
    dry: Dry,
) -> Result<(), CommandError> {
    for one in defined {
        let found = one.objects(cluster).await?;
        let held: Vec<Value> = found.into_iter().filter(is_held).collect();
        let tasks = held.iter().map(async |object| release(cluster, one, object, dry).await);
        stream::iter(tasks).buffered(AT_ONCE).try_collect::<Vec<()>>().await?;
        for object in &held {
            let mark = if dry == Dry::Only { " (dry run)" } else { "" };
            say::success(&format!("{} finalizers deleted{mark}", subject(object)));
        }
    }
    Ok(())
}

/// What is left of a kind whose definition is going.
pub(super) async fn remaining_objects(cluster: &Cluster, one: &Defined) -> Result<(), CommandError> {
    // While a definition goes, its path may be gone before it.
    let found = match one.objects(cluster).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for object in found.iter().filter(|object| is_held(object)) {
        release(cluster, one, object, Dry::Run).await?;
    }
    Ok(())
}

fn is_held(object: &Value) -> bool {
    list(object, &["metadata", "finalizers"]).iter().filter_map(Value::as_str).any(|one| OURS.contains(&one))
}

/// Suspends the object and takes our finalizers from it, in one write.
async fn release(cluster: &Cluster, one: &Defined, object: &Value, dry: Dry) -> Result<(), CommandError> {
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
    one.patch(cluster, object, &patch).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::served;

    #[test]
    fn objects_are_asked_for_in_a_version_that_is_served() {
        let definition = json!({ "spec": { "versions": [
            { "name": "v1beta1", "served": false },
            { "name": "v1beta2", "served": true },
            { "name": "v1", "served": true },
        ] } });
        assert_eq!(served(&definition, "v1").as_deref(), Some("v1"));
        assert_eq!(served(&definition, "v2").as_deref(), Some("v1beta2"));
        assert_eq!(served(&definition, "v1beta1").as_deref(), Some("v1beta2"));
        assert_eq!(served(&json!({}), "v1"), None);
    }
}
