use serde_json::{Map, Value, json};

use super::{CommonArgs, checked_name};
use crate::{
    CommandError,
    cluster::Cluster,
    kinds::{Family, Kind},
    ready::{is_ready, settled},
    run::Context,
    say,
    typed::document,
    value::{at, text},
    wait,
};

/// What was made of the flags.
pub(crate) struct Made {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) spec: Value,
}

/// Prints the object, or creates it and waits until it is ready.
pub(crate) async fn publish(context: &Context, common: &CommonArgs, made: Made) -> Result<(), CommandError> {
    let Some(kind) = Kind::named(made.kind) else {
        return Err(CommandError::failed(format!("{} is not in the table of kinds", made.kind)));
    };
    let mut metadata = Map::new();
    metadata.insert("name".into(), checked_name(&made.name)?.into());
    let labels = common.labels()?;
    if !labels.is_empty() {
        metadata.insert("labels".into(), labels.into());
    }
    let mut object = json!({
        "apiVersion": kind.resource.api_version(), "kind": kind.kind, "metadata": metadata, "spec": made.spec,
    });
    if common.export {
        object["metadata"]["namespace"] = context.namespace().into();
        return say::data(&document(&object));
    }
    let cluster = context.cluster().await?;
    object["metadata"]["namespace"] = cluster.namespace.as_str().into();
    if context.global.verbose {
        say::note(&document(&object));
    }
    apply(&cluster, kind, &object).await
}

async fn apply(cluster: &Cluster, kind: &Kind, object: &Value) -> Result<(), CommandError> {
    let what =
        if kind.family == Some(Family::Source) { format!("{} source", kind.kind) } else { kind.kind.into() };
    let place = (cluster.namespace.as_str(), text(object, &["metadata", "name"]));
    say::generate(&format!("generating {what}"));
    say::action(&format!("applying {what}"));
    let done = upsert(cluster, kind, object).await?;
    say::success(&format!("{what} {done}"));
    say::waiting(&format!("waiting for {what} reconciliation"));
    let ready = if kind.is_static(object) { settled } else { is_ready };
    let object = wait::until(cluster, kind, place, ready).await?;
    say::success(&format!("{what} reconciliation completed"));
    told(kind, &object, place.1)
}

fn told(kind: &Kind, object: &Value, name: &str) -> Result<(), CommandError> {
    if kind.family == Some(Family::Source) && !kind.is_static(object) {
        if at(object, &["status", "artifact"]).is_none() {
            return Err(CommandError::failed(format!(
                "{} source reconciliation completed but no artifact was found",
                kind.kind
            )));
        }
        say::success(&format!("fetched revision: {}", text(object, &["status", "artifact", "revision"])));
    } else if kind.family.is_none() {
        say::success(&format!("{} {name} is ready", kind.kind));
        match kind.kind {
            "Receiver" => {
                say::success(&format!("generated webhook URL {}", text(object, &["status", "webhookPath"])));
            }
            "Kustomization" | "HelmRelease" => say::success(&kind.done(object)),
            _ => {}
        }
    }
    Ok(())
}

/// Creates the object, or gives the one that is there the labels and the spec.
async fn upsert(cluster: &Cluster, kind: &Kind, object: &Value) -> Result<&'static str, CommandError> {
    let [namespace, name] = ["namespace", "name"].map(|key| text(object, &["metadata", key]));
    let Some(mut there) = cluster.find(&kind.resource, namespace, name).await? else {
        cluster.create(&kind.resource, object).await?;
        return Ok("created");
    };
    there["spec"] = object["spec"].clone();
    there["metadata"]["labels"] = at(object, &["metadata", "labels"]).cloned().unwrap_or(json!({}));
    cluster.replace(&kind.resource, &there).await?;
    Ok("updated")
}
