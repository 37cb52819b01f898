//! The HelmChart made from `spec.chart`: applied, and deleted when nobody needs it any more.

use api::helm::v2::{ChartRefKind, ChartTemplate, HelmRelease};
use api::meta::{ConditionType, Reason, groups};
use manifest::{Gvk, Object};
use runtime::{Event, Key, Set};
use serde_json::{Value, json};
use ssa::{GetError, Identity, Session, Write};
use tokio::time::Instant;

use crate::memory::OwnChart;
use crate::sources::SourceKey;
use crate::status::Why;
use crate::steps::source;
use crate::storage::{MANAGER, object};
use crate::wakes::source_of;
use crate::work::{Retry, Stop, Work};

/// Makes the HelmChart as the template says; deletes one that is no longer wanted.
///
/// # Errors
/// Ends the run when it cannot be written.
pub(crate) async fn reconcile(work: &Work<'_>) -> Result<(), Stop> {
    let wanted = source_of(&work.run.object).filter(|_| work.run.object.spec.chart.is_some());
    let name = wanted.as_ref().map(|source| format!("{}/{}", source.key.namespace, source.key.name));
    let before = work.ledger.read(|status| status.helm_chart.clone()).filter(|text| !text.is_empty());
    if before.is_some() && before != name {
        delete(work).await.map_err(|error| Stop::Failed(Retry::Backoff, error))?;
    }
    let (Some(source), Some(template), Some(name)) = (wanted, &work.run.object.spec.chart, name) else {
        return Ok(());
    };
    if let Err(error) = source::permit(work, &source) {
        work.ledger.set(Set::no(ConditionType::Ready, Reason::AccessDenied, error.to_string()));
        work.run.emit(Event::error(Reason::AccessDenied, error.to_string()));
        return Err(work.stall(Reason::AccessDenied, error.to_string()));
    }
    apply(work, &source, template).await?;
    work.ledger.change(|status| status.helm_chart = Some(name));
    Ok(())
}

async fn apply(work: &Work<'_>, source: &SourceKey, template: &ChartTemplate) -> Result<(), Stop> {
    let chart = build(&work.run.object, source, template);
    let text = chart.value().to_string();
    if !is_due(work, source, &text).await {
        return Ok(());
    }
    let session = work.app.cluster.session(Identity::Controller);
    let failed = |error: String| {
        let error = format!("failed to run server-side apply: {error}");
        work.run.emit(Event::trace(Why::HelmChartSyncErr, error.clone()));
        Stop::Failed(Retry::Backoff, error)
    };
    let live = session.get(&chart.gvk(), chart.namespace(), chart.name()).await;
    let live = live.map_err(|error| failed(error.to_string()))?;
    let write = Write { manager: MANAGER, force: true, dry_run: false, strict: false };
    let written = session.apply_one(&chart, &write).await.map_err(|error| failed(error.to_string()))?;
    let generation = written.object.value().pointer("/metadata/generation").and_then(Value::as_i64);
    let own = OwnChart { text, generation: generation.unwrap_or_default(), at: Instant::now() };
    work.app.memories.with(&work.run.key, |memory| memory.chart = Some(own));
    tell(work, source, template, live.as_ref(), &written.object);
    Ok(())
}

/// Whether this text is to be applied now. Later is remembered.
async fn is_due(work: &Work<'_>, source: &SourceKey, text: &str) -> bool {
    let seen = work.app.sources.find(source).await.ok().flatten().map(|seen| seen.generation);
    let own = work.app.memories.with(&work.run.key, |memory| memory.chart.clone());
    let Some(own) = own else { return true };
    let Some(at) = own.due(text, seen) else { return false };
    let is_now = at <= Instant::now();
    if !is_now {
        work.app.waker.wake_at(&work.run.key, runtime::Reason::Heal, at);
    }
    is_now
}

fn tell(
    work: &Work<'_>,
    source: &SourceKey,
    template: &ChartTemplate,
    before: Option<&Object>,
    after: &Object,
) {
    let reference = &template.spec.source_ref;
    let subject = format!("HelmChart/{}/{}", source.key.namespace, source.key.name);
    let of = format!("with SourceRef '{}/{}/{}'", reference.kind, source.key.namespace, reference.name);
    match before {
        None => {
            let text = format!("Created {subject} {of}");
            work.run.emit(Event::trace(Why::HelmChartCreated, text));
        }
        Some(before) if differs(before, after) => {
            let text = format!("Configured {subject} {of}");
            work.run.emit(Event::trace(Why::HelmChartConfigured, text));
        }
        Some(_) => {}
    }
}

fn differs(before: &Object, after: &Object) -> bool {
    ["/metadata/generation", "/metadata/labels", "/metadata/annotations"]
        .into_iter()
        .any(|pointer| before.value().pointer(pointer) != after.value().pointer(pointer))
}

