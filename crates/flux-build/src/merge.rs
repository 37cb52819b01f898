//! The spec of the Kustomization merged into the fields of a kustomization file, as Flux's generator does.

use kustomize::Tree;
use serde_json::{Map, Value, json};

use crate::{
    error::BuildError,
    path::{inside, is_local_relative},
    spec::{Image, Patch, Selector, Spec},
};

type Fields = Map<String, Value>;

/// Merges the spec into the kustomization file of `dir`.
pub(crate) fn merge(fields: &mut Fields, spec: &Spec, tree: &dyn Tree, dir: &str) -> Result<(), BuildError> {
    default_to(fields, "apiVersion", "kustomize.config.k8s.io/v1beta1");
    default_to(fields, "kind", "Kustomization");
    for (field, value) in [
        ("namespace", &spec.target_namespace),
        ("namePrefix", &spec.name_prefix),
        ("nameSuffix", &spec.name_suffix),
    ] {
        if !value.is_empty() {
            fields.insert(field.into(), value.as_str().into());
        }
    }
    append(fields, "patches", spec.patches.iter().map(patch).collect());
    append(fields, "components", components(spec, tree, dir)?);
    images(fields, &spec.images);
    if !spec.build_metadata.is_empty() {
        fields.insert("buildMetadata".into(), json!(spec.build_metadata));
    }
    Ok(())
}

fn default_to(fields: &mut Fields, field: &str, value: &str) {
    fields.entry(field).or_insert_with(|| value.into());
}

fn append(fields: &mut Fields, field: &str, more: Vec<Value>) {
    if more.is_empty() {
        return;
    }
    // What is no list is left for kustomize to refuse.
    if let Value::Array(items) = fields.entry(field).or_insert_with(|| json!([])) {
        items.extend(more);
    }
}

fn patch(patch: &Patch) -> Value {
    let mut value = json!({"patch": patch.patch});
    if let Some(target) = &patch.target {
        value["target"] = selector(target);
    }
    value
}

fn selector(selector: &Selector) -> Value {
    texts([
        ("group", &selector.group),
        ("version", &selector.version),
        ("kind", &selector.kind),
        ("name", &selector.name),
        ("namespace", &selector.namespace),
        ("labelSelector", &selector.label_selector),
        ("annotationSelector", &selector.annotation_selector),
    ])
}

/// A mapping of the fields that are not empty.
fn texts<const N: usize>(fields: [(&str, &String); N]) -> Value {
    let set = fields.into_iter().filter(|(_, text)| !text.is_empty());
    Value::Object(set.map(|(field, text)| (field.to_owned(), text.as_str().into())).collect())
}

fn components(spec: &Spec, tree: &dyn Tree, dir: &str) -> Result<Vec<Value>, BuildError> {
    let mut found = Vec::new();
    for path in &spec.components {
        if !is_local_relative(path) {
            return Err(BuildError::Component { path: path.clone() });
        }
        let exists = inside(dir, path).is_some_and(|path| tree.kind(&path).is_some());
        if exists || !spec.ignore_missing_components {
            found.push(path.as_str().into());
        }
    }
    Ok(found)
}

fn images(fields: &mut Fields, images: &[Image]) {
    if images.is_empty() {
        return;
    }
    let Value::Array(entries) = fields.entry("images").or_insert_with(|| json!([])) else { return };
    for image in images {
        match entries.iter_mut().find(|entry| entry["name"] == image.name.as_str()) {
            Some(Value::Object(entry)) => override_image(entry, image),
            _ => entries.push(texts([
                ("name", &image.name),
                ("newName", &image.new_name),
                ("newTag", &image.new_tag),
                ("digest", &image.digest),
            ])),
        }
    }
}

/// Tag and digest are one choice: setting one clears the other, or an old digest would win over a new tag.
fn override_image(entry: &mut Fields, image: &Image) {
    if !image.new_name.is_empty() {
        entry.insert("newName".into(), image.new_name.as_str().into());
    }
    if image.new_tag.is_empty() && image.digest.is_empty() {
        return;
    }
    for (field, value) in [("newTag", &image.new_tag), ("digest", &image.digest)] {
        entry.shift_remove(field);
        if !value.is_empty() {
            entry.insert(field.into(), value.as_str().into());
        }
    }
}
