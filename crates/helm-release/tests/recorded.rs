//! Answers of Helm's storage driver and of Flux's values and digests, recorded by `e2e/tools/helm`, against ours.
use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use helm_release::{
    Observation, Release, ValuesRef, compose_values, decode, digest_values, encode, secret_labels, to_go_json,
};
use helm_template::Values;
use serde_json::Value;

fn recorded(part: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("corpus/recorded.json")).unwrap();
    let cases = all[part].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "nothing recorded for {part}");
    cases
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

#[test]
fn digests_of_values_are_fluxs() {
    for case in recorded("digests") {
        let values = Values::read(text(&case, "values")).unwrap();
        assert_eq!(digest_values(&values), text(&case, "digest"), "{}", text(&case, "values"));
    }
}

#[test]
fn values_from_references_are_fluxs() {
    for case in recorded("composed") {
        let refs = case["refs"].as_array().cloned().unwrap_or_default();
        let refs: Vec<ValuesRef<'_>> = refs
            .iter()
            .map(|each| ValuesRef {
                content: text(each, "content"),
                target_path: each["targetPath"].as_str(),
                literal: each["literal"].as_bool().unwrap_or(false),
            })
            .collect();
        let inline = Values::read(text(&case, "inline")).unwrap();
        match compose_values(&inline, &refs) {
            Ok(values) => assert_eq!(digest_values(&values), text(&case, "digest"), "{case}"),
            Err((index, error)) => {
                let name = format!("reference 'ns/ref-{index}' with key 'values.yaml': {error}");
                assert!(text(&case, "error").ends_with(&name), "{case}: {error}");
            }
        }
    }
}

fn read(case: &Value) -> Release {
    let labels: BTreeMap<String, String> = serde_json::from_value(case["labels"].clone()).unwrap();
    decode(text(case, "data").as_bytes(), &labels).unwrap()
}

#[test]
fn releases_are_stored_as_helm_stores_them() {
    for case in recorded("stored") {
        let release = read(&case);
        let packed = STANDARD.decode(encode(&release).unwrap()).unwrap();
        let mut json = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut json)
            .unwrap();
        assert_eq!(json, text(&case, "json"));
        let labels: BTreeMap<String, String> = serde_json::from_value(case["labels"].clone()).unwrap();
        assert_eq!(secret_labels(&release), labels);
    }
}

#[test]
fn observations_have_fluxs_bytes() {
    for case in recorded("stored") {
        let observation = Observation::new(&read(&case), "");
        let json = String::from_utf8(to_go_json(&observation).unwrap()).unwrap();
        assert_eq!(format!("{json}\n"), text(&case, "observation"));
        assert_eq!(observation.digest(), text(&case, "digest"));
    }
}
