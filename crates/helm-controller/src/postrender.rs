//! What is done to a chart's output before it becomes a release: kustomize, common metadata, the owner's labels. Pure.

use std::collections::{BTreeMap, HashSet};

use api::helm::v2::{HelmRelease, Kustomize, PostRenderStrategy};
use api::meta::{Selector, groups};
use kustomize::{BuildOptions, LoadRestriction, MemoryTree};
use manifest::Object;
use manifest::yaml::to_yaml;
use serde_json::{Map, Value, json};

use crate::render::RenderError;
use crate::work::Marks;

/// Files by name.
type Files = BTreeMap<String, String>;

/// Post-renders files by the strategy.
///
/// # Errors
/// In Helm's words, when a file is no manifest or kustomize refuses.
pub(crate) fn run(
    object: &HelmRelease,
    strategy: &PostRenderStrategy,
    files: &Files,
) -> Result<Files, RenderError> {
    let strategy = match strategy {
        PostRenderStrategy::Combined => helm_template::PostRenderStrategy::Combined,
        PostRenderStrategy::Separate => helm_template::PostRenderStrategy::Separate,
        PostRenderStrategy::NoHooks => helm_template::PostRenderStrategy::NoHooks,
        PostRenderStrategy::Other(other) => {
            return Err(RenderError(format!("unknown post-render strategy: '{other}'")));
        }
    };
    let mut render = |stream: &str| chain(object, stream).map_err(|error| error.0);
    helm_template::post_render(files, strategy, &mut render).map_err(|error| RenderError(error.to_string()))
}

/// All renderers in order.
fn chain(object: &HelmRelease, text: &str) -> Result<String, RenderError> {
    let mut text = text.to_owned();
    for renderer in &object.spec.post_renderers {
        if let Some(kustomize) = &renderer.kustomize {
            text = kustomized(&text, &kustomization(kustomize))?;
        }
    }
    if let Some(common) = &object.spec.common_metadata {
        text = marked(&text, &common.labels, &common.annotations)?;
    }
    let owner = Marks::from([
        (format!("{}/name", groups::HELM), object.metadata.name.clone().unwrap_or_default()),
        (format!("{}/namespace", groups::HELM), object.metadata.namespace.clone().unwrap_or_default()),
    ]);
    marked(&text, &owner, &Marks::new())
}

/// Runs kustomize over one stream of objects.
fn kustomized(text: &str, kustomization: &Value) -> Result<String, RenderError> {
    const INPUT: &str = "helm-output.yaml";
    let mut tree = MemoryTree::new();
    let mut kustomization = kustomization.clone();
    kustomization["resources"] = json!([INPUT]);
    tree.insert("kustomization.yaml", kustomization.to_string());
    tree.insert(INPUT, text);
    let options = BuildOptions { load_restriction: LoadRestriction::None, ..BuildOptions::default() };
    let built = kustomize::build(&tree, "", &options).map_err(|error| RenderError(error.to_string()))?;
    Ok(built.to_yaml())
}

fn kustomization(spec: &Kustomize) -> Value {
    let patch = |patch: &api::meta::Patch| with_target(json!({"patch": patch.patch}), patch.target.as_ref());
    let mut patches: Vec<Value> = spec.patches.iter().map(patch).collect();
    patches.extend(spec.patches_strategic_merge.iter().map(|patch| json!({"patch": patch.to_string()})));
    patches.extend(spec.patches_json6902.iter().map(|legacy| {
        let operations = serde_json::to_string(&legacy.patch).unwrap_or_default();
        with_target(json!({"patch": operations}), Some(&legacy.target))
    }));
    let images: Vec<Value> =
        spec.images.iter().map(|image| serde_json::to_value(image).unwrap_or_default()).collect();
    json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "patches": patches,
        "images": images,
    })
}

fn with_target(mut patch: Value, target: Option<&Selector>) -> Value {
    if let Some(target) = target {
        patch["target"] = serde_json::to_value(target).unwrap_or_default();
    }
    patch
}

/// Sets labels and annotations on all objects.
fn marked(text: &str, labels: &Marks, annotations: &Marks) -> Result<String, RenderError> {
    if labels.is_empty() && annotations.is_empty() {
        return Ok(text.to_owned());
    }
    let objects = crate::resources::parse_rendered(text).map_err(|error| RenderError(error.to_string()))?;
    unique(&objects)?;
    let mut out = String::new();
    for mut object in objects {
        put(object.metadata_mut(), "labels", labels);
        put(object.metadata_mut(), "annotations", annotations);
        if !out.is_empty() {
            out.push_str("---\n");
        }
        out.push_str(&to_yaml(object.value()));
    }
    Ok(out)
}

/// Refuses the same object twice, in kustomize's words: one of them would silently win.
fn unique(objects: &[Object]) -> Result<(), RenderError> {
    let mut seen = HashSet::new();
    for object in objects {
        let (gvk, name) = (object.gvk(), object.name().to_owned());
        let namespace = object.namespace().filter(|namespace| !namespace.is_empty());
        let group = if gvk.group.is_empty() { "[noGrp]" } else { &gvk.group };
        let kind = format!("{}.{}.{group}", gvk.kind, gvk.version);
        let told = format!("{kind}/{name}.{}", namespace.unwrap_or("[noNs]"));
        if !seen.insert((kind, name, namespace.unwrap_or("default").to_owned())) {
            let text = format!("may not add resource with an already registered id: {told}");
            return Err(RenderError(text));
        }
    }
    Ok(())
}

fn put(metadata: &mut Map<String, Value>, field: &str, marks: &Marks) {
    if marks.is_empty() {
        return;
    }
    let entry = metadata.entry(field).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    for (key, value) in marks {
        entry[key] = value.clone().into();
    }
}
