//! What a Helm release holds, from Helm's own storage.
use std::io::Read;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use manifest::{
    Object, ObjectId,
    yaml::{Limits, parse_objects},
};
use serde_json::Value;

use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::export::SECRETS,
    discovery::Discovery,
    resource::Resource,
    value::{at, list, name, namespace, text},
};

/// Bytes of an unpacked release; Helm itself is bounded by the size of a Secret.
const MAX_RELEASE: u64 = 64 << 20;

const DEFINITIONS: Resource = Resource::of_cluster(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
);

/// The objects of the newest release of a HelmRelease, its CustomResourceDefinitions last.
pub(crate) async fn release_objects(
    cluster: &Cluster,
    release: &Value,
) -> Result<Vec<ObjectId>, CommandError> {
    let Some(newest) = list(release, &["status", "history"]).first() else { return Ok(Vec::new()) };
    let version = at(newest, &["version"]).and_then(Value::as_i64).unwrap_or_default();
    let key = format!("sh.helm.release.v1.{}.v{version}", text(newest, &["name"]));
    let stored = cluster.find(&SECRETS, text(release, &["status", "storageNamespace"]), &key).await?;
    let Some(secret) = stored else { return Ok(Vec::new()) };
    let who = format!("{}/{}", namespace(release), name(release));
    let broken = |cause: String| {
        CommandError::failed(format!(
            "failed to decode the Helm storage object for HelmRelease '{who}': {cause}"
        ))
    };
    let manifest = manifest_of(text(&secret, &["data", "release"])).map_err(broken)?;
    let objects = parse_objects("manifest", &manifest, &Limits::default());
    let objects = objects.map_err(|error| broken(error.to_string()))?;
    let discovery = Discovery::ask(cluster).await?;
    let place = text(newest, &["namespace"]);
    let objects = objects.into_iter().filter_map(|value| Object::from_value(value).ok());
    let mut ids: Vec<ObjectId> = objects.map(|object| placed(&object, place, &discovery)).collect();
    let known: Vec<ObjectId> = definitions(cluster, release).await?;
    ids.extend(known.into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
    Ok(ids)
}

/// Objects without a namespace are in that of the release, when their kind has one.
fn placed(object: &Object, place: &str, discovery: &Discovery) -> ObjectId {
    let mut id = object.id();
    if id.namespace.is_empty() && discovery.kind(&id.group, &id.kind).is_some_and(|found| found.namespaced) {
        id.namespace = place.into();
    }
    id
}

async fn definitions(cluster: &Cluster, release: &Value) -> Result<Vec<ObjectId>, CommandError> {
    let managed = |action: &str| !matches!(text(release, &["spec", action, "crds"]), "" | "Skip");
    if !managed("install") && !managed("upgrade") {
        return Ok(Vec::new());
    }
    let group = "helm.toolkit.fluxcd.io";
    let labels = format!("{group}/name={},{group}/namespace={}", name(release), namespace(release));
    let found = cluster.list(&DEFINITIONS, None, &Select::labels(labels)).await?;
    let id = |one: &Value| ObjectId {
        namespace: String::new(),
        name: name(one).into(),
        group: DEFINITIONS.group.to_string(),
        kind: DEFINITIONS.kind.to_string(),
    };
    Ok(found.iter().map(id).collect())
}

/// Base64 of Kubernetes around base64 of Helm around gzip around JSON.
fn manifest_of(data: &str) -> Result<String, String> {
    let outer = STANDARD.decode(data).map_err(|error| error.to_string())?;
    let inner = STANDARD.decode(outer).map_err(|error| error.to_string())?;
    let mut json = Vec::new();
    if inner.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut unpacked = GzDecoder::new(inner.as_slice()).take(MAX_RELEASE + 1);
        unpacked.read_to_end(&mut json).map_err(|error| error.to_string())?;
    } else {
        json = inner;
    }
    if json.len() as u64 > MAX_RELEASE {
        return Err(format!("more than {MAX_RELEASE} bytes"));
    }
    let release: Value = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
    Ok(text(&release, &["manifest"]).to_owned())
}