/// The HelmChart as Flux makes it.
fn build(release: &HelmRelease, source: &SourceKey, template: &ChartTemplate) -> Object {
    let spec = &template.spec;
    let interval = spec.interval.as_ref().unwrap_or(&release.spec.interval);
    let mut out = json!({
        "chart": spec.chart,
        "sourceRef": {"kind": spec.source_ref.kind, "name": spec.source_ref.name},
        "interval": interval,
    });
    put(&mut out, "version", spec.version.clone().map(Value::from));
    put(&mut out, "reconcileStrategy", spec.reconcile_strategy.as_ref().map(|one| one.as_str().into()));
    put(&mut out, "valuesFiles", (!spec.values_files.is_empty()).then(|| json!(spec.values_files)));
    put(&mut out, "ignoreMissingValuesFiles", spec.ignore_missing_values_files.then_some(Value::Bool(true)));
    put(&mut out, "verify", spec.verify.as_ref().map(|verify| json!(verify)));
    let marks = template.metadata.clone().unwrap_or_default();
    let mut chart = object(json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmChart",
        "metadata": {"name": source.key.name, "namespace": source.key.namespace},
        "spec": out,
    }));
    for (key, value) in &marks.labels {
        chart.set_label(key, value);
    }
    for (key, value) in &marks.annotations {
        chart.set_annotation(key, value);
    }
    for (key, value) in owner(release) {
        chart.set_label(&key, value);
    }
    chart
}

/// The labels of a HelmChart that say for whom it was made.
fn owner(release: &HelmRelease) -> [(String, &str); 2] {
    let (name, namespace) = (release.metadata.name.as_deref(), release.metadata.namespace.as_deref());
    [("name", name), ("namespace", namespace)]
        .map(|(key, value)| (format!("{}/{key}", groups::HELM), value.unwrap_or_default()))
}

fn is_made_for(chart: &Object, release: &HelmRelease) -> bool {
    owner(release).iter().all(|(key, value)| chart.label(key) == Some(*value))
}

fn put(out: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        out[key] = value;
    }
}

/// Deletes the HelmChart that the status names, if it was made for this HelmRelease. The status proves nothing: who may
/// write it would have any HelmChart of the cluster deleted.
///
/// # Errors
/// When it cannot be deleted.
pub(crate) async fn delete(work: &Work<'_>) -> Result<(), String> {
    let named = work.ledger.read(|status| status.helm_chart.clone()).unwrap_or_default();
    let Some((namespace, name)) = named.split_once('/') else { return Ok(()) };
    let session = work.app.cluster.session(Identity::Controller);
    let failed = |error: GetError| format!("failed to delete HelmChart '{named}': {error}");
    if let Some(live) = find(work, &session, Key::new(namespace, name)).await.map_err(failed)? {
        let uid = live.value().pointer("/metadata/uid").and_then(Value::as_str);
        session.delete_one(&live, "Background", uid).await.map_err(failed)?;
        work.run.emit(Event::trace(Why::HelmChartDeleted, format!("deleted HelmChart '{named}'")));
    }
    work.app.memories.with(&work.run.key, |memory| memory.chart = None);
    work.ledger.change(|status| status.helm_chart = None);
    Ok(())
}

/// The HelmChart of this name, if it was made for this HelmRelease.
async fn find(work: &Work<'_>, session: &Session, key: Key) -> Result<Option<Object>, GetError> {
    let source = SourceKey { kind: ChartRefKind::HelmChart, key };
    if let Err(error) = source::permit(work, &source) {
        tracing::warn!(error = %error, "the HelmChart that the status names is left alone");
        return Ok(None);
    }
    let gvk = Gvk::new("source.toolkit.fluxcd.io/v1", "HelmChart");
    let live = match session.get(&gvk, Some(&source.key.namespace), &source.key.name).await {
        Err(GetError::NoMatch(_)) => None,
        other => other?,
    };
    if live.as_ref().is_some_and(|live| !is_made_for(live, &work.run.object)) {
        tracing::warn!(chart = %source.key, "the HelmChart that the status names is not this HelmRelease's: it stays");
        return Ok(None);
    }
    Ok(live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_helm_chart_carries_template_and_owner_and_no_defaults() {
        let release: HelmRelease = serde_json::from_value(json!({
            "metadata": {"name": "app", "namespace": "ns"},
            "spec": {"interval": "10m", "chart": {
                "metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}},
                "spec": {"chart": "podinfo", "version": "6.x", "valuesFiles": ["v.yaml"],
                    "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}}
        }))
        .unwrap();
        let template = release.spec.chart.as_ref().unwrap();
        let chart = build(&release, &source_of(&release).unwrap(), template);
        let wanted = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart",
            "metadata": {"name": "ns-app", "namespace": "ns",
                "labels": {"team": "a", "helm.toolkit.fluxcd.io/name": "app", "helm.toolkit.fluxcd.io/namespace": "ns"},
                "annotations": {"note": "b"}},
            "spec": {"chart": "podinfo", "sourceRef": {"kind": "HelmRepository", "name": "charts"}, "interval": "10m0s",
                "version": "6.x", "valuesFiles": ["v.yaml"]}
        });
        assert_eq!(*chart.value(), wanted);
    }

    #[test]
    fn a_helm_chart_is_ours_by_both_labels() {
        let release: HelmRelease =
            serde_json::from_value(json!({"metadata": {"name": "app", "namespace": "ns"}, "spec": {}}))
                .unwrap();
        let is_ours = |labels: Value| {
            let metadata = json!({"name": "ns-app", "namespace": "ns", "labels": labels});
            is_made_for(
                &object(json!({"apiVersion": "v1", "kind": "HelmChart", "metadata": metadata})),
                &release,
            )
        };
        let (name, namespace) = ("helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace");
        assert!(is_ours(json!({name: "app", namespace: "ns"})));
        for others in [
            json!({}),
            json!({name: "app"}),
            json!({name: "b", namespace: "ns"}),
            json!({name: "app", namespace: "b"}),
        ] {
            assert!(!is_ours(others));
        }
    }
}
