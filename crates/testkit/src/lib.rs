//! Servers and a real control plane for tests.
//!
//! [`ControlPlane`] runs etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok on this machine,
//! [`Controller`] runs one of our binaries against it, [`GitServer`] serves repositories made by the real `git`.
//! Whatever is started here dies with the test process, also when that process is killed: see [`reaper`](crate::Scope).
//!
//! Reading order: reaper, process, tools, plane, cluster, controller, the servers, the condition rules.
mod api_proxy;
mod certificates;
mod charts;
mod cluster;
mod conditions;
mod controller;
mod digest;
mod event_sink;
mod fake_forge;
mod git_repo;
mod git_server;
mod helm_repo;
mod kinds;
mod kubeconfig;
mod metrics;
mod namespace;
mod not_run;
mod plane;
mod ports;
mod process;
mod reaper;
mod registry;
mod serve;
mod ssh_server;
mod static_server;
mod tls;
mod tools;

pub use crate::{
    api_proxy::{ApiFault, ApiProxy, ApiRule},
    charts::{ChartFiles, archive, chart_archive},
    cluster::{Cluster, patience},
    conditions::{check_conditions, condition},
    controller::{CONTROLLERS, Controller, ControllerBuilder},
    digest::sha256,
    event_sink::EventSink,
    fake_forge::{FakeForge, Posted},
    git_repo::GitRepo,
    git_server::{Fault, GitServer},
    helm_repo::HelmRepo,
    metrics::Metrics,
    namespace::TestNamespace,
    not_run::not_run,
    plane::{ControlPlane, PlaneOptions, install_crypto, require_programs},
    ports::free_ports,
    process::{Process, Usage},
    reaper::Scope,
    registry::{OciArtifact, Registry, RegistryOptions},
    ssh_server::SshServer,
    static_server::StaticServer,
    tls::Tls,
    tools::{program, tools_cache, workspace_root},
};
