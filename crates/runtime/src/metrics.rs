//! Metrics: those of Flux, the basics of controller-runtime, and ours. Series of an object vanish with it.

mod labels;
mod process;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::meta::{ConditionType, FluxObject, FluxStatus};
use http::Method;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets_range};
use prometheus_client::registry::Registry;

use self::labels::{
    ChangeLabels, ControllerLabels, DriftLabels, InfoLabels, ManagerLabels, Managers, NameLabels,
    ObjectLabels, RequestLabels, ResultLabels,
};
use crate::conditions;
use crate::key::Key;

type Histograms<L> = Family<L, Histogram, Buckets>;

/// All metrics of a process. The functions are typed, so that no label is mistyped.
pub struct Metrics {
    registry: Registry,
    duration: Histograms<ObjectLabels>,
    lead_time: Histograms<ObjectLabels>,
    rollback: Histograms<ObjectLabels>,
    info: Family<InfoLabels, Gauge>,
    infos: Mutex<HashMap<(&'static str, Key), InfoLabels>>,
    drift: Family<DriftLabels, Counter>,
    manual: Family<ManagerLabels, Counter>,
    managers: Managers,
    changes: Family<ChangeLabels, Counter>,
    reconciles: Family<ResultLabels, Counter>,
    errors: Family<ControllerLabels, Counter>,
    active: Family<ControllerLabels, Gauge>,
    depth: Family<NameLabels, Gauge>,
    adds: Family<NameLabels, Counter>,
    retries: Family<NameLabels, Counter>,
    queued: Histograms<NameLabels>,
    worked: Histograms<NameLabels>,
    requests: Family<RequestLabels, Counter>,
    leader: Family<NameLabels, Gauge>,
}

/// Where a change came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A revision of the source.
    Source,
    /// Somebody changed the cluster.
    Cluster,
}

#[derive(Clone, Copy)]
enum Buckets {
    /// 10 exponential ones from 10 ms to 30 min, as Flux.
    Reconcile,
    /// From 1 ms to 100 s, round ones: alerts are written on them.
    Queue,
}

const QUEUE_SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 100.0];

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        match self {
            Self::Reconcile => Histogram::new(exponential_buckets_range(0.01, 1800.0, 10)),
            Self::Queue => Histogram::new(QUEUE_SECONDS),
        }
    }
}

fn histograms<L: Clone + std::hash::Hash + Eq>(buckets: Buckets) -> Histograms<L> {
    Family::new_with_constructor(buckets)
}

