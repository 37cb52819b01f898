//! Deletes what left the source, hands over what another Kustomization took.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use api::kustomize::v1::Kustomization;
use api::meta::Reason;
use manifest::{Inventory, ObjectId};
use runtime::Key;
use ssa::{PruneOptions, Pruned};

use crate::app::App;
use crate::guard::{self, Intent};
use crate::status::{Failure, Phase};
use crate::steps::dependencies::source_of;
use crate::wakes::depends_on;
use crate::work::Work;

/// How long deletion waits for Kustomizations of the same source that have not tried the revision (decision D6).
pub(crate) const SIBLINGS: Duration = Duration::from_secs(60);

/// A Kustomization of the same source that may yet claim what is to be pruned: it has not tried the revision, and
/// nothing keeps it from trying. Those that wait for this one through `dependsOn` cannot be waited for.
pub(crate) fn waits_for(app: &App, own: &Key, object: &Kustomization, revision: &str) -> Option<Key> {
    app.siblings.wait_for(own, &source_of(object), revision, |key| depends_on(&app.edges, key, own))
}

/// Ids that other Kustomizations of ours have in their inventories.
pub(crate) fn claimed_by_others(app: &App, own: &Key, candidates: &Inventory) -> HashSet<ObjectId> {
    let wanted: HashMap<String, &ObjectId> = candidates.iter().map(|(id, _)| (id.to_string(), id)).collect();
    let mut claimed = HashSet::new();
    app.peers.any(|key, peer| {
        let inventory = peer.status.as_ref().and_then(|status| status.inventory.as_ref());
        if key != own && peer.metadata.deletion_timestamp.is_none() {
            let entries = inventory.iter().flat_map(|inventory| &inventory.entries);
            claimed.extend(entries.filter_map(|entry| wanted.get(&entry.id)).map(|id| ObjectId::clone(id)));
        }
        claimed.len() == wanted.len()
    });
    claimed
}

/// Holds a prune that looks like an accident, when the flag is on.
///
/// # Errors
/// When it is held.
pub(crate) fn guard(work: &Work<'_>, candidates: usize, before: usize, built: usize) -> Result<(), Failure> {
    let annotations = work.object().metadata.annotations.as_ref();
    let intent = Intent {
        candidates,
        before,
        built,
        revision: &work.target.revision,
        allowed: annotations.and_then(|all| all.get(guard::ALLOW_PRUNE)).map(String::as_str),
    };
    guard::check(work.app.options.prune_guard, &intent)
        .map_err(|held| Failure::in_phase(Phase::Applying, Reason::PruneFailed, held.to_string()))
}

/// Deletes the candidates.
pub(crate) async fn prune(work: &Work<'_>, candidates: &Inventory) -> Pruned {
    let claimed = claimed_by_others(work.app, &work.run.key, candidates);
    let fence = || work.run.fence().is_ok();
    let options = PruneOptions {
        owner: &work.owner,
        claimed: &|id| claimed.contains(id),
        cancel: &work.run.cancel,
        fence: &fence,
    };
    work.session.prune(candidates, &options).await
}

/// Lines of the event: what was deleted, and what was left on purpose.
pub(crate) fn lines(pruned: &Pruned) -> String {
    let deleted = pruned.deleted.iter().map(|id| format!("{} deleted", id.subject()));
    let skipped = pruned.skipped.iter().map(|id| format!("{} skipped", id.subject()));
    deleted.chain(skipped).collect::<Vec<_>>().join("\n")
}

/// What deletes that were not confirmed mean; they stay in the inventory.
pub(crate) fn failure(pruned: &Pruned) -> Option<Failure> {
    if pruned.failed.is_empty() {
        return None;
    }
    let texts: String = pruned.failed.iter().map(|(_, error)| format!("{error};")).collect();
    Some(Failure::in_phase(Phase::Applying, Reason::PruneFailed, format!("delete failed, errors: {texts}")))
}

/// Entries of `candidates` whose delete was not confirmed.
pub(crate) fn survivors(pruned: &Pruned, candidates: &Inventory) -> Inventory {
    let version = |id: &ObjectId| candidates.version(id).unwrap_or_default().to_owned();
    pruned.failed.iter().map(|(id, _)| (id.clone(), version(id))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Inventory, ObjectId, Pruned, failure, lines, survivors};
    use ssa::PruneError;

    #[test]
    fn only_deletes_that_were_not_confirmed_stay_in_the_inventory() {
        let [kept, deleted] = ["ns_a__ConfigMap", "ns_b__ConfigMap"].map(|id| ObjectId::parse(id).unwrap());
        let candidates: Inventory =
            [(kept.clone(), "v1".to_owned()), (deleted.clone(), "v2".to_owned())].into_iter().collect();
        let error = PruneError::Cancelled { subject: kept.subject() };
        let pruned =
            Pruned { deleted: vec![deleted], failed: vec![(kept.clone(), error)], ..Pruned::default() };
        let left = survivors(&pruned, &candidates);
        assert_eq!((left.len(), left.version(&kept)), (1, Some("v1")));
    }

    #[test]
    fn the_event_tells_what_was_deleted_and_what_was_left_on_purpose() {
        let id = |text: &str| ObjectId::parse(text).unwrap();
        let pruned = Pruned {
            deleted: vec![id("ns_a__ConfigMap")],
            gone: vec![id("ns_gone__ConfigMap")],
            skipped: vec![id("_b__Namespace")],
            ..Pruned::default()
        };
        assert_eq!(lines(&pruned), "ConfigMap/ns/a deleted\nNamespace/b skipped");
    }

    #[test]
    fn deletes_that_failed_are_told_in_the_words_of_flux() {
        let of = |id: &str| {
            let id = ObjectId::parse(id).unwrap();
            let error = PruneError::Cancelled { subject: id.subject() };
            (id, error)
        };
        assert!(failure(&Pruned::default()).is_none());
        let pruned =
            Pruned { failed: vec![of("ns_a__ConfigMap"), of("ns_b__ConfigMap")], ..Pruned::default() };
        let text = "delete failed, errors: ConfigMap/ns/a not deleted: the run ended;ConfigMap/ns/b not deleted: the run ended;";
        assert_eq!(failure(&pruned).unwrap().message, text);
    }
}
