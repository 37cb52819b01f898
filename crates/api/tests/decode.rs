//! Stored objects always decode, and what cannot be read is named.

use std::time::Duration;

use api::helm::v2::HelmRelease;
use api::kustomize::v1::{DeletionPolicy, Kustomization, SourceKind};
use api::meta::{FluxObject, FluxStatus};
use api::notification::v1beta3::Provider;
use api::source::v1::{ExternalArtifact, GitRepository, HelmRepository};
use api::source_extensions::v1beta1::ArtifactGenerator;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn decode<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).expect("every object decodes")
}

fn git_repository(spec: &Value) -> GitRepository {
    decode(json!({ "metadata": { "name": "app", "namespace": "apps" }, "spec": spec }))
}

#[test]
fn a_git_repository_round_trips() {
    let object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": { "name": "app", "namespace": "apps" },
        "spec": {
            "url": "https://example.com/app.git",
            "secretRef": { "name": "login" },
            "interval": "5m0s",
            "timeout": "1m0s",
            "ref": { "branch": "main" },
            "verify": { "mode": "TagAndHEAD", "secretRef": { "name": "keys" } },
            "ignore": "*.md",
            "suspend": true,
            "include": [{ "repository": { "name": "other" }, "toPath": "lib" }],
            "sparseCheckout": ["deploy"],
        },
        "status": {
            "observedGeneration": 3,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored artifact",
                "observedGeneration": 3, "lastTransitionTime": "2026-01-02T03:04:05Z",
            }],
            "lastHandledReconcileAt": "now",
            "artifact": {
                "path": "gitrepository/apps/app/1.tar.gz", "url": "http://sc/gitrepository/apps/app/1.tar.gz",
                "revision": "main@sha1:1", "digest": "sha256:2", "lastUpdateTime": "2026-01-02T03:04:05Z", "size": 12,
            },
            "observedSparseCheckout": ["deploy"],
        },
    });
    let decoded: GitRepository = decode(object.clone());
    assert_eq!(decoded.spec_error(), None);
    assert!(decoded.suspended());
    assert_eq!(decoded.interval(), Some(Duration::from_secs(300)));
    assert_eq!(decoded.spec.timeout(), Duration::from_secs(60));
    assert_eq!(serde_json::to_value(&decoded).expect("serialises"), object);
}

#[test]
fn a_kustomization_sends_no_empty_fields() {
    let decoded: Kustomization = decode(json!({
        "metadata": { "name": "app" },
        "spec": { "interval": "10m", "prune": true, "sourceRef": { "kind": "Bucket", "name": "b" } },
    }));
    let sent = serde_json::to_value(&decoded).expect("serialises");
    let spec = json!({ "interval": "10m0s", "prune": true, "sourceRef": { "kind": "Bucket", "name": "b" } });
    assert_eq!(sent["spec"], spec);
    assert!(sent.get("status").is_none());
}

#[test]
fn odd_durations_decode() {
    for (text, expected) in [
        ("9999999999h", Some(Duration::from_nanos(i64::MAX as u64))),
        ("1y", None),
        ("NaN", None),
        ("", None),
        ("-1s", None),
    ] {
        let object = git_repository(&json!({ "url": "https://h/r", "interval": text }));
        assert_eq!(object.spec_error(), None, "{text}");
        assert_eq!(object.interval(), expected, "{text}");
        assert_eq!(object.spec.url, "https://h/r", "{text}");
    }
}

#[test]
fn unknown_words_and_fields_decode() {
    let object: Kustomization = decode(json!({
        "metadata": { "name": "app" },
        "spec": {
            "interval": "1m", "prune": true, "deletionPolicy": "Shred", "tomorrow": { "a": 1 },
            "sourceRef": { "kind": "Tape", "name": "t" },
        },
    }));
    assert_eq!(object.spec_error(), None);
    assert_eq!(object.spec.source_ref.kind, SourceKind::Other("Tape".to_owned()));
    assert_eq!(object.spec.source_ref.kind.as_str(), "Tape");
    assert_eq!(object.spec.deletion_policy(), DeletionPolicy::Orphan);
}

#[test]
fn unreadable_fields_are_named_without_their_values() {
    let spec =
        json!({ "url": ["s3cret"], "interval": "5m", "suspend": "s3cret", "ref": { "branch": "main" } });
    let object = git_repository(&spec);
    assert_eq!(object.spec_error(), Some("cannot read spec.url, spec.suspend"));
    assert_eq!(object.spec.url, "");
    assert_eq!(object.interval(), Some(Duration::from_secs(300)));
    let branch = object.spec.reference.expect("the reference was read").branch;
    assert_eq!(branch.as_deref(), Some("main"));
}

