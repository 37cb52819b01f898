//! The command lines of the five programs.
use std::{path::Path, process::Command};

use anyhow::Result;

use crate::tools::program;

/// All programs of a control plane, and the one that asks it.
pub(super) const NAMES: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl"];

/// Where the programs listen.
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) etcd_peer: u16,
    pub(super) apiserver: u16,
    pub(super) controller_manager: u16,
    /// Where kwok answers in the place of the node's kubelet.
    pub(super) kubelet: u16,
}

/// Does not wait for the disk: a test that pulls the plug of etcd is not what this is for.
pub(super) fn etcd(dir: &Path, ports: &Ports) -> Result<Command> {
    let client = format!("http://127.0.0.1:{}", ports.etcd);
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
    let mut command = Command::new(program("etcd")?);
    command
        .arg(format!("--data-dir={}", dir.join("etcd").display()))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .args(["--unsafe-no-fsync", "--log-level=error"]);
    Ok(command)
}

pub(super) fn apiserver(dir: &Path, ports: &Ports, audit: bool, more: &[String]) -> Result<Command> {
    let file = |name: &str| dir.join(name).display().to_string();
    let mut command = Command::new(program("kube-apiserver")?);
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd))
        .arg(format!("--secure-port={}", ports.apiserver))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .arg(format!("--cert-dir={}", file("apiserver")))
        .arg(format!("--tls-cert-file={}", file("apiserver.crt")))
        .arg(format!("--tls-private-key-file={}", file("apiserver.key")))
        .arg(format!("--client-ca-file={}", file("ca.crt")))
        .arg(format!("--token-auth-file={}", file("tokens.csv")))
        .arg(format!("--service-account-key-file={}", file("accounts.pub")))
        .arg(format!("--service-account-signing-key-file={}", file("accounts.key")))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .args(["--authorization-mode=Node,RBAC", "--disable-admission-plugins=ServiceAccount"])
        .args(["--service-cluster-ip-range=10.0.0.0/16", "--allow-privileged=true", "--profiling=false"])
        // No load balancer stands before it; without this it waits before it ends.
        .args(["--shutdown-delay-duration=0s", "--endpoint-reconciler-type=none"]);
    if audit {
        command
            .arg(format!("--audit-policy-file={}", file("audit.yaml")))
            .arg(format!("--audit-log-path={}", file("audit.log")));
    }
    command.args(more);
    Ok(command)
}

/// Its own limits (20 requests a second for each controller) would be a floor under every measurement.
pub(super) fn controller_manager(dir: &Path, ports: &Ports) -> Result<Command> {
    let file = |name: &str| dir.join(name).display().to_string();
    let mut command = Command::new(program("kube-controller-manager")?);
    command
        .arg(format!("--kubeconfig={}", file("controller-manager.kubeconfig")))
        .arg(format!("--service-account-private-key-file={}", file("accounts.key")))
        .arg(format!("--root-ca-file={}", file("ca.crt")))
        .arg(format!("--secure-port={}", ports.controller_manager))
        .args(["--bind-address=127.0.0.1", "--leader-elect=false"])
        .arg(format!("--cert-dir={}", file("controller-manager")))
        .arg("--controllers=*,-nodeipam,-node-route-controller,-service-lb-controller,-cloud-node-lifecycle")
        .args(["--kube-api-qps=2000", "--kube-api-burst=4000"])
        .args(["--concurrent-deployment-syncs=20", "--concurrent-replicaset-syncs=20"])
        .args(["--concurrent-namespace-syncs=20", "--horizontal-pod-autoscaler-sync-period=2s"]);
    Ok(command)
}

pub(super) fn scheduler(dir: &Path) -> Result<Command> {
    let mut command = Command::new(program("kube-scheduler")?);
    command.arg(format!("--kubeconfig={}", dir.join("scheduler.kubeconfig").display())).args([
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=2000",
        "--kube-api-burst=4000",
    ]);
    Ok(command)
}

/// It also serves the logs of pods, as a kubelet would: see [`super::logs`].
pub(super) fn kwok(dir: &Path, ports: &Ports) -> Result<Command> {
    let mut command = Command::new(program("kwok")?);
    command
        .arg(format!("--kubeconfig={}", dir.join("kwok.kubeconfig").display()))
        .arg(format!("--config={}", dir.join("stages.yaml").display()))
        .args(["--manage-all-nodes=true", "--node-lease-duration-seconds=40", "--v=WARN"])
        .arg("--node-ip=127.0.0.1")
        .arg(format!("--node-port={}", ports.kubelet))
        .arg(format!("--server-address=127.0.0.1:{}", ports.kubelet))
        .arg(format!("--tls-cert-file={}", dir.join("apiserver.crt").display()))
        .arg(format!("--tls-private-key-file={}", dir.join("apiserver.key").display()));
    Ok(command)
}
