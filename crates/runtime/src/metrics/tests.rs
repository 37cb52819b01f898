use super::{Metrics, Origin};
use crate::key::Key;
use api::source::v1::GitRepository;
use std::time::Duration;

/// The value of the series that starts with this text.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.text();
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_of_ours_provoked_once_reads_exactly_one() {
    let metrics = Metrics::new("kustomize-controller");
    let key = Key::new("ns", "app");
    metrics.lead_time("Kustomization", &key, SECOND);
    metrics.rollback("Kustomization", &key, SECOND);
    metrics.drift("Deployment", "kubectl-edit", "healed");
    metrics.manual_change("kubectl-edit");
    metrics.change(Origin::Source, true);
    metrics.seen("Kustomization", &key, &GitRepository::new("app", Default::default()));
    for series in [
        "sluice_lead_time_seconds_count{kind=\"Kustomization\",name=\"app\",namespace=\"ns\"}",
        "sluice_rollback_seconds_count{kind=\"Kustomization\",name=\"app\",namespace=\"ns\"}",
        "sluice_drift_total{kind=\"Deployment\",manager=\"kubectl-edit\",action=\"healed\"}",
        "sluice_manual_changes_total{manager=\"kubectl-edit\"}",
        "sluice_changes_total{origin=\"source\",signed=\"true\"}",
        "sluice_resource_info{kind=\"Kustomization\",exported_namespace=\"ns\",name=\"app\",ready=\"Unknown\"",
    ] {
        assert_eq!(value(&metrics, series), Some(1.0), "{series}\n{}", metrics.text());
    }
}

#[test]
fn those_of_flux_and_of_the_queue_have_their_names() {
    let metrics = Metrics::new("source-controller");
    let key = Key::new("ns", "app");
    metrics.retried("GitRepository");
    metrics.popped("GitRepository", SECOND, 3);
    metrics.reconciled("GitRepository", &key, SECOND, false);
    metrics.requested(&http::Method::PATCH, 200);
    for (series, expected) in [
        ("gotk_reconcile_duration_seconds_count{kind=\"GitRepository\",name=\"app\",namespace=\"ns\"}", 1.0),
        ("workqueue_queue_duration_seconds_count{name=\"gitrepository\"}", 1.0),
        ("workqueue_depth{name=\"gitrepository\"}", 3.0),
        ("workqueue_adds_total{name=\"gitrepository\"}", 1.0),
        ("controller_runtime_reconcile_total{controller=\"gitrepository\",result=\"error\"}", 1.0),
        ("controller_runtime_reconcile_errors_total{controller=\"gitrepository\"}", 1.0),
        ("rest_client_requests_total{code=\"200\",method=\"PATCH\"}", 1.0),
        ("leader_election_master_status{name=\"source-controller\"}", 0.0),
    ] {
        assert_eq!(value(&metrics, series), Some(expected), "{series}\n{}", metrics.text());
    }
    assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 1e6);
    assert!(value(&metrics, "process_cpu_seconds_total").is_some());
}

#[test]
fn the_series_of_an_object_vanish_with_it() {
    let metrics = Metrics::new("kustomize-controller");
    let key = Key::new("ns", "app");
    metrics.reconciled("Kustomization", &key, SECOND, true);
    metrics.lead_time("Kustomization", &key, SECOND);
    metrics.seen("Kustomization", &key, &GitRepository::new("app", Default::default()));
    assert!(metrics.text().contains("name=\"app\""));
    metrics.forget("Kustomization", &key);
    assert!(!metrics.text().contains("name=\"app\""), "{}", metrics.text());
}

#[test]
fn an_object_has_one_info_series_whatever_became_of_it() {
    let metrics = Metrics::new("source-controller");
    let key = Key::new("ns", "app");
    let mut object = GitRepository::new("app", Default::default());
    metrics.seen("GitRepository", &key, &object);
    object.spec.suspend = true;
    metrics.seen("GitRepository", &key, &object);
    let text = metrics.text();
    let series: Vec<&str> = text.lines().filter(|line| line.starts_with("sluice_resource_info{")).collect();
    assert_eq!(series.len(), 1, "{series:?}");
    assert!(series[0].contains("suspended=\"true\""));
}