#[test]
fn specs_that_are_no_objects_are_named() {
    for (spec, error) in [
        (json!(null), "spec is missing"),
        (json!([1]), "spec is not an object"),
        (json!("x"), "spec is not an object"),
    ] {
        assert_eq!(git_repository(&spec).spec_error(), Some(error));
    }
    let bare: GitRepository = decode(json!({ "metadata": { "name": "app" } }));
    assert_eq!(bare.spec_error(), Some("spec is missing"));
}

#[test]
fn a_status_of_the_wrong_shape_reads_as_the_default() {
    for status in [json!([]), json!("x"), json!(1)] {
        let object: Kustomization = decode(json!({ "metadata": {}, "spec": {}, "status": status }));
        let read = object.status().expect("there is a status");
        assert_eq!((read.conditions(), read.observed_generation()), (&[][..], 0));
    }
}

#[test]
fn one_bad_status_field_does_not_lose_the_inventory() {
    let object: Kustomization = decode(json!({
        "metadata": {},
        "spec": {},
        "status": {
            "observedGeneration": "many",
            "conditions": [{ "type": 1 }],
            "inventory": { "entries": [{ "id": "apps_app__ConfigMap", "v": "v1" }] },
            "lastHandledReconcileAt": "t",
        },
    }));
    let status = object.status().expect("there is a status");
    assert_eq!(status.inventory.as_ref().map(|inventory| inventory.entries.len()), Some(1));
    assert_eq!(status.last_handled_reconcile_at(), Some("t"));
    assert_eq!(status.observed_generation(), 0);
}

#[test]
fn the_status_default_of_the_definition_reads_as_never() {
    let object: Kustomization = decode(json!({ "spec": {}, "status": { "observedGeneration": -1 } }));
    assert_eq!(object.status().map(FluxStatus::observed_generation), Some(-1));
    let sent = serde_json::to_value(object.status()).expect("serialises");
    assert_eq!(sent, json!({ "observedGeneration": -1 }));
}

#[test]
fn fields_of_earlier_versions_are_read() {
    let object: Kustomization = decode(json!({
        "spec": {
            "interval": "1m", "prune": false, "validation": "client",
            "patchesStrategicMerge": [{ "kind": "Deployment" }],
            "patchesJson6902": [{
                "target": { "kind": "Service" },
                "patch": [{ "op": "add", "path": "/metadata/labels/a", "value": { "any": ["thing"] } }],
            }],
        },
    }));
    assert_eq!(object.spec_error(), None);
    assert_eq!(object.spec.patches_strategic_merge, [json!({ "kind": "Deployment" })]);
    assert_eq!(object.spec.patches_json6902[0].patch[0].value, Some(json!({ "any": ["thing"] })));
}

#[test]
fn timeouts_of_a_kustomization_follow_its_interval() {
    let timeout = |spec: Value| decode::<Kustomization>(json!({ "spec": spec })).spec.timeout().as_secs();
    assert_eq!(timeout(json!({ "interval": "10m" })), 570);
    assert_eq!(timeout(json!({ "interval": "10s" })), 30);
    assert_eq!(timeout(json!({ "interval": "10m", "timeout": "2m" })), 120);
    assert_eq!(timeout(json!({ "interval": "10m", "timeout": "1s" })), 30);
    assert_eq!(timeout(json!({ "interval": "10m", "timeout": "soon" })), 570);
}

#[test]
fn other_kinds_decode_and_know_their_intervals() {
    let release: HelmRelease = decode(json!({ "spec": { "interval": "1h", "values": { "a": [1, null] } } }));
    assert_eq!(release.interval(), Some(Duration::from_secs(3600)));
    assert_eq!(release.spec.values, Some(json!({ "a": [1, null] })));
    let repository: HelmRepository = decode(json!({ "spec": { "url": "oci://r", "type": "oci" } }));
    assert_eq!(repository.interval(), Some(Duration::from_secs(60)));
    let provider: Provider =
        decode(json!({ "spec": { "type": "telepathy" }, "status": { "conditions": [] } }));
    assert_eq!(provider.spec.type_.as_str(), "telepathy");
    let external: ExternalArtifact =
        decode(json!({ "spec": {}, "status": { "artifact": { "digest": "sha256:1" } } }));
    let artifact = external.status.and_then(|status| status.artifact).expect("there is an artifact");
    assert_eq!(artifact.digest, "sha256:1");
}

#[test]
fn an_artifact_generator_is_suspended_by_annotation() {
    let annotated = |value: &str| {
        let annotations = json!({ "source.extensions.fluxcd.io/reconcile": value });
        decode::<ArtifactGenerator>(json!({ "metadata": { "annotations": annotations }, "spec": {} }))
            .suspended()
    };
    assert!(annotated("Disabled"));
    assert!(annotated("disabled"));
    assert!(!annotated("Enabled"));
}
