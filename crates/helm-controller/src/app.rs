use std::sync::Arc;

use api::helm::v2::HelmRelease;
use kube::Client;
use runtime::{Metrics, Store, Waker};
use ssa::Cluster;
use tokio::sync::Semaphore;

use crate::args::Options;
use crate::capabilities::Cached;
use crate::memory::Memories;
use crate::signals::Signals;
use crate::sources::Sources;
use crate::spec::DriftMode;
use crate::steps::fetch::Charts;
use crate::wakes::Edges;
use crate::work::Work;

/// What all runs share.
pub(crate) struct App {
    /// Client of the controller itself.
    pub client: Client,
    /// The cluster that is released to.
    pub cluster: Cluster,
    /// What the cluster can do.
    pub capabilities: Cached,
    /// The sources as their watches show them.
    pub sources: Sources,
    /// All HelmReleases as the watch shows them.
    pub peers: Store<HelmRelease>,
    /// Who refers to what.
    pub edges: Edges,
    /// What is remembered of each HelmRelease.
    pub memories: Memories,
    /// Runs that wait for objects.
    pub signals: Signals,
    /// Charts.
    pub charts: Charts,
    /// Renderings at once: one a core, so that the rest of the process never starves.
    pub builds: Arc<Semaphore>,
    /// The flags.
    pub options: Options,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Wakes HelmReleases.
    pub waker: Waker,
    /// Who this process is, in plans.
    pub holder: String,
}

impl App {
    /// A release whose drift nobody asks for is not watched.
    pub(crate) fn forget_without_drift(&self, work: &Work<'_>) {
        if work.spec().drift() == DriftMode::Off {
            self.cluster.drift().forget(&work.owner);
        }
    }
}
