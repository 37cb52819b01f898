//! The inventory between status and memory, and which objects a pass sends.

use std::collections::HashSet;

use api::kustomize::v1::KustomizationStatus;
use api::meta;
use manifest::{Inventory, ObjectId, ParseIdError};
use ssa::{ApplyError, ObjectCause};

use crate::memory::AppliedObject;

/// The inventory in a status.
///
/// # Errors
/// When an id cannot be read: such an inventory must never look like a smaller one.
pub(crate) fn of_status(status: &KustomizationStatus) -> Result<Inventory, ParseIdError> {
    let entries = status.inventory.iter().flat_map(|inventory| &inventory.entries);
    Inventory::parse(entries.map(|entry| (entry.id.as_str(), entry.v.as_str())))
}

/// The inventory as it stands in a status.
pub(crate) fn to_status(inventory: &Inventory) -> meta::Inventory {
    let entry =
        |(id, version): (&ObjectId, &str)| meta::InventoryEntry { id: id.to_string(), v: version.to_owned() };
    meta::Inventory { entries: inventory.iter().map(entry).collect() }
}

/// Most bytes of an inventory in a status. The whole object must stay under the 1.5 MiB that etcd takes; this leaves
/// room for about 14,000 objects and for conditions, history and managed fields.
const MAX_BYTES: usize = 1_250_000;

/// An inventory that no status can hold.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "the inventory of {objects} objects takes {bytes} bytes of status, and {MAX_BYTES} are the limit: \
     split the Kustomization into several; nothing was applied"
)]
pub(crate) struct InventoryTooLarge {
    objects: usize,
    bytes: usize,
}

/// Refuses an inventory that the API server would refuse, before anything of it is applied.
///
/// # Errors
/// When it takes more bytes than a status can hold.
pub(crate) fn fits(inventory: &meta::Inventory) -> Result<(), InventoryTooLarge> {
    // `{"id":"","v":""},` around each entry.
    const AROUND: usize = 17;
    let bytes = inventory.entries.iter().map(|entry| entry.id.len() + entry.v.len() + AROUND).sum();
    let objects = inventory.entries.len();
    if bytes > MAX_BYTES { Err(InventoryTooLarge { objects, bytes }) } else { Ok(()) }
}

/// Whether `new` has objects, or versions of them, that `old` lacks.
pub(crate) fn grows(old: &Inventory, new: &Inventory) -> bool {
    new.iter().any(|(id, version)| old.version(id) != Some(version))
}

/// Objects of a build that differ from the last applied one.
pub(crate) fn changed(last: &[AppliedObject], build: &[AppliedObject]) -> HashSet<ObjectId> {
    let known: HashSet<(&ObjectId, &str, u64)> =
        last.iter().map(|object| (&object.id, object.version.as_str(), object.hash)).collect();
    let is_new =
        |object: &&AppliedObject| !known.contains(&(&object.id, object.version.as_str(), object.hash));
    build.iter().filter(is_new).map(|object| object.id.clone()).collect()
}

/// What may be in the cluster after an apply that failed: what was there before, what was applied, and what was being
/// written when it failed.
pub(crate) fn after_failure(old: &Inventory, build: &Inventory, error: &ApplyError) -> Inventory {
    let mut all = old.clone();
    let applied = error.applied.changes.iter().map(|change| &change.id);
    let unknown = error.errors.iter().filter(|one| may_have_written(&one.cause)).map(|one| &one.id);
    for id in applied.chain(unknown) {
        if let Some(version) = build.version(id) {
            all.insert(id.clone(), version);
        }
    }
    all
}

