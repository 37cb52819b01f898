//! Whatever stands in spec and status, and whatever a duration says: it decodes, and nothing panics.

use std::time::Duration;

use api::helm::v2::HelmRelease;
use api::image::v1::ImagePolicy;
use api::kustomize::v1::Kustomization;
use api::meta::{FluxKind, FluxObject, GoDuration};
use api::notification::v1::Receiver;
use api::source::v1::{GitRepository, OCIRepository};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Field names of the kinds, so that a value often meets a type it does not fit.
const NAMES: &[&str] = &[
    "interval",
    "timeout",
    "url",
    "ref",
    "verify",
    "mode",
    "secretRef",
    "name",
    "sourceRef",
    "kind",
    "path",
    "prune",
    "patches",
    "postBuild",
    "substitute",
    "dependsOn",
    "conditions",
    "artifact",
    "inventory",
    "entries",
    "history",
    "observedGeneration",
    "lastHandledReconcileAt",
    "values",
    "chart",
    "spec",
    "policy",
    "semver",
    "suspend",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[0-9.]{0,20}(ns|ms|s|m|h|y)".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(NAMES), inner), 0..6).prop_map(object),
        ]
    })
}

fn object(entries: Vec<(&str, Value)>) -> Value {
    Value::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn check<K: FluxKind + FluxObject + DeserializeOwned>(spec: &Value, status: &Value) {
    let stored = json!({ "metadata": { "name": "x" }, "spec": spec, "status": status });
    let decoded: K = serde_json::from_value(stored).expect("every object decodes");
    assert_eq!(decoded.meta().name.as_deref(), Some("x"));
    assert!(spec.is_object() || decoded.spec_error().is_some(), "{spec} is no spec of a {}", K::KIND);
    let sent = serde_json::to_value(&decoded).expect("every object can be sent");
    let again: K = serde_json::from_value(sent.clone()).expect("what is sent decodes");
    assert_eq!(again.spec_error(), None, "what is sent is well formed");
    assert_eq!(serde_json::to_value(&again).expect("it can be sent again"), sent);
}

proptest! {
    // No file of past failures: a failure prints its input, which then becomes a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_spec_and_status_decode(spec in any_json(), status in any_json()) {
        check::<GitRepository>(&spec, &status);
        check::<OCIRepository>(&spec, &status);
        check::<Kustomization>(&spec, &status);
        check::<HelmRelease>(&spec, &status);
        check::<ImagePolicy>(&spec, &status);
        check::<Receiver>(&spec, &status);
    }

    #[test]
    fn any_duration_reads_back_as_printed(nanos in 0..i64::MAX as u64) {
        let duration = Duration::from_nanos(nanos);
        let printed = GoDuration::from(duration).to_string();
        assert_eq!(GoDuration::from_text(printed.as_str()).get(), Ok(duration), "{printed}");
    }

    #[test]
    fn any_text_is_judged_as_a_duration(text in "[-+]?([0-9]{0,25}\\.?[0-9]{0,25}(ns|us|µs|ms|s|m|h|y|))*|.*") {
        let duration = GoDuration::from_text(text.as_str());
        if let Ok(read) = duration.get() {
            assert_eq!(GoDuration::from_text(duration.to_string()).get(), Ok(read), "{text}");
        }
    }
}
