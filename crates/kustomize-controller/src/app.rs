use std::sync::Arc;

use api::kustomize::v1::Kustomization;
use artifact::{Cache, HostOverrides};
use kube::Client;
use runtime::{Metrics, Store, Waker};
use ssa::Cluster;
use tokio::sync::Semaphore;

use crate::args::Options;
use crate::memory::Memories;
use crate::siblings::Siblings;
use crate::sources::Sources;
use crate::wakes::Edges;

/// What all runs share.
pub(crate) struct App {
    /// Client of the controller itself.
    pub client: Client,
    /// The cluster that is applied to.
    pub cluster: Cluster,
    /// The sources as their watches show them.
    pub sources: Sources,
    /// All Kustomizations as the watch shows them.
    pub peers: Store<Kustomization>,
    /// Who refers to what.
    pub edges: Edges,
    /// Who has tried which revision.
    pub siblings: Siblings,
    /// What is remembered of each Kustomization.
    pub memories: Memories,
    /// Unpacked artifacts.
    pub cache: Cache,
    /// Overrides of artifact hosts.
    pub hosts: HostOverrides,
    /// Builds at once: one a core, so that the rest of the process never starves.
    pub builds: Arc<Semaphore>,
    /// The flags.
    pub options: Options,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Wakes Kustomizations.
    pub waker: Waker,
}