fn may_have_written(cause: &ObjectCause) -> bool {
    !matches!(
        cause,
        ObjectCause::Query(_)
            | ObjectCause::DryRun(_)
            | ObjectCause::NoMatch(_)
            | ObjectCause::NoNamespace
            | ObjectCause::Cancelled
            | ObjectCause::LostLease
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: &str, version: &str, hash: u64) -> AppliedObject {
        AppliedObject { id: ObjectId::parse(id).unwrap(), version: version.into(), hash, touched: true }
    }

    #[test]
    fn a_new_object_content_or_version_is_a_change() {
        let last = [object("n_a__ConfigMap", "v1", 1), object("n_b__ConfigMap", "v1", 2)];
        let build = [
            object("n_a__ConfigMap", "v1", 1),
            object("n_b__ConfigMap", "v1", 3),
            object("n_c__ConfigMap", "v1", 4),
        ];
        let changed = changed(&last, &build);
        assert_eq!(changed.len(), 2);
        assert!(!changed.contains(&build[0].id));
    }

    #[test]
    fn ten_thousand_objects_fit_and_what_etcd_would_refuse_is_refused() {
        let of = |count: usize| {
            let entry = |n| meta::InventoryEntry {
                id: format!("a-namespace-of-some-length_settings-of-application-{n:05}__ConfigMap"),
                v: "v1".into(),
            };
            meta::Inventory { entries: (0..count).map(entry).collect() }
        };
        assert_eq!(fits(&of(10_000)), Ok(()));
        let error = fits(&of(20_000)).unwrap_err();
        assert_eq!(error.objects, 20_000);
        let json = serde_json::to_string(&of(20_000).entries).unwrap();
        assert!(json.len().abs_diff(error.bytes) < 100, "{} bytes, told {}", json.len(), error.bytes);
    }

    #[test]
    fn after_a_failure_what_was_applied_is_in_the_inventory_beside_what_was_there() {
        let old = Inventory::parse([("n_old__ConfigMap", "v1"), ("n_a_apps_Deployment", "v1beta1")]).unwrap();
        let build = Inventory::parse([("n_a_apps_Deployment", "v1"), ("n_never__ConfigMap", "v1")]).unwrap();
        let change = |id: &str| ssa::Change {
            id: ObjectId::parse(id).unwrap(),
            version: "v1".into(),
            action: ssa::Action::Configured,
            fingerprint: None,
            drift: None,
            healthy: false,
        };
        let changes = vec![change("n_a_apps_Deployment"), change("n_foreign__ConfigMap")];
        let applied = ssa::Applied { changes, ..ssa::Applied::default() };
        let after = after_failure(&old, &build, &ApplyError { applied, errors: Vec::new() });
        let expected = Inventory::parse([("n_old__ConfigMap", "v1"), ("n_a_apps_Deployment", "v1")]).unwrap();
        assert_eq!(after, expected);
    }

    #[test]
    fn only_what_failed_before_its_write_is_surely_not_in_the_cluster() {
        let gvk = manifest::Gvk::new("x.io/v1", "Odd");
        let before = [ObjectCause::NoMatch(gvk), ObjectCause::NoNamespace, ObjectCause::Cancelled];
        assert!(!before.iter().chain([&ObjectCause::LostLease]).any(may_have_written));
        assert!(may_have_written(&ObjectCause::StillThere));
        assert!(may_have_written(&ObjectCause::NotReady(kstatus::Status::InProgress)));
    }

    #[test]
    fn a_status_without_an_inventory_holds_nothing_and_one_that_cannot_be_read_is_an_error() {
        assert_eq!(of_status(&KustomizationStatus::default()), Ok(Inventory::new()));
        let entry = meta::InventoryEntry { id: "odd".into(), v: "v1".into() };
        let inventory = Some(meta::Inventory { entries: vec![entry] });
        assert!(of_status(&KustomizationStatus { inventory, ..Default::default() }).is_err());
    }

    #[test]
    fn an_inventory_goes_to_the_status_and_back() {
        let entries = [("n_a_apps_Deployment", "v1"), ("_x_rbac.authorization.k8s.io_ClusterRole", "v1")];
        let inventory = Inventory::parse(entries).unwrap();
        let status = KustomizationStatus { inventory: Some(to_status(&inventory)), ..Default::default() };
        assert_eq!(of_status(&status).unwrap(), inventory);
        assert!(!grows(&inventory, &inventory));
        let other = Inventory::parse([("n_a_apps_Deployment", "v2")]).unwrap();
        assert!(grows(&inventory, &other));
    }
}
