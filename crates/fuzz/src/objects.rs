//! Objects as a cluster stores them: whatever stands in their fields.

use api::{
    helm::v2::HelmRelease,
    image::v1::{ImagePolicy, ImageRepository, ImageUpdateAutomation},
    kustomize::v1::Kustomization,
    meta::{FluxKind, FluxObject, FluxStatus},
    notification::{
        v1::Receiver,
        v1beta3::{Alert, Provider},
    },
    source::v1::{Bucket, ExternalArtifact, GitRepository, HelmChart, HelmRepository, OCIRepository},
    source_extensions::v1beta1::ArtifactGenerator,
};
use kstatus::{ExprSpec, HealthExprs, compute, pod_cause};
use manifest::{
    Inventory, LabelSelector, Object, ObjectId,
    yaml::{DuplicateKeys, Limits, parse_value},
};
use serde_json::{Value, json};

use crate::tree::files;

fn value(text: &str) -> Option<Value> {
    let limits = Limits { bytes: 1 << 16, nodes: 10_000, alias_nodes: 2_000, ..Limits::default() };
    parse_value("f.yaml", text, DuplicateKeys::LastWins, &limits).ok()
}

/// Decodes, and what is sent of it reads as the same.
fn stored<K: FluxKind + FluxObject>(object: &Value) {
    let Ok(decoded) = serde_json::from_value::<K>(object.clone()) else {
        panic!("a {} of foreign shape is not read", K::KIND)
    };
    let _ = (decoded.suspended(), decoded.interval(), decoded.spec_error());
    if let Some(status) = decoded.status() {
        let conditions = status.conditions().len();
        let _ = (conditions, status.observed_generation(), status.last_handled_reconcile_at());
    }
    let Ok(sent) = serde_json::to_value(&decoded) else { panic!("a {} cannot be sent", K::KIND) };
    let Ok(again) = serde_json::from_value::<K>(sent.clone()) else {
        panic!("what is sent of a {} is not read", K::KIND)
    };
    assert_eq!(again.spec_error(), None, "what is sent of a {} is malformed", K::KIND);
    assert_eq!(serde_json::to_value(&again).ok(), Some(sent), "a {} changes on its way", K::KIND);
}

/// Spec and status of foreign shape, read as each of our kinds.
pub(crate) fn foreign_shape(data: &[u8]) {
    let Some(found) = value(&String::from_utf8_lossy(data)) else { return };
    let object = json!({"metadata": {"name": "x"}, "spec": found["spec"], "status": found["status"]});
    stored::<Kustomization>(&object);
    stored::<HelmRelease>(&object);
    stored::<GitRepository>(&object);
    stored::<OCIRepository>(&object);
    stored::<HelmRepository>(&object);
    stored::<HelmChart>(&object);
    stored::<Bucket>(&object);
    stored::<ArtifactGenerator>(&object);
    stored::<ImageRepository>(&object);
    stored::<ImagePolicy>(&object);
    stored::<ImageUpdateAutomation>(&object);
    stored::<Receiver>(&object);
    let external = serde_json::from_value::<ExternalArtifact>(object.clone());
    assert!(external.is_ok(), "an ExternalArtifact is not read");
    assert!(serde_json::from_value::<Provider>(object.clone()).is_ok(), "a Provider is not read");
    assert!(serde_json::from_value::<Alert>(object).is_ok(), "an Alert is not read");
}

/// The time for which objects are judged.
const NOW: i64 = 1_767_323_045;

/// An object is judged, by the rules and by the expressions at `=== current`, `=== in-progress` and `=== failed`.
pub(crate) fn health(data: &[u8]) {
    let parts = files(&String::from_utf8_lossy(data), "object");
    let part = |name: &str| parts.iter().find(|(found, _)| found == name).map_or("", |(_, text)| text.trim());
    let Some(Ok(object)) = value(part("object")).map(Object::from_value) else { return };
    let judged = compute(&object, NOW);
    assert_eq!(compute(&object, NOW), judged, "judged twice");
    let _ = pod_cause(&object);
    let spec = ExprSpec {
        api_version: object.api_version(),
        kind: object.kind(),
        current: part("current"),
        in_progress: part("in-progress"),
        failed: part("failed"),
    };
    if let Ok(exprs) = HealthExprs::compile(&[spec]) {
        let _ = exprs.health(&object, NOW);
    }
}

/// A selector in the first line, then labels `key=value`.
pub(crate) fn selector(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (selector, labels) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(selector) = LabelSelector::parse(selector) else { return };
    let labels: Vec<(&str, &str)> = labels.lines().filter_map(|line| line.split_once('=')).collect();
    let _ = selector.matches(|key| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value));
}

/// An entry of an inventory a line. One that is read is written in one way only, and what is to be pruned is what the
/// other half lacks.
pub(crate) fn inventory(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines() {
        let written = ObjectId::parse(line).map(|id| id.to_string());
        if let Ok(written) = written {
            assert_eq!(ObjectId::parse(&written).map(|id| id.to_string()), Ok(written));
        }
    }
    let (old, new) = text.split_once("\n\n").unwrap_or((&text, ""));
    let read = |half: &str| Inventory::parse(half.lines().map(|line| (line, "v1"))).ok();
    let (Some(old), Some(new)) = (read(old), read(new)) else { return };
    let stale = old.minus(&new);
    assert!(stale.iter().all(|(id, _)| old.contains(id) && !new.contains(id)), "what stays is pruned");
    let ahead = new.union(&old);
    assert_eq!(ahead.len(), new.len() + stale.len(), "what is written ahead lacks or repeats objects");
}
