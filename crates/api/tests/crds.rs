//! What must hold of every CustomResourceDefinition.

use api::crd::{definitions, legacy_definitions};
use serde_json::{Value, json};

fn all() -> Vec<Value> {
    let mut all = definitions();
    all.extend(legacy_definitions());
    all
}

fn name(definition: &Value) -> &str {
    definition["metadata"]["name"].as_str().expect("a definition has a name")
}

fn versions(definition: &Value) -> &[Value] {
    definition["spec"]["versions"].as_array().expect("a definition has versions")
}

fn schema(version: &Value) -> &Value {
    &version["schema"]["openAPIV3Schema"]
}

/// Calls `visit` with each schema, outermost first, and its path.
fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{key}"), visit);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            walk(&schema[key], &format!("{path}{mark}"), visit);
        }
    }
}

fn walk_all(mut visit: impl FnMut(&str, &Value)) {
    for definition in all() {
        for version in versions(&definition) {
            let root = format!("{}/{}", name(&definition), version["name"]);
            walk(schema(version), &root, &mut visit);
        }
    }
}

#[test]
fn all_kinds_of_flux_are_defined() {
    let kinds: Vec<_> = definitions().iter().map(|crd| crd["spec"]["names"]["kind"].clone()).collect();
    let expected = json!([
        "HelmRelease",
        "ImagePolicy",
        "ImageRepository",
        "ImageUpdateAutomation",
        "Kustomization",
        "Alert",
        "Provider",
        "Receiver",
        "ArtifactGenerator",
        "Bucket",
        "ExternalArtifact",
        "GitRepository",
        "HelmChart",
        "HelmRepository",
        "OCIRepository",
    ]);
    assert_eq!(Value::from(kinds), expected);
}

#[test]
fn every_field_is_described() {
    let mut missing = Vec::new();
    walk_all(|path, schema| {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            // The API server describes the metadata itself.
            let metadata = key == "metadata" && *property == json!({ "type": "object" });
            if !metadata && property["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{path}.{key}"));
            }
        }
    });
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn schemas_are_structural() {
    walk_all(|path, schema| {
        let fields = schema.as_object().expect("a schema is an object");
        for foreign in ["$ref", "$schema", "title", "anyOf", "oneOf", "allOf", "nullable", "definitions"] {
            assert!(!fields.contains_key(foreign), "{path} has {foreign}");
        }
        let typed =
            schema["type"].is_string() || schema["x-kubernetes-preserve-unknown-fields"] == json!(true);
        assert!(typed, "{path} has no type");
        for required in schema["required"].as_array().into_iter().flatten() {
            let name = required.as_str().expect("names are texts");
            assert!(
                schema["properties"].get(name).is_some(),
                "{path} requires {name}, which it does not have"
            );
        }
    });
}

#[test]
fn a_new_object_has_observed_generation_minus_one() {
    let without = ["ExternalArtifact", "ArtifactGenerator"];
    for definition in all() {
        let kind = definition["spec"]["names"]["kind"].as_str().expect("a kind is a text");
        for version in versions(&definition) {
            let status = &schema(version)["properties"]["status"];
            let absent = ["Alert", "Provider"].contains(&kind);
            assert_eq!(status.is_null(), absent, "{kind}");
            assert_eq!(version["subresources"]["status"].is_null(), absent, "{kind}");
            let expected = if absent || without.contains(&kind) {
                Value::Null
            } else {
                json!({ "observedGeneration": -1 })
            };
            assert_eq!(status["default"], expected, "{kind}");
        }
    }
}

#[test]
fn variables_in_definitions_are_left_alone() {
    let key = "kustomize.toolkit.fluxcd.io/substitute";
    for definition in all() {
        // Flux leaves these two out, and applied over ours its definitions must not differ.
        let expected =
            if name(&definition).starts_with("imagepolicies") || name(&definition).starts_with("imagerepo") {
                Value::Null
            } else {
                json!("disabled")
            };
        assert_eq!(definition["metadata"]["annotations"][key], expected, "{}", name(&definition));
    }
}

#[test]
fn exactly_one_version_is_stored_and_it_is_not_deprecated() {
    for definition in all() {
        let stored: Vec<_> =
            versions(&definition).iter().filter(|version| version["storage"] == json!(true)).collect();
        assert_eq!(stored.len(), 1, "{}", name(&definition));
        assert!(stored[0].get("deprecated").is_none(), "{}", name(&definition));
    }
}

#[test]
fn all_versions_of_a_legacy_definition_are_identical() {
    for definition in legacy_definitions() {
        let all = versions(&definition);
        assert!(all.len() > 1, "{}", name(&definition));
        for version in &all[1..] {
            for field in ["schema", "additionalPrinterColumns", "subresources", "served"] {
                assert_eq!(version[field], all[0][field], "{} {}", name(&definition), version["name"]);
            }
            assert_eq!(version["deprecated"], json!(true));
            let warning = version["deprecationWarning"].as_str().expect("a deprecated version warns");
            assert!(warning.contains(version["name"].as_str().expect("a version has a name")), "{warning}");
        }
        assert_eq!(definition["spec"]["conversion"], json!({ "strategy": "None" }));
    }
}

/// Everything an object may say under `narrow` it may say under `wide`, with the same defaults.
fn assert_wider(path: &str, narrow: &Value, wide: &Value) {
    for same in ["type", "default", "format", "enum", "x-kubernetes-validations", "maxLength", "minLength"] {
        assert_eq!(narrow[same], wide[same], "{path} {same}");
    }
    let required = |schema: &Value| schema["required"].as_array().cloned().unwrap_or_default();
    for field in required(wide) {
        assert!(required(narrow).contains(&field), "{path} requires {field} only in the legacy definition");
    }
    for (key, property) in narrow["properties"].as_object().into_iter().flatten() {
        assert_wider(&format!("{path}.{key}"), property, &wide["properties"][key]);
    }
    if narrow["items"].is_object() {
        assert_wider(&format!("{path}[]"), &narrow["items"], &wide["items"]);
    }
}

#[test]
fn legacy_definitions_allow_all_that_the_current_ones_allow() {
    let current = definitions();
    for legacy in legacy_definitions() {
        let plain = current.iter().find(|plain| name(plain) == name(&legacy)).expect("a current one exists");
        assert_eq!(plain["spec"]["names"], legacy["spec"]["names"]);
        assert_wider(name(&legacy), schema(&versions(plain)[0]), schema(&versions(&legacy)[0]));
    }
}

#[test]
fn legacy_definitions_know_the_fields_of_earlier_versions() {
    let expected = [
        ("gitrepositories.source.toolkit.fluxcd.io", "spec", vec!["accessFrom", "gitImplementation"]),
        ("gitrepositories.source.toolkit.fluxcd.io", "status", vec!["url", "contentConfigChecksum"]),
        (
            "kustomizations.kustomize.toolkit.fluxcd.io",
            "spec",
            vec!["patchesStrategicMerge", "patchesJson6902", "validation"],
        ),
        ("kustomizations.kustomize.toolkit.fluxcd.io", "status", vec!["snapshot"]),
    ];
    for (crd, part, fields) in expected {
        let legacy = legacy_definitions();
        let definition = legacy.iter().find(|legacy| name(legacy) == crd).expect("the definition exists");
        let properties = &schema(&versions(definition)[0])["properties"][part]["properties"];
        for field in fields {
            assert!(properties.get(field).is_some(), "{crd} {part}.{field}");
        }
    }
}
