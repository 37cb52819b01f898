//! Recorded specs as ours.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeMap;

use flux_build::{CommonMetadata, Image, Patch, Selector, Spec, Substitute};
use serde_json::Value;

pub(crate) fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn items<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

pub(crate) fn texts(value: &Value, field: &str) -> Vec<String> {
    items(value, field).filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

pub(crate) fn pairs(value: &Value) -> BTreeMap<String, String> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn selector(value: &Value) -> Selector {
    Selector {
        group: text(value, "group"),
        version: text(value, "version"),
        kind: text(value, "kind"),
        name: text(value, "name"),
        namespace: text(value, "namespace"),
        label_selector: text(value, "labelSelector"),
        annotation_selector: text(value, "annotationSelector"),
    }
}

fn patch(value: &Value) -> Patch {
    Patch { patch: text(value, "patch"), target: value.get("target").map(selector) }
}

fn image(value: &Value) -> Image {
    Image {
        name: text(value, "name"),
        new_name: text(value, "newName"),
        new_tag: text(value, "newTag"),
        digest: text(value, "digest"),
    }
}

/// The spec of a Kustomization, without its `postBuild`, which the caller knows.
pub(crate) fn spec(spec: &Value, substitute: Option<Substitute>) -> Spec {
    Spec {
        path: text(spec, "path"),
        target_namespace: text(spec, "targetNamespace"),
        name_prefix: text(spec, "namePrefix"),
        name_suffix: text(spec, "nameSuffix"),
        patches: items(spec, "patches").map(patch).collect(),
        images: items(spec, "images").map(image).collect(),
        components: texts(spec, "components"),
        ignore_missing_components: spec["ignoreMissingComponents"] == true,
        build_metadata: texts(spec, "buildMetadata"),
        common_metadata: CommonMetadata {
            labels: pairs(&spec["commonMetadata"]["labels"]),
            annotations: pairs(&spec["commonMetadata"]["annotations"]),
        },
        substitute,
    }
}
