//! Objects of any shape, from Git or from a server, must never end the process.

use std::collections::HashSet;

use manifest::{LabelSelector, Object};
use proptest::{collection, prelude::*};
use serde_json::{Map, Value, json};

use crate::{
    DriftReport, Fingerprint, IgnoreRule, IgnoreRules, compare, drift, failing_pod, fields, ignore,
    managed::{self, Takeover},
    marks::Marks,
    normalize::normalize,
    takeover,
};

/// Keys that the code looks for, so that shapes are wrong at the places that are read.
const KEYS: [&str; 24] = [
    "metadata",
    "spec",
    "status",
    "data",
    "stringData",
    "labels",
    "annotations",
    "managedFields",
    "manager",
    "operation",
    "subresource",
    "apiVersion",
    "fieldsV1",
    "f:spec",
    "k:{\"name\":\"a\"}",
    ".",
    "time",
    "template",
    "containers",
    "ports",
    "selector",
    "matchLabels",
    "resourceVersion",
    "uid",
];

fn scalar() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "",
        "Apply",
        "Update",
        "kubectl",
        "kustomize-controller",
        "7",
        "eA==",
        "ü",
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from)
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(7, 96, 5, |inner| {
        let entries = collection::vec((prop::sample::select(KEYS.to_vec()), inner.clone()), 0..5);
        let map = entries.prop_map(|entries| {
            Value::Object(
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
            )
        });
        prop_oneof![collection::vec(inner, 0..4).prop_map(Value::Array), map.clone(), map]
    })
}

fn object(kind: &str, mut value: Value) -> Value {
    if !value.is_object() {
        value = json!({ "spec": value });
    }
    let api_version = match kind {
        "Deployment" | "StatefulSet" => "apps/v1",
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        _ => "v1",
    };
    value["apiVersion"] = api_version.into();
    value["kind"] = kind.into();
    value
}

proptest! {
    #[test]
    fn any_object_can_be_prepared_and_compared(
        kind in prop::sample::select(vec!["Secret", "Service", "Deployment", "Pod", "CustomResourceDefinition"]),
        a in value(),
        b in value(),
        path in "(/[a-z0-9~]{0,3}){0,4}",
    ) {
        let (a, b) = (object(kind, a), object(kind, b));
        let rules = Takeover { field_manager: "kustomize-controller".into(), overrides: vec!["x".into()] };
        let marks = Marks::new("g");
        let mut desired = Object::from_value(a.clone()).unwrap();
        normalize(&mut desired);
        prop_assert!(desired.value().get("status").is_none());
        let paths = [path.as_str(), "/spec/containers/0", "/metadata/labels"];
        ignore::adapt(&mut desired, &a, &b, &paths, "m");
        compare::differs(&a, &b, &paths);
        prop_assert!(!compare::differs(&a, &a, &[]));
        let print = Fingerprint::of(&a, &rules, &marks);
        prop_assert!(print.same_state(&Fingerprint::of(&a, &rules, &marks)));
        let _ = DriftReport::of(&a, &drift::lost_fields(&a, &b, &rules), &rules).to_string();
        prop_assert_eq!(takeover::is_due(&a, &rules), takeover::patch(&a, &rules).is_some());
        takeover::migration(&a, "v2");
        managed::held(&a, &b, &HashSet::new());
        fields::take_out(desired.value_mut(), &b);
        failing_pod::selector(&Object::from_value(a).unwrap());
    }

    #[test]
    fn what_is_taken_over_is_not_due_again(a in value()) {
        let live = object("Deployment", a);
        let rules = Takeover { field_manager: "kustomize-controller".into(), overrides: Vec::new() };
        let Some(patch) = takeover::patch(&live, &rules) else { return Ok(()) };
        let mut after = live.clone();
        let managed = patch.as_array().unwrap().iter().find(|step| step["path"] == "/metadata/managedFields");
        if let Some(managed) = managed {
            after["metadata"]["managedFields"] = managed["value"].clone();
            prop_assert!(rules.of(&after).next().is_none());
            prop_assert!(managed::own(&after, &rules.field_manager).is_some());
        }
    }

    #[test]
    fn any_text_can_be_a_selector_or_a_target(text in ".{0,40}") {
        if let Ok(selector) = LabelSelector::parse(&text) {
            let _ = selector.matches(|_| Some("b"));
        }
        let rule = IgnoreRule { paths: vec![text.clone()], name: text, ..IgnoreRule::default() };
        if let Ok(rules) = IgnoreRules::compile(&[rule]) {
            rules.paths(&json!({"metadata": {"name": "x"}}));
        }
    }
}
