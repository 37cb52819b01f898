//! Only what is ours is deleted, and only what is proven gone is forgotten.

use anyhow::Result;
use manifest::{Inventory, ObjectId};
use serde_json::json;
use ssa::{PruneOptions, Pruned};
use tokio_util::sync::CancellationToken;

use crate::world::World;

async fn prune(world: &World, ids: &[(ObjectId, &str)]) -> Pruned {
    let inventory: Inventory = ids.iter().map(|(id, version)| (id.clone(), (*version).to_owned())).collect();
    let cancel = CancellationToken::new();
    let options = PruneOptions { owner: &world.owner, claimed: &|_| false, cancel: &cancel, fence: &|| true };
    world.session.prune(&inventory, &options).await
}

fn names(ids: &[ObjectId]) -> Vec<&str> {
    ids.iter().map(|id| id.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_in_reverse_order_what_carries_our_labels() -> Result<()> {
    let world = World::new("ssa-prune").await?;
    let objects = [
        world.config_map("cfg", json!({})),
        world.deployment("web", json!({})),
        world.config_map("kept", json!({})),
        world.config_map("moved", json!({})),
    ];
    world.apply(&objects).await?;
    world.kubectl(&["annotate", "cm", "kept", "kustomize.toolkit.fluxcd.io/prune=disabled"]);
    world.kubectl(&["label", "--overwrite", "cm", "moved", "kustomize.toolkit.fluxcd.io/name=other"]);
    let id = |group: &str, kind: &str, name: &str| world.id(group, kind, name);
    let pruned = prune(
        &world,
        &[
            (id("", "ConfigMap", "cfg"), "v1"),
            (id("apps", "Deployment", "web"), "v1"),
            (id("", "ConfigMap", "kept"), "v1"),
            (id("", "ConfigMap", "moved"), "v1"),
            (id("", "ConfigMap", "none"), "v1"),
        ],
    )
    .await;
    assert_eq!(names(&pruned.deleted), ["web", "cfg"]);
    assert_eq!(names(&pruned.skipped), ["moved", "kept"]);
    assert_eq!(names(&pruned.gone), ["none"]);
    assert!(pruned.failed.is_empty());
    for name in ["kept", "moved"] {
        world.live("ConfigMap", name).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_api_version_is_no_proof_of_absence_and_an_absent_kind_is() -> Result<()> {
    let world = World::new("ssa-prune-version").await?;
    world.apply(&[world.deployment("web", json!({}))]).await?;
    let pruned = prune(
        &world,
        &[
            (world.id("apps", "Deployment", "web"), "v1beta1"),
            (world.id("gone.example.com", "Thing", "x"), "v1"),
        ],
    )
    .await;
    assert_eq!((names(&pruned.deleted), names(&pruned.gone)), (vec!["web"], vec!["x"]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_kept() -> Result<()> {
    let world = World::new("ssa-prune-rbac").await?;
    world.apply(&[world.config_map("cfg", json!({}))]).await?;
    let tenant = world
        .ssa
        .session(ssa::Identity::ServiceAccount { namespace: world.ns.name().into(), name: "none".into() });
    let inventory: Inventory = [(world.id("", "ConfigMap", "cfg"), "v1".to_owned())].into_iter().collect();
    let cancel = CancellationToken::new();
    let options = PruneOptions { owner: &world.owner, claimed: &|_| false, cancel: &cancel, fence: &|| true };
    let pruned = tenant.prune(&inventory, &options).await;
    assert_eq!(pruned.failed.len(), 1);
    assert!(pruned.failed[0].1.to_string().contains("query failed: configmaps \"cfg\" is forbidden"));
    assert_eq!(tenant.present(&inventory).await.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn claimed_objects_are_handed_over_and_a_lost_lease_deletes_nothing() -> Result<()> {
    let world = World::new("ssa-prune-claim").await?;
    world.apply(&[world.config_map("cfg", json!({}))]).await?;
    let inventory: Inventory = [(world.id("", "ConfigMap", "cfg"), "v1".to_owned())].into_iter().collect();
    let cancel = CancellationToken::new();
    let options = PruneOptions { owner: &world.owner, claimed: &|_| true, cancel: &cancel, fence: &|| true };
    let pruned = world.session.prune(&inventory, &options).await;
    assert_eq!((names(&pruned.left), pruned.skipped.len()), (vec!["cfg"], 0), "nobody has taken it yet");
    let options = PruneOptions { claimed: &|_| false, fence: &|| false, ..options };
    assert_eq!(world.session.prune(&inventory, &options).await.failed.len(), 1);
    world.live("ConfigMap", "cfg").await;
    Ok(())
}
