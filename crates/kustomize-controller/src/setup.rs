use std::num::NonZero;
use std::sync::Arc;

use applier::setup::{self, SetupError};
use artifact::{Cache, CacheOptions, HostOverrides};
use runtime::{Context, Controller, FeatureGates, RunError};
use ssa::Cluster;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::args::{Command, GATES, Options};
use crate::memory::Memories;
use crate::reconciler::KustomizationReconciler;
use crate::siblings::Siblings;
use crate::sources::{self, OnSource};
use crate::wakes::{Edges, Far};
use crate::watching;

const CONTROLLER: Controller =
    Controller { name: "kustomize-controller", status_manager: "gotk-kustomize-controller", concurrent: 8 };

/// Gates whose question does not arise: a newer revision always ends a wait, nothing is cached that a gate could turn
/// off, API versions in managedFields always follow, the change log is the event.
const SETTLED: [&str; 6] = [
    "CancelHealthCheckOnNewRevision",
    "DisableStatusPollerCache",
    "CacheSecretsAndConfigMaps",
    "MigrateAPIVersion",
    "GroupChangeLog",
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
        tracing::warn!(flag, "acts on nothing yet: spec.decryption and spec.kubeConfig are not supported");
    }
    gates.warn_of_settled(&GATES, &SETTLED);
    let cache = cache(command)?;
    let mut made = None;
    context.register(|handle| {
        let app = app(context, command, gates, cache, handle);
        made = Some(app.clone());
        KustomizationReconciler::new(app)
    });
    if let Some(app) = made {
        watching::listen(context, &app);
        if !gates.enabled("DisableConfigWatchers") {
            context.wake_by_configs(&app.edges, &app.waker, Far::configs());
        }
    }
    Ok(())
}

fn cache(command: &Command) -> Result<Cache, SetupError> {
    let own = &command.own;
    let dir = own.artifact_cache.clone().unwrap_or_else(|| setup::temporary_dir(CONTROLLER.name));
    let options = CacheOptions { max_bytes: own.artifact_cache_max_size, ..CacheOptions::new(dir.clone()) };
    let client = setup::artifact_client()?;
    Cache::open(options, client).map_err(|cause| SetupError::Cache { dir, cause })
}

fn app(
    context: &Context,
    command: &Command,
    gates: &FeatureGates,
    cache: Cache,
    handle: runtime::Handle<api::kustomize::v1::Kustomization>,
) -> Arc<App> {
    let options = Options::new(command, gates);
    let (edges, memories) = (Edges::default(), Memories::default());
    let on_source: OnSource = {
        let (edges, memories, waker) = (edges.clone(), memories.clone(), handle.waker.clone());
        Arc::new(move |source, seen| {
            let artifact = seen.and_then(|seen| seen.artifact.as_ref());
            watching::source_changed(&edges, &memories, &waker, source, artifact);
        })
    };
    let direct = gates.enabled("DirectSourceFetch");
    Arc::new(App {
        client: context.client.clone(),
        cluster: Cluster::new(context.client.clone(), settings(command)),
        sources: sources::watch(context, options.shared.external_artifacts, direct, &on_source),
        peers: handle.store,
        edges,
        siblings: Siblings::default(),
        memories,
        cache,
        hosts: HostOverrides::from_env(),
        builds: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get))),
        options,
        metrics: context.metrics.clone(),
        waker: handle.waker,
    })
}

fn settings(command: &Command) -> ssa::Settings {
    let own = &command.own;
    ssa::Settings {
        override_managers: own.applier.override_manager.clone(),
        custom_stage_kinds: own.custom_apply_stage_kinds.clone(),
        concurrency: usize::from(own.concurrent_ssa),
        max_watches: own.applier.watches(),
        ..ssa::Settings::default()
    }
}
