//! Deletes what left the source, hands over what another Kustomization took.

use std::collections::HashMap;
use std::time::Duration;

use api::kustomize::v1::Kustomization;
use api::meta::{ConditionType, Reason};
use manifest::{Inventory, ObjectId};
use runtime::Key;
use runtime::conditions::find;
use ssa::{Identity, PruneOptions, Pruned};

use crate::app::App;
use crate::guard::{self, Intent};
use crate::status::{Failure, Phase};
use crate::steps::dependencies::source_of;
use crate::wakes::depends_on;
use crate::work::{Work, identity};

/// How long deletion waits for Kustomizations of the same source that have not tried the revision (decision D6).
pub(crate) const SIBLINGS: Duration = Duration::from_secs(60);

/// How soon it is looked again for objects that another Kustomization is taking over.
pub(crate) const TAKEOVER: Duration = Duration::from_millis(500);

/// A Kustomization of the same source that may yet claim what is to be pruned: it has not tried the revision, and
/// nothing keeps it from trying. Those that wait for this one through `dependsOn` cannot be waited for.
pub(crate) fn waits_for(app: &App, own: &Key, object: &Kustomization, revision: &str) -> Option<Key> {
    app.siblings.wait_for(own, &source_of(object), revision, |key| depends_on(&app.edges, key, own))
}

/// What left the build. An object whose kind the cluster did not know when it was written ahead stands in the inventory
/// with the namespace its build gave it; once the kind is known to have none, it is in the build without: it did not leave.
pub(crate) fn candidates(old: &Inventory, applied: &Inventory) -> Inventory {
    let bare = |id: &ObjectId| ObjectId { namespace: String::new(), ..id.clone() };
    let left = old.minus(applied);
    let left = left.iter().filter(|(id, _)| id.namespace.is_empty() || !applied.contains(&bare(id)));
    left.map(|(id, version)| (id.clone(), version.to_owned())).collect()
}

/// Ids that other Kustomizations have in their inventories and may take over; true for those whose Kustomization is at
/// it now.
pub(crate) type Claims = HashMap<ObjectId, bool>;

/// The candidates that others claim. `is_late`: others were waited for.
pub(crate) fn claimed_by_others(app: &App, own: &Key, candidates: &Inventory, is_late: bool) -> Claims {
    let wanted: HashMap<String, &ObjectId> = candidates.iter().map(|(id, _)| (id.to_string(), id)).collect();
    let mut claimed = Claims::new();
    app.peers.any(|key, peer| {
        let inventory = peer.status.as_ref().and_then(|status| status.inventory.as_ref());
        let now = is_applying(peer);
        let counts = match takes_over(peer, own, &identity(app, peer)) {
            Takes::Over => true,
            Takes::Now => now && !is_late,
            Takes::Nothing => false,
        };
        if key != own && counts {
            let entries = inventory.iter().flat_map(|inventory| &inventory.entries);
            let ids = entries.filter_map(|entry| wanted.get(&entry.id)).map(|id| ObjectId::clone(id));
            ids.for_each(|id| *claimed.entry(id).or_default() |= now);
        }
        claimed.len() == wanted.len()
    });
    claimed
}

/// Whether all of these were left to others before, who claim them still and are not about to take them over.
pub(crate) fn stays_left(work: &Work<'_>, gone: &Inventory) -> bool {
    let before = work.app.memories.with(&work.run.key, |memory| memory.left.clone());
    if !gone.minus(&before).is_empty() {
        return false;
    }
    let claimed = claimed_by_others(work.app, &work.run.key, gone, true);
    claimed.len() == gone.len() && claimed.values().all(|now| !now)
}

/// What the inventory of a Kustomization says of an object that is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// It takes the object over, now or later.
    Over,
    /// It may be about to, if it is in the middle of a pass. One of another namespace that acts as an account is of other
    /// people, who could keep alive for ever what they may not even read: it is waited for once.
    Now,
    /// It rests, or its objects are those of another cluster.
    Nothing,
}

fn takes_over(peer: &Kustomization, own: &Key, identity: &Identity) -> Takes {
    let rests = peer.spec.suspend || peer.metadata.deletion_timestamp.is_some();
    let is_near = peer.metadata.namespace.as_deref() == Some(&*own.namespace);
    if rests || peer.spec.kube_config.is_some() {
        return Takes::Nothing;
    }
    if is_near || *identity == Identity::Controller { Takes::Over } else { Takes::Now }
}

/// Whether it is in the middle of a pass, as its status tells.
fn is_applying(peer: &Kustomization) -> bool {
    let conditions = peer.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let is = |kind, wanted| find(conditions, kind).is_some_and(|condition| condition.status == wanted);
    is(ConditionType::Reconciling, "True") && is(ConditionType::Ready, "Unknown")
}

