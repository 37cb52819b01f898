//! The floor: what a bare client needs that knows all objects and does nothing but send them.
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use kube::Client;
use serde_json::Value;
use testkit::{Cluster, Usage};

use crate::bench::{app, watch::Watch};

/// Connections of the bare client.
pub(crate) const CONNECTIONS: usize = 16;

/// What the floor took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floor {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

/// Creates `count` namespaces, many at once.
pub(crate) async fn namespaces(cluster: &Cluster, prefix: &str, count: usize) -> Result<()> {
    let names = (0..count).map(|number| app::namespace_object(&app::namespace(prefix, number)));
    apply_all(cluster, names).await
}

/// Applies objects, many at once, in no order.
pub(crate) async fn apply_all(cluster: &Cluster, objects: impl IntoIterator<Item = Value>) -> Result<()> {
    stream::iter(objects)
        .map(|object| async move { cluster.apply(&object).await.map(drop) })
        .buffer_unordered(CONNECTIONS)
        .try_collect()
        .await
}

/// Sends the objects of `count` applications without pods, dry run then apply, until the last Deployment is observed.
pub(crate) async fn measure(client: &Client, prefix: &str, count: usize, version: &str) -> Result<Floor> {
    measure_with(client, prefix, count, version, 0).await
}

/// The same with pods, until all of them are new and available and none is left of the version before.
pub(crate) async fn measure_with(
    client: &Client,
    prefix: &str,
    count: usize,
    version: &str,
    replicas: u32,
) -> Result<Floor> {
    let objects: Vec<Value> = (0..count)
        .flat_map(|number| app::objects(&app::namespace(prefix, number), version, replicas))
        .collect();
    let mut watch = Watch::start(client, "apps/v1", "Deployment", "deployments").await?;
    let (start, cpu) = (Instant::now(), own_cpu()?);
    for dry_run in ["&dryRun=All", ""] {
        stream::iter(&objects)
            .map(|object| send(client, object, dry_run))
            .buffer_unordered(CONNECTIONS)
            .try_for_each(|()| async { Ok(()) })
            .await?;
    }
    let replicas = u64::from(replicas);
    let observed = |object: &Value| {
        let pods = |field: &str| object["status"][field].as_u64().unwrap_or(0);
        object["metadata"]["namespace"].as_str().is_some_and(|name| name.starts_with(prefix))
            && object["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == version
            && object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && pods("availableReplicas") >= replicas
            && pods("updatedReplicas") >= replicas
            && pods("replicas") == replicas
    };
    let end = watch.until(count, limit(count), observed).await?;
    Ok(Floor { seconds: (end - start).as_secs_f64(), cpu_seconds: own_cpu()? - cpu })
}

/// How long `count` applications may take before a row is given up: ten times what they take here.
pub(crate) fn limit(count: usize) -> Duration {
    Duration::from_millis(500 * count as u64).max(Duration::from_secs(600))
}

async fn send(client: &Client, object: &Value, dry_run: &str) -> Result<()> {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    let (root, plural) = match object["kind"].as_str() {
        Some("Deployment") => ("/apis/apps/v1", "deployments"),
        Some("Service") => ("/api/v1", "services"),
        Some("ServiceAccount") => ("/api/v1", "serviceaccounts"),
        _ => ("/api/v1", "configmaps"),
    };
    let path = format!(
        "{root}/namespaces/{}/{plural}/{}?fieldManager=floor&force=true{dry_run}",
        text("namespace"),
        text("name")
    );
    let request = Request::patch(path)
        .header("content-type", "application/apply-patch+yaml")
        .body(serde_json::to_vec(object)?)?;
    client.request_text(request).await?;
    Ok(())
}

/// CPU seconds of this process, which is the bare client (and the Git server, idle meanwhile).
fn own_cpu() -> Result<f64> {
    Ok(Usage::of(std::process::id())?.cpu_seconds)
}
