//! Definitions that also serve the versions Flux has dropped, for the manifests and clusters that still use them.
//!
//! All versions of a kind have one schema: the current one with the fields that earlier versions had in addition, and
//! with what they allowed in addition. So nothing needs converting, and nothing is lost by reading an object in another
//! version. What earlier versions allowed but never worked, such as a signature check without keys, stays refused.

use serde_json::{Map, Value, json};

use super::definition::{CrdVersion, definition_with, root_schema};
use super::schema::{schema_of, sorted};
use crate::kustomize::v1::Kustomization;
use crate::meta::{AccessFrom, FluxKind, LegacyJsonPatch};
use crate::schema::DURATION_PATTERN;
use crate::source::v1::GitRepository;

/// The definitions of the kinds that had earlier versions.
pub fn legacy_definitions() -> Vec<Value> {
    vec![
        with_earlier::<Kustomization>(&["v1beta2", "v1beta1"], kustomization),
        with_earlier::<GitRepository>(&["v1beta2", "v1beta1"], git_repository),
    ]
}

/// The definition of a kind with its current version, which is stored, and earlier ones.
fn with_earlier<K: FluxKind>(earlier: &[&str], widen: fn(&mut Map<String, Value>)) -> Value {
    let mut schema = root_schema::<K>();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        widen(properties);
    }
    let current = CrdVersion { name: K::VERSION.to_owned(), deprecation_warning: None, storage: true };
    let mut versions = vec![current];
    versions.extend(earlier.iter().map(|name| deprecated::<K>(name)));
    let mut definition = definition_with::<K>(&sorted(schema), &versions);
    definition["spec"]["conversion"] = json!({ "strategy": "None" });
    definition["spec"] = sorted(definition["spec"].take());
    definition
}

fn deprecated<K: FluxKind>(name: &str) -> CrdVersion {
    let warning = format!("{}/{name} {} is deprecated, use {}/{}", K::GROUP, K::KIND, K::GROUP, K::VERSION);
    CrdVersion { name: name.to_owned(), deprecation_warning: Some(warning), storage: false }
}

fn git_repository(object: &mut Map<String, Value>) {
    let spec = properties_of(object, &["spec"]);
    spec.insert("accessFrom".to_owned(), access_from());
    spec.insert(
        "gitImplementation".to_owned(),
        described(
            json!({ "type": "string", "enum": ["go-git", "libgit2"] }),
            "Deprecated and without effect: which Git library to use.",
        ),
    );
    allow_hours(spec, "timeout");
    let status = properties_of(object, &["status"]);
    status.insert("url".to_owned(), earlier_text("address of the newest artifact"));
    status
        .insert("contentConfigChecksum".to_owned(), earlier_text("checksum of the settings of the artifact"));
    allow_earlier_artifact(status, "artifact");
    if let Some(Value::Object(list)) = status.get_mut("includedArtifacts") {
        allow_earlier_artifact(list, "items");
    }
}

fn kustomization(object: &mut Map<String, Value>) {
    let spec = properties_of(object, &["spec"]);
    let json_patches = json!({ "type": "array", "items": schema_of::<LegacyJsonPatch>() });
    let merge_patches = json!({ "type": "array", "items": { "x-kubernetes-preserve-unknown-fields": true } });
    let validation = json!({ "type": "string", "enum": ["none", "client", "server"] });
    let fields = [
        ("patchesJson6902", json_patches, "Deprecated for `patches`: JSON patches with their targets."),
        (
            "patchesStrategicMerge",
            merge_patches,
            "Deprecated for `patches`: strategic merge patches, as objects.",
        ),
        (
            "validation",
            validation,
            "Deprecated and without effect: objects are always validated by the server.",
        ),
    ];
    for (name, schema, description) in fields {
        spec.insert(name.to_owned(), described(schema, description));
    }
    let snapshot = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    properties_of(object, &["status"])
        .insert("snapshot".to_owned(), described(snapshot, "Of v1beta1: what was applied, by kind."));
}

fn access_from() -> Value {
    described(
        schema_of::<AccessFrom>(),
        "Deprecated and without effect: which other namespaces may use this object.",
    )
}

fn earlier_text(what: &str) -> Value {
    described(json!({ "type": "string" }), &format!("Of earlier versions: {what}."))
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

/// Earlier versions took any duration as a timeout; the current one has no hours.
fn allow_hours(fields: &mut Map<String, Value>, name: &str) {
    if let Some(field) = fields.get_mut(name) {
        field["pattern"] = json!(DURATION_PATTERN);
    }
}

/// Earlier artifacts had a checksum in place of the digest, and needed only path and URL.
fn allow_earlier_artifact(fields: &mut Map<String, Value>, name: &str) {
    if let Some(artifact) = fields.get_mut(name) {
        artifact["properties"]["checksum"] = earlier_text("SHA-256 of the file, in hexadecimal digits");
        artifact["required"] = json!(["path", "url"]);
    }
}

/// The properties of the schema at a path of properties. A path that does not exist is made, which the comparison of
/// the committed files shows.
fn properties_of<'a>(object: &'a mut Map<String, Value>, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut properties = object;
    for name in path {
        let schema = properties.entry(*name).or_insert_with(|| json!({ "type": "object" }));
        properties = as_object(as_object(schema).entry("properties").or_insert_with(|| json!({})));
    }
    properties
}

fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was just made an object")
}
