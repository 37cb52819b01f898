//! What an earlier bootstrap left in the cluster: the Kustomization that applies the folder it stands in itself.
use serde_json::Value;

use super::folder;
use crate::{
    CommandError, ErrorKind,
    cluster::{Cluster, Select},
    kinds::Kind,
    value::{name, namespace, text},
};

/// Name of the GitRepository and of the Kustomization of this installation: that of its namespace, as in Flux. One that is
/// there under another name, as Sluice once gave them that of the Secret, keeps it: renamed in Git it would leave its own
/// inventory, and be deleted with all that it has applied.
///
/// # Errors
/// When the one that is there follows another folder: with this one its build would lack what the other holds, and all
/// that would be deleted.
pub(super) async fn name_for(cluster: &Cluster, wanted: &str) -> Result<String, CommandError> {
    let place = cluster.namespace.as_str();
    let Some(kind) = Kind::named("Kustomization") else { return Ok(place.to_owned()) };
    let all = match cluster.list(&kind.resource, Some(place), &Select::default()).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let Some(root) = root(&all, place)? else { return Ok(place.to_owned()) };
    let there = text(root, &["spec", "path"]);
    // A path that leads out of the repository is none that a bootstrap wrote.
    if folder(there).ok().as_deref() == Some(wanted) {
        return Ok(name(root).to_owned());
    }
    let own = name(root);
    let (there, wanted) = (shown(there), shown(wanted));
    Err(CommandError::failed(format!(
        "Kustomization \"{place}/{own}\" follows the folder '{there}': with '{wanted}' everything would be deleted that only \
         '{there}' holds"
    ))
    .hint(format!("nothing is changed; give --path={there}"))
    .hint(
        "to move the cluster to another folder, move the files in the repository, with the path in gotk-sync.yaml, and then set \
         spec.path of the Kustomization",
    ))
}

/// A path as `--path` takes it.
fn shown(path: &str) -> String {
    match folder(path).as_deref() {
        Ok("") => "./".to_owned(),
        Ok(folder) => folder.to_owned(),
        Err(_) => path.to_owned(),
    }
}

/// The Kustomization of the namespace's name, else the only one that applies itself.
fn root<'a>(all: &'a [Value], place: &str) -> Result<Option<&'a Value>, CommandError> {
    if let Some(found) = all.iter().find(|one| name(one) == place) {
        return Ok(Some(found));
    }
    let own: Vec<&Value> = all.iter().filter(|one| applies_itself(one)).collect();
    match own.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let names: Vec<&str> = several.iter().map(|one| name(one)).collect();
            Err(CommandError::failed(format!(
                "several Kustomizations in namespace {place} apply themselves: {}",
                names.join(", ")
            ))
            .hint("nothing is changed: which of them is the root of the cluster cannot be told"))
        }
    }
}

/// Bears its own name as that of who applied it, and follows a GitRepository of its name.
fn applies_itself(one: &Value) -> bool {
    let label = |key| text(one, &["metadata", "labels", key]);
    label("kustomize.toolkit.fluxcd.io/name") == name(one)
        && label("kustomize.toolkit.fluxcd.io/namespace") == namespace(one)
        && text(one, &["spec", "sourceRef", "kind"]) == "GitRepository"
        && text(one, &["spec", "sourceRef", "name"]) == name(one)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{name, root};

    fn kustomization(own: &str, owner: &str) -> Value {
        json!({
            "metadata": { "name": own, "namespace": "home", "labels": {
                "kustomize.toolkit.fluxcd.io/name": owner, "kustomize.toolkit.fluxcd.io/namespace": "home",
            } },
            "spec": { "sourceRef": { "kind": "GitRepository", "name": owner } },
        })
    }

    #[test]
    fn the_root_bears_the_name_of_the_namespace_or_applies_itself() {
        let child = kustomization("apps", "home");
        let found = |all: &[Value]| root(all, "home").map(|one| one.map(name).map(str::to_owned));
        assert_eq!(found(std::slice::from_ref(&child)).unwrap(), None);
        let earlier = kustomization("flux-system", "flux-system");
        assert_eq!(found(&[child.clone(), earlier.clone()]).unwrap().as_deref(), Some("flux-system"));
        let now = kustomization("home", "home");
        assert_eq!(found(&[earlier.clone(), now]).unwrap().as_deref(), Some("home"));
        assert!(found(&[earlier, kustomization("other", "other")]).is_err());
    }
}
