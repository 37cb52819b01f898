use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use kstatus::Status;
use serde_json::Value;

use crate::{
    CommandError,
    cluster::Cluster,
    commands::version::DEPLOYMENTS,
    discovery::Discovery,
    ready::health,
    resource::Resource,
    say::{self, Progress},
    value::{condition, name, namespace, text},
    wait::state,
};

/// Objects on their way at once.
const AT_ONCE: usize = 8;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

const NAMESPACES: Resource = Resource::of_cluster("", "v1", "namespaces", "Namespace");
pub(crate) const DEFINITIONS: Resource = Resource::of_cluster(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
);

/// Server-side apply of all: namespaces and definitions first, the rest once these are served.
pub(crate) async fn apply_all(cluster: &Cluster, objects: &[Value]) -> Result<(), CommandError> {
    let is_base =
        |object: &&Value| matches!(text(object, &["kind"]), "Namespace" | "CustomResourceDefinition");
    let (base, rest): (Vec<&Value>, Vec<&Value>) = objects.iter().partition(is_base);
    apply_stage(cluster, None, &base).await?;
    wait_for_definitions(cluster, &base).await?;
    let discovery = Discovery::ask(cluster).await?;
    apply_stage(cluster, Some(&discovery), &rest).await
}

async fn apply_stage(
    cluster: &Cluster,
    discovery: Option<&Discovery>,
    objects: &[&Value],
) -> Result<(), CommandError> {
    let tasks = objects.iter().map(async |object| apply(cluster, discovery, object).await);
    let told: Vec<String> = stream::iter(tasks).buffered(AT_ONCE).try_collect().await?;
    told.iter().for_each(|line| say::note(line));
    Ok(())
}

async fn apply(
    cluster: &Cluster,
    discovery: Option<&Discovery>,
    object: &Value,
) -> Result<String, CommandError> {
    let kind = text(object, &["kind"]);
    let group = text(object, &["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
    let found = match kind {
        "Namespace" => Some(&NAMESPACES),
        "CustomResourceDefinition" => Some(&DEFINITIONS),
        _ => discovery.and_then(|discovery| discovery.kind(group, kind)),
    };
    let resource = found
        .ok_or_else(|| CommandError::failed(format!("the cluster serves no {kind} of group {group}")))?;
    let subject = subject(object);
    let before = cluster.find(resource, namespace(object), name(object)).await?;
    let after = cluster.apply(resource, object).await.map_err(|error| error.context(&subject))?;
    let done = match before {
        None => "created",
        Some(before) if same(&before, &after) => "unchanged",
        Some(_) => "configured",
    };
    Ok(format!("{subject} {done}"))
}

/// Nothing but times and versions differs.
fn same(before: &Value, after: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            metadata.remove("resourceVersion");
            metadata.remove("generation");
        }
        if let Some(object) = object.as_object_mut() {
            object.remove("status");
        }
        object
    };
    bare(before) == bare(after)
}

/// `Kind/namespace/name`.
pub(crate) fn subject(object: &Value) -> String {
    match namespace(object) {
        "" => format!("{}/{}", text(object, &["kind"]), name(object)),
        place => format!("{}/{place}/{}", text(object, &["kind"]), name(object)),
    }
}

async fn wait_for_definitions(cluster: &Cluster, objects: &[&Value]) -> Result<(), CommandError> {
    let is_definition = |object: &&&Value| text(object, &["kind"]) == "CustomResourceDefinition";
    for definition in objects.iter().filter(is_definition) {
        loop {
            let there = cluster.need(&DEFINITIONS, "", name(definition)).await?;
            if condition(&there, "Established").is_some_and(|one| text(one, &["status"]) == "True") {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Waits until each controller is ready; the command's time limit ends it otherwise.
///
/// # Errors
/// When one cannot become ready.
pub(crate) async fn wait_for_deployments(cluster: &Cluster, names: &[&str]) -> Result<(), CommandError> {
    let progress = Progress::start();
    for wanted in names {
        loop {
            let deployment = cluster.need(&DEPLOYMENTS, &cluster.namespace, wanted).await?;
            let health = health(&deployment)?;
            match health.status {
                Status::Current => break,
                Status::InProgress => progress.tell(&format!("{wanted}: {}", health.message)),
                _ => {
                    return Err(CommandError::failed(format!("{wanted}: {}", health.message))
                        .hint(format!("sluice explain deployment/{wanted} -n {}", cluster.namespace)));
                }
            }
            let _ = state(&deployment);
            tokio::time::sleep(PAUSE).await;
        }
        say::success(&format!("{wanted}: deployment ready"));
    }
    Ok(())
}
