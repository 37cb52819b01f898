//! Whether there is anything to uninstall where the command points to.
//!
//! A slip of the hand (another context, `-n production`) must change nothing; an uninstallation that was interrupted must
//! be able to go on, though its Deployments are gone.
use serde_json::Value;

use super::{NAMESPACES, finalizers::Defined};
use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::version::{DEPLOYMENTS, PART_OF},
    value::{namespace, text},
};

/// The namespace of the installation.
pub(super) enum Home {
    /// It is not there.
    Gone,
    /// No installation labelled it: it has other owners.
    Foreign,
    /// It came with an installation, and goes with it.
    Ours(Value),
}

/// The namespace, when an installation is in it: its controllers, or its label. Kinds without any controller in the
/// cluster are what an interrupted uninstallation left.
pub(super) async fn home(cluster: &Cluster, defined: &[Defined]) -> Result<Home, CommandError> {
    let place = cluster.namespace.as_str();
    let home = match cluster.find(&NAMESPACES, "", place).await? {
        None => Home::Gone,
        Some(object) if is_labelled(&object) => return Ok(Home::Ours(object)),
        Some(_) => Home::Foreign,
    };
    let controllers = cluster.list(&DEPLOYMENTS, None, &Select::labels(PART_OF)).await?;
    let is_left_over = controllers.is_empty() && !defined.is_empty();
    if is_left_over || controllers.iter().any(|one| namespace(one) == place) {
        return Ok(home);
    }
    let mut elsewhere: Vec<&str> = controllers.iter().map(namespace).collect();
    elsewhere.dedup();
    let error =
        CommandError::not_found(format!("nothing is installed in namespace {place}: nothing is changed"));
    Err(match elsewhere.as_slice() {
        [] => error.hint("is this the right cluster? see --context"),
        others => error.hint(format!("controllers are in: {}; give --namespace", others.join(", "))),
    })
}

/// As `install` and `bootstrap`, Flux's too, label it.
fn is_labelled(namespace: &Value) -> bool {
    let (key, value) = PART_OF.split_once('=').unwrap_or_default();
    text(namespace, &["metadata", "labels", key]) == value
}