/// Holds a prune that looks like an accident, when the flag is on.
///
/// # Errors
/// When it is held.
pub(crate) fn guard(
    work: &Work<'_>,
    (candidates, before): (&Inventory, &Inventory),
    claimed: &Claims,
    built: usize,
) -> Result<(), Failure> {
    let annotations = work.object().metadata.annotations.as_ref();
    // Objects of a pass that was held are no loss; to count them would make every share smaller.
    let lost = candidates.iter().filter(|(id, _)| before.contains(id) && !claimed.contains_key(id)).count();
    let intent = Intent {
        candidates: lost,
        before: before.len(),
        built,
        revision: &work.target.revision,
        allowed: annotations.and_then(|all| all.get(guard::ALLOW_PRUNE)).map(String::as_str),
    };
    guard::check(work.app.options.prune_guard, &intent)
        .map_err(|held| Failure::in_phase(Phase::Applying, Reason::PruneFailed, held.to_string()))
}

/// Deletes the candidates that nobody else claims; tells also whether somebody is about to take over what is left.
pub(crate) async fn prune(work: &Work<'_>, candidates: &Inventory, claimed: &Claims) -> (Pruned, bool) {
    let fence = || work.run.fence().is_ok();
    let options = PruneOptions {
        owner: &work.owner,
        claimed: &|id| claimed.contains_key(id),
        cancel: &work.run.cancel,
        fence: &fence,
    };
    let pruned = work.session.prune(candidates, &options).await;
    let is_taken = pruned.left.iter().any(|id| claimed.get(id) == Some(&true));
    (pruned, is_taken)
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
    part(candidates, pruned.failed.iter().map(|(id, _)| id))
}

/// Entries of `candidates` that another claims and has not taken over.
pub(crate) fn left(pruned: &Pruned, candidates: &Inventory) -> Inventory {
    part(candidates, pruned.left.iter())
}

fn part<'a>(of: &Inventory, ids: impl Iterator<Item = &'a ObjectId>) -> Inventory {
    ids.map(|id| (id.clone(), of.version(id).unwrap_or_default().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        Inventory, ObjectId, Pruned, Takes, candidates, failure, is_applying, left, lines, survivors,
        takes_over,
    };
    use api::kustomize::v1::Kustomization;
    use runtime::Key;
    use serde_json::{Value, json};
    use ssa::{Identity, PruneError};

    fn inventory(ids: &[&str]) -> Inventory {
        ids.iter().map(|id| (ObjectId::parse(id).unwrap(), "v1".to_owned())).collect()
    }

    #[test]
    fn an_object_that_lost_its_namespace_because_its_kind_has_none_did_not_leave() {
        let old = inventory(&["ns_le_cert-manager.io_ClusterIssuer", "ns_a__ConfigMap", "_b__Namespace"]);
        let applied = inventory(&["_le_cert-manager.io_ClusterIssuer", "_a__ConfigMap"]);
        let left = candidates(&old, &applied);
        assert_eq!(left.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>(), ["_b__Namespace"]);
        let other = candidates(&old, &inventory(&["_le_other.io_ClusterIssuer", "other_a__ConfigMap"]));
        assert_eq!(other.len(), 3);
    }

    fn peer(namespace: &str, spec: Value, conditions: Value) -> Kustomization {
        let mut object = json!({
            "metadata": { "name": "peer", "namespace": namespace },
            "spec": { "sourceRef": { "kind": "GitRepository", "name": "repo" } },
            "status": { "conditions": conditions },
        });
        for (key, value) in spec.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn only_those_take_over_that_could() {
        let own = Key::new("ns", "own");
        let account = Identity::ServiceAccount { namespace: "other".into(), name: "tenant".into() };
        let takes = |namespace: &str, spec: Value, identity: &Identity| {
            takes_over(&peer(namespace, spec, json!([])), &own, identity)
        };
        assert_eq!(takes("ns", json!({}), &Identity::Controller), Takes::Over);
        assert_eq!(takes("other", json!({}), &Identity::Controller), Takes::Over);
        assert_eq!(takes("ns", json!({}), &account), Takes::Over, "of the same people");
        assert_eq!(takes("other", json!({}), &account), Takes::Now, "of other people");
        assert_eq!(takes("ns", json!({ "suspend": true }), &Identity::Controller), Takes::Nothing);
        let elsewhere = json!({ "kubeConfig": { "secretRef": { "name": "far" } } });
        assert_eq!(takes("ns", elsewhere, &Identity::Controller), Takes::Nothing, "in another cluster");
    }

    #[test]
    fn one_that_is_in_the_middle_of_a_pass_takes_over_now() {
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "R", "message": "", "lastTransitionTime": "2026-11-22T00:00:00Z" });
        let is = |ready: &str, reconciling: &str| {
            let conditions = json!([condition("Ready", ready), condition("Reconciling", reconciling)]);
            is_applying(&peer("ns", json!({}), conditions))
        };
        assert!(is("Unknown", "True"));
        assert!(!is("False", "True") && !is("True", "False") && !is("Unknown", "False"));
        assert!(!is_applying(&peer("ns", json!({}), json!([]))));
    }

    #[test]
    fn what_another_claims_and_has_not_taken_stays_in_the_inventory() {
        let candidates = inventory(&["ns_a__ConfigMap", "ns_b__ConfigMap"]);
        let pruned = Pruned { left: vec![ObjectId::parse("ns_a__ConfigMap").unwrap()], ..Pruned::default() };
        assert_eq!(left(&pruned, &candidates).iter().count(), 1);
        assert!(left(&pruned, &candidates).contains(&pruned.left[0]) && lines(&pruned).is_empty());
    }

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
