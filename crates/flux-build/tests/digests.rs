//! The digests Flux's kustomize-controller recorded in `status.history` come out of our build of the same
//! files and specs (see corpus/README.md).

use std::collections::{BTreeMap, BTreeSet};

use flux_build::{CommonMetadata, Image, Patch, Selector, Spec, Substitute, build};
use kustomize::MemoryTree;
use serde_json::Value;

const RECORDED: &str = include_str!("corpus/digests.json");

/// Scenarios with a digest we give on purpose differently, and why.
const DIFFERENT: [(&str, &str); 4] = [
    ("ks-sops-decrypt-disabled", "ciphertext is refused, Flux applies it"),
    ("ks-sops-missing-key", "ciphertext is refused"),
    ("ks-sops-ok", "decryption is not part of this crate yet"),
    ("ks-sops-tampered", "ciphertext is refused"),
];

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn items<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    items(value, field).filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn pairs(value: &Value) -> BTreeMap<String, String> {
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

fn spec(state: &Value) -> Spec {
    let spec = &state["spec"];
    let vars = |vars| Substitute { vars: pairs(vars), strict: true, always: state["always"] == true };
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
        substitute: state.get("vars").map(vars),
    }
}

/// Digests of all states of a scenario that build.
fn ours(scenario: &Value) -> (BTreeSet<String>, Vec<String>) {
    let (mut digests, mut errors) = (BTreeSet::new(), Vec::new());
    for state in items(scenario, "states") {
        let tree: MemoryTree = pairs(&state["files"]).into_iter().collect();
        match build(&tree, &spec(state)) {
            Ok(built) => drop(digests.insert(built.digest)),
            Err(error) => errors.push(error.to_string()),
        }
    }
    (digests, errors)
}

#[test]
fn the_digests_of_flux_are_reproduced() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for scenario in recorded.as_array().unwrap() {
        let name = scenario["scenario"].as_str().unwrap();
        let (digests, errors) = ours(scenario);
        for digest in texts(scenario, "digests") {
            count += 1;
            let different = DIFFERENT.iter().any(|(other, _)| *other == name);
            if digests.contains(&digest) == different {
                wrong.push(format!("{name}: {digest}, ours: {digests:?} {errors:?}"));
            }
        }
    }
    assert!(count >= 50, "the corpus is cut: {count} digests");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
