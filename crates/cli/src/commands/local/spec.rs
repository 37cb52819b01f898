//! From a Kustomization as JSON to what the engine takes.
use std::{collections::BTreeMap, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use flux_build::{CommonMetadata, Image, Patch, Selector, Spec, Substitute};
use manifest::yaml::{Limits, parse_documents};
use serde_json::Value;
use ssa::{IgnoreRule, IgnoreRules};

use crate::{
    CommandError,
    cluster::Cluster,
    commands::export::SECRETS,
    resource::Resource,
    value::{at, flag, list, name, namespace, text},
};

const CONFIG_MAPS: Resource = Resource::fixed("", "v1", "configmaps", "ConfigMap");

/// The spec of the engine, with another folder.
pub(crate) fn spec(object: &Value, folder: &str, vars: BTreeMap<String, String>, strict: bool) -> Spec {
    let part = |key| text(object, &["spec", key]).to_owned();
    let many = |key| list(object, &["spec", key]);
    Spec {
        path: folder.to_owned(),
        target_namespace: part("targetNamespace"),
        name_prefix: part("namePrefix"),
        name_suffix: part("nameSuffix"),
        patches: many("patches").iter().map(patch).collect(),
        images: many("images").iter().map(image).collect(),
        components: texts(many("components")),
        ignore_missing_components: flag(object, &["spec", "ignoreMissingComponents"]),
        build_metadata: texts(many("buildMetadata")),
        common_metadata: CommonMetadata {
            labels: map(object, &["spec", "commonMetadata", "labels"]),
            annotations: map(object, &["spec", "commonMetadata", "annotations"]),
        },
        substitute: at(object, &["spec", "postBuild"]).map(|post| Substitute {
            vars,
            strict,
            always: text(post, &["substituteStrategy"]) == "Always",
        }),
    }
}

/// `spec.ignore`: fields that an apply leaves alone.
///
/// # Errors
/// When a target cannot be read, as the controller says.
pub(super) fn ignore_rules(object: &Value) -> Result<IgnoreRules, CommandError> {
    let rules: Vec<IgnoreRule> = list(object, &["spec", "ignore"]).iter().map(ignore_rule).collect();
    IgnoreRules::compile(&rules).map_err(|error| CommandError::failed(error.to_string()))
}

fn ignore_rule(value: &Value) -> IgnoreRule {
    let target = selector(at(value, &["target"]).unwrap_or(&Value::Null));
    IgnoreRule {
        paths: texts(list(value, &["paths"])),
        group: target.group,
        version: target.version,
        kind: target.kind,
        name: target.name,
        namespace: target.namespace,
        label_selector: target.label_selector,
        annotation_selector: target.annotation_selector,
    }
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn map(object: &Value, path: &[&str]) -> BTreeMap<String, String> {
    let pairs = at(object, path).and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn patch(value: &Value) -> Patch {
    Patch { patch: text(value, &["patch"]).to_owned(), target: at(value, &["target"]).map(selector) }
}

/// The objects that a target means.
fn selector(target: &Value) -> Selector {
    let part = |key| text(target, &[key]).to_owned();
    Selector {
        group: part("group"),
        version: part("version"),
        kind: part("kind"),
        name: part("name"),
        namespace: part("namespace"),
        label_selector: part("labelSelector"),
        annotation_selector: part("annotationSelector"),
    }
}

fn image(value: &Value) -> Image {
    let part = |key| text(value, &[key]).to_owned();
    Image { name: part("name"), new_name: part("newName"), new_tag: part("newTag"), digest: part("digest") }
}

/// `postBuild`: what `substituteFrom` refers to, then `substitute`, which wins.
pub(super) async fn variables(
    cluster: Option<&Cluster>,
    object: &Value,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut vars = BTreeMap::new();
    if let Some(cluster) = cluster {
        for reference in list(object, &["spec", "postBuild", "substituteFrom"]) {
            vars.extend(referred(cluster, namespace(object), reference).await?);
        }
    }
    vars.extend(map(object, &["spec", "postBuild", "substitute"]));
    Ok(vars)
}

async fn referred(
    cluster: &Cluster,
    place: &str,
    reference: &Value,
) -> Result<BTreeMap<String, String>, CommandError> {
    let is_secret = text(reference, &["kind"]) == "Secret";
    let resource = if is_secret { &SECRETS } else { &CONFIG_MAPS };
    let wanted = text(reference, &["name"]);
    let Some(found) = cluster.find(resource, place, wanted).await? else {
        if flag(reference, &["optional"]) {
            return Ok(BTreeMap::new());
        }
        return Err(CommandError::failed(format!("substitute from {} '{wanted}': not found", resource.kind)));
    };
    let mut vars = map(&found, &["data"]);
    if is_secret {
        for value in vars.values_mut() {
            let plain = STANDARD.decode(value.as_bytes()).unwrap_or_default();
            *value = String::from_utf8_lossy(&plain).into_owned();
        }
    }
    Ok(vars)
}

/// The Kustomization of this name in a file of several documents.
pub(super) fn from_file(file: &PathBuf, wanted: &str, place: &str) -> Result<Value, CommandError> {
    let shown = file.display().to_string();
    let content =
        std::fs::read_to_string(file).map_err(|error| CommandError::failed(format!("{shown}: {error}")))?;
    let documents = parse_documents(&shown, &content, &Limits::default());
    let documents = documents.map_err(|error| CommandError::failed(error.to_string()))?;
    let is_it = |one: &&Value| {
        text(one, &["kind"]) == "Kustomization"
            && text(one, &["apiVersion"]).starts_with("kustomize.toolkit.fluxcd.io/")
            && name(one) == wanted
    };
    let found = documents.iter().find(is_it).cloned();
    let mut found =
        found.ok_or_else(|| CommandError::not_found(format!("no Kustomization {wanted} in {shown}")))?;
    if namespace(&found).is_empty() {
        found["metadata"]["namespace"] = place.into();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ignore_rule, patch};

    #[test]
    fn a_target_is_read_alike_for_patches_and_for_what_is_ignored() {
        let target = json!({
            "group": "g", "version": "v", "kind": "k", "name": "n", "namespace": "ns",
            "labelSelector": "l=1", "annotationSelector": "a=1",
        });
        let read = patch(&json!({ "patch": "[]", "target": target })).target.unwrap();
        let rule = ignore_rule(&json!({ "paths": ["/x"], "target": target }));
        let of_patch = [read.group, read.version, read.kind, read.name, read.namespace];
        let of_rule = [rule.group, rule.version, rule.kind, rule.name, rule.namespace];
        assert_eq!(of_patch, ["g", "v", "k", "n", "ns"]);
        assert_eq!(of_rule, of_patch);
        assert_eq!((read.label_selector, read.annotation_selector), ("l=1".into(), "a=1".into()));
        assert_eq!((rule.label_selector, rule.annotation_selector), ("l=1".into(), "a=1".into()));
        assert!(patch(&json!({ "patch": "[]" })).target.is_none());
    }
}
