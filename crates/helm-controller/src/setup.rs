use std::num::NonZero;
use std::sync::Arc;

use api::meta::groups;
use applier::setup::{self, SetupError};
use artifact::HostOverrides;
use runtime::{Context, Controller, FeatureGates, RunError};
use ssa::Cluster;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::args::{Command, GATES, Options};
use crate::capabilities::Cached;
use crate::memory::Memories;
use crate::reconciler::HelmReleaseReconciler;
use crate::signals::Signals;
use crate::sources::{self, OnSource};
use crate::steps::fetch::Charts;
use crate::storage::MANAGER;
use crate::wakes::{Edges, Far};
use crate::watching;

const CONTROLLER: Controller =
    Controller { name: "helm-controller", status_manager: "helm-controller", concurrent: 8 };

/// Gates whose question does not arise: drift is asked for by the spec, a newer revision always ends a wait, nothing is
/// cached that a gate could turn off, names are never resolved by templates, the kernel ends processes without memory.
const SETTLED: [&str; 8] = [
    "DetectDrift",
    "CorrectDrift",
    "AllowDNSLookups",
    "OOMWatch",
    "AdoptLegacyReleases",
    "CancelHealthCheckOnNewRevision",
    "CacheSecretsAndConfigMaps",
    "ObjectLevelWorkloadIdentity",
];

/// Runs the controller until it is told to end.
///
/// # Errors
/// See [`RunError`].
pub fn run(command: Command) -> Result<(), RunError> {
    let gates = FeatureGates::parse(&GATES, &command.common.feature_gates)?;
    let common = command.common.clone();
    runtime::run(CONTROLLER, common, |context| async move { start(&context, &command, &gates) })
}

fn start(context: &Context, command: &Command, gates: &FeatureGates) -> Result<(), SetupError> {
    let own = &command.own;
    for flag in own.applier.remote.given().into_iter().chain(own.later.given()) {
        tracing::warn!(flag, "acts on nothing here");
    }
    gates.warn_of_settled(&GATES, &SETTLED);
    let charts = charts(command)?;
    let mut made = None;
    context.register(|handle| {
        let app = app(context, command, gates, charts, handle);
        made = Some(app.clone());
        HelmReleaseReconciler::new(app)
    });
    if let Some(app) = made {
        watching::listen(context, &app);
        if !gates.enabled("DisableConfigWatchers") {
            context.wake_by_configs(&app.edges, &app.waker, Far::configs());
        }
    }
    Ok(())
}

fn charts(command: &Command) -> Result<Charts, SetupError> {
    let dir = command.own.chart_cache.clone().unwrap_or_else(|| setup::temporary_dir(CONTROLLER.name));
    let client = setup::artifact_client()?;
    Charts::open(dir.clone(), client, HostOverrides::from_env())
        .map_err(|cause| SetupError::Cache { dir, cause })
}

fn app(
    context: &Context,
    command: &Command,
    gates: &FeatureGates,
    charts: Charts,
    handle: runtime::Handle<api::helm::v2::HelmRelease>,
) -> Arc<App> {
    let options = Options::new(command, gates);
    let edges = Edges::default();
    let on_source: OnSource = {
        let (edges, waker) = (edges.clone(), handle.waker.clone());
        Arc::new(move |source, _| watching::source_changed(&edges, &waker, source))
    };
    let direct = gates.enabled("DirectSourceFetch");
    Arc::new(App {
        client: context.client.clone(),
        cluster: Cluster::new(context.client.clone(), settings(command)),
        capabilities: Cached::default(),
        sources: sources::watch(context, options.shared.external_artifacts, direct, &on_source),
        peers: handle.store,
        edges,
        memories: Memories::default(),
        signals: Signals::default(),
        charts,
        builds: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get))),
        options,
        metrics: context.metrics.clone(),
        waker: handle.waker,
        holder: std::env::var("HOSTNAME").unwrap_or_default(),
    })
}

fn settings(command: &Command) -> ssa::Settings {
    let own = &command.own;
    ssa::Settings {
        field_manager: MANAGER.to_owned(),
        owner_group: groups::HELM.to_owned(),
        override_managers: own.applier.override_manager.clone(),
        max_watches: own.applier.watches(),
        ..ssa::Settings::default()
    }
}
