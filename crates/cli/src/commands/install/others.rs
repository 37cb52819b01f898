//! Installations of other tools, which would go on managing what this one writes.
use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::version::{DEPLOYMENTS, PART_OF},
    value::{name, text},
};

/// Refuses to go on where Helm manages a controller: its next upgrade would undo what is written here, and its end would
/// delete it.
///
/// # Errors
/// When there is such a controller.
pub(crate) async fn refuse_others(cluster: &Cluster) -> Result<(), CommandError> {
    let there = cluster.list(&DEPLOYMENTS, Some(&cluster.namespace), &Select::labels(PART_OF)).await?;
    let by_helm = there.iter().filter(|one| manager(one) == "Helm");
    let names: Vec<&str> = by_helm.map(name).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(CommandError::failed(format!("the controllers there are managed by Helm: {}", names.join(", ")))
        .hint("nothing is changed; upgrade that release, or take it over with --force"))
}

fn manager(object: &serde_json::Value) -> &str {
    text(object, &["metadata", "labels", "app.kubernetes.io/managed-by"])
}
