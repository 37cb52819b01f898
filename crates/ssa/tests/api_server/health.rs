//! Health is read live; a workload that is not there yet names the pod.

use std::time::Duration;

use anyhow::Result;
use kstatus::{HealthExprs, Status};
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn judges_what_is_there_and_what_is_not() -> Result<()> {
    let world = World::new("ssa-health").await?;
    world.apply(&[world.config_map("a", json!({})), world.deployment("web", json!({"replicas": 1}))]).await?;
    let ids = [
        (world.id("apps", "Deployment", "web"), "v1".to_owned()),
        (world.id("", "ConfigMap", "a"), "v1".to_owned()),
        (world.id("", "ConfigMap", "none"), "v1".to_owned()),
        (world.id("none.example.com", "Thing", "x"), "v1".to_owned()),
    ];
    let wanted = [Status::Current, Status::Current, Status::NotFound, Status::Unknown];
    for _ in 0..200 {
        let health = world.session.health(&ids, &world.owner, &HealthExprs::default()).await;
        if health.iter().map(|one| one.health.status).eq(wanted) {
            assert!(health[3].error.as_ref().unwrap().contains("no matches for kind"));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("never {wanted:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_objects_of_a_kind_are_one_list() -> Result<()> {
    let world = World::new("ssa-list").await?;
    let objects: Vec<_> = (0..12).map(|n| world.config_map(&format!("c{n}"), json!({}))).collect();
    let applied = world.apply(&objects).await?;
    let ids: Vec<_> = applied.changes.iter().map(|change| (change.id.clone(), "v1".to_owned())).collect();
    world.requests();
    let health = world.session.health(&ids, &world.owner, &HealthExprs::default()).await;
    assert!(health.iter().all(|one| one.health.status == Status::Current));
    assert_eq!(world.requests().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pod_that_cannot_run_is_named() -> Result<()> {
    let world = World::new("ssa-pod").await?;
    let spec = json!({"replicas": 1, "template": {"spec": {"nodeSelector": {"none": "such"}}}});
    world.apply(&[world.deployment("web", spec)]).await?;
    let ids = [(world.id("apps", "Deployment", "web"), "v1".to_owned())];
    world.requests();
    let first = world.session.health(&ids, &world.owner, &HealthExprs::default()).await;
    assert_eq!(
        (world.requests().len(), &first[0].cause),
        (1, &None),
        "a rollout gets a moment before pods are asked"
    );
    for _ in 0..200 {
        let health = world.session.health(&ids, &world.owner, &HealthExprs::default()).await;
        if let Some(cause) = &health[0].cause {
            assert!(cause.pod.starts_with("web-"), "{cause}");
            assert_eq!(cause.cause.reason, "Unschedulable");
            let text = health[0].to_string();
            assert!(
                text.starts_with(&format!(
                    "Deployment/{}/web status: 'InProgress' (pod web-",
                    world.ns.name()
                )),
                "{text}"
            );
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("no pod was named")
}
