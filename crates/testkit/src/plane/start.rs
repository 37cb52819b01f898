//! Starts the programs in order and waits for each to be of use.
use std::{
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rcgen::KeyPair;

use super::{ControlPlane, PlaneOptions, logs, programs, programs::Ports};
use crate::{
    Process, Scope,
    certificates::Authority,
    kubeconfig::{Credential, kubeconfig},
    ports::free_ports,
};

/// Each program is given this long; about 3 s are normal, the rest is for a machine that is busy building.
const PATIENCE: Duration = Duration::from_secs(90);

/// The administrator's token; the API server listens on 127.0.0.1 only and lives as long as the test.
const ADMIN: &str = "sluice-admin";

/// Requests of the control plane itself are left out: they are many and nobody asks.
const AUDIT: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: ["system:kube-controller-manager", "system:kube-scheduler", "system:kwok", "system:apiserver"]
- level: None
  userGroups: ["system:serviceaccounts:kube-system", "system:unauthenticated"]
- level: Metadata
"#;

/// The node that kwok plays.
const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"fake","annotations":
{"kwok.x-k8s.io/node":"fake"},"labels":{"kubernetes.io/hostname":"fake","kubernetes.io/os":"linux",
"kubernetes.io/arch":"amd64","type":"kwok"}},"spec":{}}"#;

/// The programs beside the API server and how the API server knows them: user, group.
const CLIENTS: [(&str, &str); 3] = [
    ("controller-manager", "system:kube-controller-manager"),
    ("scheduler", "system:kube-scheduler"),
    ("kwok", "system:kwok"),
];

pub(super) fn start(options: &PlaneOptions) -> Result<ControlPlane> {
    super::install_crypto();
    let tell = options.progress.unwrap_or(|_| {});
    let dir = tempfile::Builder::new().prefix("sluice-plane-").tempdir()?.keep();
    Scope::add_dir(&dir)?;
    let [etcd, etcd_peer, apiserver, controller_manager, kubelet] = free_ports()?;
    let ports = Ports { etcd, etcd_peer, apiserver, controller_manager, kubelet };
    let mut plane = ControlPlane {
        url: format!("https://127.0.0.1:{apiserver}"),
        dir,
        processes: Vec::new(),
        restarted: std::sync::Mutex::default(),
    };
    write_files(&plane)?;
    let started = start_programs(&mut plane, &ports, options, tell);
    started.with_context(|| plane_logs(&plane))?;
    Ok(plane)
}

fn start_programs(
    plane: &mut ControlPlane,
    ports: &Ports,
    options: &PlaneOptions,
    tell: fn(&str),
) -> Result<()> {
    let dir = plane.dir.clone();
    tell("starting etcd");
    plane.add("etcd", programs::etcd(&dir, ports)?)?;
    plane.wait("etcd", || Ok(TcpStream::connect(("127.0.0.1", ports.etcd)).is_ok()))?;
    tell("starting kube-apiserver");
    let command = programs::apiserver(&dir, ports, options.audit, &options.apiserver_args)?;
    plane.add("kube-apiserver", command)?;
    let client = admin_client(plane)?;
    let ready = format!("{}/readyz", plane.url);
    plane.wait("kube-apiserver", || get_ok(&client, &ready))?;
    tell("starting kube-controller-manager, kube-scheduler and kwok");
    plane.add("kube-controller-manager", programs::controller_manager(&dir, ports)?)?;
    plane.add("kube-scheduler", programs::scheduler(&dir)?)?;
    plane.add("kwok", programs::kwok(&dir, ports)?)?;
    tell("waiting for a node");
    let nodes = format!("{}/api/v1/nodes", plane.url);
    plane.wait("node", || post_ok(&client, &nodes, NODE))?;
    plane.wait("node", || schedulable(&client, &nodes))
}