impl Metrics {
    /// Fresh metrics of a process that does not hold its Lease yet.
    pub fn new(lease: &str) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            duration: histograms(Buckets::Reconcile),
            lead_time: histograms(Buckets::Reconcile),
            rollback: histograms(Buckets::Reconcile),
            info: Family::default(),
            infos: Mutex::default(),
            drift: Family::default(),
            manual: Family::default(),
            managers: Managers::default(),
            changes: Family::default(),
            reconciles: Family::default(),
            errors: Family::default(),
            active: Family::default(),
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            queued: histograms(Buckets::Queue),
            worked: histograms(Buckets::Queue),
            requests: Family::default(),
            leader: Family::default(),
        };
        metrics.register_ours();
        metrics.register_shared();
        metrics.registry.register_collector(Box::new(process::Process));
        metrics.leading(lease, false);
        metrics
    }

    fn register_ours(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "gotk_reconcile_duration_seconds",
            "The duration of a reconciliation",
            self.duration.clone(),
        );
        registry.register(
            "sluice_lead_time_seconds",
            "From the commit to its being live",
            self.lead_time.clone(),
        );
        registry.register(
            "sluice_rollback_seconds",
            "From a revert to its being live",
            self.rollback.clone(),
        );
        registry.register("sluice_resource_info", "What is reconciled, and how it is", self.info.clone());
        registry.register(
            "sluice_drift",
            "Drift that was seen, by what was done about it",
            self.drift.clone(),
        );
        registry.register("sluice_manual_changes", "Changes by others to what we own", self.manual.clone());
        registry.register("sluice_changes", "Changes that went live, by origin", self.changes.clone());
    }

    fn register_shared(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "controller_runtime_reconcile",
            "Reconciliations by result",
            self.reconciles.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Failed reconciliations",
            self.errors.clone(),
        );
        registry.register("controller_runtime_active_workers", "Runs under way", self.active.clone());
        registry.register("workqueue_depth", "Objects that wait for their turn", self.depth.clone());
        registry.register("workqueue_adds", "Turns given to objects", self.adds.clone());
        registry.register("workqueue_retries", "Runs that are repeated", self.retries.clone());
        registry.register(
            "workqueue_queue_duration_seconds",
            "How long objects wait for their turn",
            self.queued.clone(),
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "How long runs hold a permit or wait",
            self.worked.clone(),
        );
        registry.register(
            "rest_client_requests",
            "Requests to the API server; code 0 for none",
            self.requests.clone(),
        );
        registry.register("leader_election_master_status", "Whether the Lease is held", self.leader.clone());
    }

    /// The OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// An object's change went live so long after its commit.
    pub fn lead_time(&self, kind: &'static str, key: &Key, time: Duration) {
        self.lead_time.get_or_create(&ObjectLabels::of(kind, key)).observe(time.as_secs_f64());
    }

    /// A revert went live so long after its commit.
    pub fn rollback(&self, kind: &'static str, key: &Key, time: Duration) {
        self.rollback.get_or_create(&ObjectLabels::of(kind, key)).observe(time.as_secs_f64());
    }

    /// Drift of an applied object of a kind by a field manager, and what was done: `healed`, `contested`, `left`.
    pub fn drift(&self, kind: &str, manager: &str, action: &'static str) {
        let labels = DriftLabels { kind: kind.to_owned(), manager: self.managers.known(manager), action };
        self.drift.get_or_create(&labels).inc();
    }

    /// Somebody changed by hand what we own.
    pub fn manual_change(&self, manager: &str) {
        self.manual.get_or_create(&ManagerLabels { manager: self.managers.known(manager) }).inc();
    }

    /// A change went live.
    pub fn change(&self, origin: Origin, signed: bool) {
        let origin = if origin == Origin::Source { "source" } else { "cluster" };
        self.changes.get_or_create(&ChangeLabels { origin, signed: signed.to_string() }).inc();
    }

    /// Whether this process holds the Lease of this name.
    pub(crate) fn leading(&self, lease: &str, leads: bool) {
        self.leader.get_or_create(&NameLabels { name: lease.to_owned() }).set(i64::from(leads));
    }

    pub(crate) fn requested(&self, method: &Method, code: u16) {
        let labels = RequestLabels { code, method: method.to_string() };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn retried(&self, kind: &'static str) {
        self.retries.get_or_create(&NameLabels::queue(kind)).inc();
    }

    /// A key left the queue after so long; so many are left.
    pub(crate) fn popped(&self, kind: &'static str, waited: Duration, depth: usize) {
        let labels = NameLabels::queue(kind);
        self.adds.get_or_create(&labels).inc();
        self.queued.get_or_create(&labels).observe(waited.as_secs_f64());
        self.depth.get_or_create(&labels).set(i64::try_from(depth).unwrap_or(i64::MAX));
        self.active.get_or_create(&ControllerLabels::of(kind)).inc();
    }

    pub(crate) fn reconciled(&self, kind: &'static str, key: &Key, took: Duration, succeeded: bool) {
        self.duration.get_or_create(&ObjectLabels::of(kind, key)).observe(took.as_secs_f64());
        self.worked.get_or_create(&NameLabels::queue(kind)).observe(took.as_secs_f64());
        let result = if succeeded { "success" } else { "error" };
        self.reconciles.get_or_create(&ResultLabels::of(kind, result)).inc();
        if !succeeded {
            self.errors.get_or_create(&ControllerLabels::of(kind)).inc();
        }
    }

    pub(crate) fn ended(&self, kind: &'static str) {
        self.active.get_or_create(&ControllerLabels::of(kind)).dec();
    }

    /// The object as the watch shows it, for `sluice_resource_info`.
    pub(crate) fn seen<K: FluxObject>(&self, kind: &'static str, key: &Key, object: &K) {
        let conditions = object.status().map(FluxStatus::conditions).unwrap_or_default();
        let ready = conditions::find(conditions, ConditionType::Ready);
        let labels = InfoLabels {
            kind,
            exported_namespace: key.namespace.clone(),
            name: key.name.clone(),
            ready: ready.map_or_else(|| "Unknown".to_owned(), |ready| ready.status.clone()),
            reason: ready.map(|ready| ready.reason.clone()).unwrap_or_default(),
            suspended: object.suspended().to_string(),
        };
        let old = self.infos().insert((kind, key.clone()), labels.clone());
        if let Some(old) = old.filter(|old| *old != labels) {
            self.info.remove(&old);
        }
        self.info.get_or_create(&labels).set(1);
    }

    /// The object is gone: so are its series.
    pub(crate) fn forget(&self, kind: &'static str, key: &Key) {
        let labels = ObjectLabels::of(kind, key);
        for family in [&self.duration, &self.lead_time, &self.rollback] {
            family.remove(&labels);
        }
        if let Some(old) = self.infos().remove(&(kind, key.clone())) {
            self.info.remove(&old);
        }
    }

    fn infos(&self) -> MutexGuard<'_, HashMap<(&'static str, Key), InfoLabels>> {
        self.infos.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests;
