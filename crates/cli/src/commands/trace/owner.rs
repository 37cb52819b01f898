use serde_json::Value;

use crate::{
    CommandError,
    cluster::Cluster,
    discovery::Discovery,
    kinds::Kind,
    value::{list, namespace, text},
};

/// Owners of owners are followed this far.
const DEPTH: usize = 8;

/// The object of ours that applied something.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) kind: &'static Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Who applied the object, or what owns it.
pub(crate) async fn owner(
    cluster: &Cluster,
    discovery: &Discovery,
    object: &Value,
) -> Result<Option<Owner>, CommandError> {
    Ok(applied(cluster, discovery, object).await?.map(|(_, owner)| owner))
}

/// The object that was applied (this one, or what owns it), and who did.
pub(crate) async fn applied(
    cluster: &Cluster,
    discovery: &Discovery,
    object: &Value,
) -> Result<Option<(Value, Owner)>, CommandError> {
    let mut at = object.clone();
    for _ in 0..DEPTH {
        if let Some(found) = by_labels(&at) {
            return Ok(Some((at, found)));
        }
        match parent(cluster, discovery, &at).await? {
            Some(parent) => at = parent,
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn by_labels(object: &Value) -> Option<Owner> {
    ["Kustomization", "HelmRelease"].into_iter().filter_map(Kind::named).find_map(|kind| {
        let label =
            |key| text(object, &["metadata", "labels", &format!("{}/{key}", kind.resource.group)]).to_owned();
        let owner = Owner { kind, namespace: label("namespace"), name: label("name") };
        (!owner.name.is_empty()).then_some(owner)
    })
}

/// The first of the owners that still exists.
pub(crate) async fn parent(
    cluster: &Cluster,
    discovery: &Discovery,
    object: &Value,
) -> Result<Option<Value>, CommandError> {
    for reference in list(object, &["metadata", "ownerReferences"]) {
        let group = text(reference, &["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
        let Some(resource) = discovery.kind(group, text(reference, &["kind"])) else { continue };
        let found = cluster.find(resource, namespace(object), text(reference, &["name"])).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