impl ControlPlane {
    fn add(&mut self, name: &str, command: std::process::Command) -> Result<()> {
        let log = self.dir.join(format!("{name}.log"));
        self.processes.push(Process::start(name, command, &log)?);
        Ok(())
    }

    /// Asks until the answer is yes; an error when a program has ended or time is up.
    fn wait(&self, what: &str, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if ready().unwrap_or(false) {
                return Ok(());
            }
            if let Some(dead) = self.processes.iter().find(|p| p.exit_status().is_some()) {
                bail!("{} has ended while waiting for {what}", dead.log_path().display());
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        bail!("{what} was not ready within {PATIENCE:?}")
    }
}

fn write_files(plane: &ControlPlane) -> Result<()> {
    let dir = &plane.dir;
    let authority = Authority::create(dir)?;
    let server = authority.server()?;
    std::fs::write(dir.join("apiserver.crt"), server.certificate)?;
    std::fs::write(dir.join("apiserver.key"), server.key)?;
    let accounts = KeyPair::generate()?;
    std::fs::write(dir.join("accounts.key"), accounts.serialize_pem())?;
    std::fs::write(dir.join("accounts.pub"), accounts.public_key_pem())?;
    std::fs::write(dir.join("audit.yaml"), AUDIT)?;
    let stages = include_str!("../../kwok/stages.yaml");
    std::fs::write(dir.join("stages.yaml"), format!("{stages}{}", logs::rules(dir)?))?;
    std::fs::write(dir.join("url"), &plane.url)?;
    let mut tokens = format!("{ADMIN},admin,admin,system:masters\n");
    write_kubeconfig(dir, "admin", &plane.url, &authority, ADMIN)?;
    for (name, user) in CLIENTS {
        tokens.push_str(&format!("sluice-{name},{user},{user},system:masters\n"));
        write_kubeconfig(dir, name, &plane.url, &authority, &format!("sluice-{name}"))?;
    }
    std::fs::write(dir.join("tokens.csv"), tokens)?;
    Ok(())
}

pub(super) fn write_kubeconfig(
    dir: &Path,
    name: &str,
    url: &str,
    authority: &Authority,
    token: &str,
) -> Result<()> {
    let text = kubeconfig(url, &authority.certificate, &Credential::Token(token));
    Ok(std::fs::write(dir.join(format!("{name}.kubeconfig")), text)?)
}

/// Blocking requests of the first seconds, when no kube client can exist yet.
struct Admin {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

fn admin_client(plane: &ControlPlane) -> Result<Admin> {
    let authority = reqwest::Certificate::from_pem(&std::fs::read(plane.dir.join("ca.crt"))?)?;
    let http = reqwest::Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(Admin { runtime, http })
}

fn get_ok(admin: &Admin, url: &str) -> Result<bool> {
    let answer = admin.runtime.block_on(admin.http.get(url).bearer_auth(ADMIN).send())?;
    Ok(answer.status().is_success())
}

fn post_ok(admin: &Admin, url: &str, body: &'static str) -> Result<bool> {
    let request =
        admin.http.post(url).bearer_auth(ADMIN).header("content-type", "application/json").body(body);
    Ok(admin.runtime.block_on(request.send())?.status().is_success())
}

/// The node is Ready and the taint that keeps pods away has been taken off.
fn schedulable(admin: &Admin, url: &str) -> Result<bool> {
    let node = async {
        let answer = admin.http.get(format!("{url}/fake")).bearer_auth(ADMIN).send().await?;
        answer.json::<serde_json::Value>().await
    };
    let node = admin.runtime.block_on(node)?;
    let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
    Ok(ready && node["spec"]["taints"].as_array().is_none_or(Vec::is_empty))
}

fn plane_logs(plane: &ControlPlane) -> String {
    let mut text = String::from("the control plane did not start");
    for process in &plane.processes {
        text.push_str(&format!("\n--- {}\n{}", process.log_path().display(), process.log_tail(15)));
    }
    text
}
