//! A real control plane on this machine: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok.
//!
//! No kubelet, kube-proxy or DNS: kwok plays one node whose pods follow `kwok/stages.yaml`. Every port is a free one of
//! 127.0.0.1, every file lies in one temporary folder.
mod logs;
mod programs;
mod start;

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::Output,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};
use serde_json::Value;

use crate::{
    Cluster, ControllerBuilder, Metrics, Process, Scope, TestNamespace,
    certificates::Authority,
    kubeconfig::{Credential, kubeconfig},
    tools,
};

/// Names the kubeconfig of a control plane that is already up, with its authority's key beside it.
const SHARED: &str = "SLUICE_TEST_KUBECONFIG";

/// How a control plane is started.
#[derive(Clone)]
pub struct PlaneOptions {
    /// Told of each step; `None` is silence.
    pub progress: Option<fn(&str)>,
    /// Writes who asked for what, for [`ControlPlane::requests_of`].
    pub audit: bool,
    /// More flags of kube-apiserver; a later one wins.
    pub apiserver_args: Vec<String>,
}

impl Default for PlaneOptions {
    fn default() -> Self {
        PlaneOptions { progress: None, audit: true, apiserver_args: Vec::new() }
    }
}

/// A running control plane. Dropped: its processes are killed and its folder removed.
pub struct ControlPlane {
    dir: PathBuf,
    url: String,
    processes: Vec<Process>,
    /// An API server that took the place of an earlier one.
    restarted: Mutex<Option<Process>>,
}

impl ControlPlane {
    /// Starts one of its own; ready after about 4 seconds. For tests: where the programs are missing, see
    /// [`ControlPlane::shared`].
    pub async fn start() -> Result<ControlPlane> {
        require_programs();
        ControlPlane::start_with(PlaneOptions::default()).await
    }

    /// Starts one of its own.
    pub async fn start_with(options: PlaneOptions) -> Result<ControlPlane> {
        tokio::task::spawn_blocking(move || start::start(&options)).await?
    }

    /// The one of this run: that of `SLUICE_TEST_KUBECONFIG`, else one that this process starts once.
    ///
    /// With `config/crd` in the checkout its custom resources are served. Where the programs were never built (`cargo test`
    /// with Rust alone), the whole test program says so and ends; `cargo xtask test` builds them first.
    pub async fn shared() -> Result<&'static ControlPlane> {
        tokio::task::spawn_blocking(shared).await?
    }

    /// The API server's address, `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder with its certificates, data and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("admin.kubeconfig")
    }

    /// A kubeconfig by which the API server takes the bearer for `user` without any group: no rights but those granted.
    pub fn kubeconfig_for(&self, user: &str) -> Result<PathBuf> {
        self.write_kubeconfig(user, None)
    }

    /// A kubeconfig of `user` with every right: requests under a name of their own.
    pub fn admin_kubeconfig_for(&self, user: &str) -> Result<PathBuf> {
        self.write_kubeconfig(user, Some("system:masters"))
    }

    /// A kubeconfig with a token of a ServiceAccount that exists, good for a day.
    pub fn kubeconfig_of_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let token =
            self.kubectl_ok(&["create", "token", name, "--namespace", namespace, "--duration", "24h"])?;
        let authority = Authority::open(&self.dir)?;
        let name = format!("{namespace}-{name}-account");
        start::write_kubeconfig(&self.dir, &name, &self.url, &authority, token.trim())?;
        Ok(self.dir.join(format!("{name}.kubeconfig")))
    }

    fn write_kubeconfig(&self, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let authority = Authority::open(&self.dir)?;
        let pair = authority.user(user, group)?;
        let credential = Credential::Certificate { certificate: &pair.certificate, key: &pair.key };
        let text = kubeconfig(&self.url, &authority.certificate, &credential);
        let rights = if group.is_some() { "all" } else { "none" };
        let file = self.dir.join(format!("{}-{rights}.kubeconfig", user.replace([':', '/'], "-")));
        std::fs::write(&file, text)?;
        Ok(file)
    }

    /// A client with every right. Made anew at each call, because a client belongs to the runtime that made it.
    pub async fn client(&self) -> Result<Client> {
        client_of(&self.kubeconfig()).await
    }

    /// A client that the API server takes for `user`, without any group.
    pub async fn client_for(&self, user: &str) -> Result<Client> {
        client_of(&self.kubeconfig_for(user)?).await
    }

    /// Objects as JSON, with every right.
    pub async fn cluster(&self) -> Result<Cluster> {
        Ok(Cluster::new(self.client().await?))
    }

    /// A new namespace whose name begins with `prefix`; deleted when dropped.
    pub async fn namespace(&self, prefix: &str) -> Result<TestNamespace> {
        TestNamespace::create(self, prefix).await
    }

    /// One of our binaries, to be started against this control plane.
    pub fn controller(&self, binary: &str) -> ControllerBuilder {
        ControllerBuilder::new(self, binary)
    }

    /// Applies every file of `dir` with kubectl and waits until its CustomResourceDefinitions are served.
    pub fn apply_crds(&self, dir: &Path) -> Result<()> {
        let how = if dir.join("kustomization.yaml").is_file() { "-k" } else { "-f" };
        let dir = dir.to_str().context("folder name is not text")?;
        self.kubectl_ok(&["apply", "--server-side", "--force-conflicts", how, dir])?;
        self.kubectl_ok(&["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"])?;
        Ok(())
    }

    /// Runs the real kubectl as administrator.
    pub fn kubectl(&self, args: &[&str]) -> Result<Output> {
        let mut command = std::process::Command::new(tools::program("kubectl")?);
        command.args(args).env("KUBECONFIG", self.kubeconfig()).env("HOME", &self.dir);
        command.output().context("running kubectl")
    }

    /// Runs kubectl and returns what it printed; anything but exit code 0 is an error with its stderr.
    pub fn kubectl_ok(&self, args: &[&str]) -> Result<String> {
        let done = self.kubectl(args)?;
        if !done.status.success() {
            bail!("kubectl {}: {}", args.join(" "), String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// The API server's own metrics, now.
    pub async fn metrics(&self) -> Result<Metrics> {
        let request = http_get("/metrics")?;
        let text = self.client().await?.request_text(request).await.context("reading /metrics")?;
        Ok(Metrics::parse(&text))
    }

    /// The requests of one user so far, `verb path`, oldest first; under `client_for` and in a [`crate::Controller`] each
    /// user has a name of its own.
    ///
    /// # Errors
    /// Without [`PlaneOptions::audit`].
    pub fn requests_of(&self, user: &str) -> Result<Vec<String>> {
        self.audited(user, |_| true)
    }

    /// The same without those that were refused, or broken off before they were carried out.
    ///
    /// # Errors
    /// Without [`PlaneOptions::audit`].
    pub fn granted_to(&self, user: &str) -> Result<Vec<String>> {
        self.audited(user, is_granted)
    }

    /// What the audit log tells of a user's requests, of those that count.
    fn audited(&self, user: &str, counts: fn(&Value) -> bool) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(self.dir.join("audit.log"))
            .context("the control plane runs without audit")?;
        // Most lines are of others, and are not worth reading.
        let lines = text.lines().filter(|line| line.contains(user));
        let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = events.filter(|event| event["user"]["username"] == user && counts(event));
        Ok(events.filter_map(|event| request(&event)).collect())
    }

    /// The processes, in the order of their start; none when another process runs this control plane.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn kill_and_start_apiserver(&self) -> Result<()> {
        let mut restarted = self.restarted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = self.processes.iter().find(|process| process.name() == "kube-apiserver");
        let old = restarted.as_ref().or(first).context("the control plane is not of this process")?;
        let command = old.command()?;
        old.kill();
        *restarted = Some(Process::start("kube-apiserver", command, &self.dir.join("kube-apiserver.log"))?);
        Ok(())
    }

    /// SIGKILL to the API server, and the same again; ready when it answers. For a control plane of a test's own.
    ///
    /// # Errors
    /// When it is another process's, or does not answer again within 90 s.
    pub async fn restart_apiserver(&self) -> Result<()> {
        self.kill_and_start_apiserver()?;
        let since = std::time::Instant::now();
        while self.kubectl_ok(&["get", "--raw", "/readyz"]).is_err() {
            if since.elapsed() > Duration::from_secs(90) {
                bail!("the API server does not answer after its restart");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Leaves everything running, and returns a shell command that ends it.
    pub fn keep(self) -> Result<String> {
        let mut pids = Vec::new();
        for process in &self.processes {
            process.detach()?;
            pids.push(format!("-{}", process.pid()));
        }
        Scope::forget_dir(&self.dir)?;
        let stop = format!("kill -KILL -- {}; rm -rf {}", pids.join(" "), self.dir.display());
        std::mem::forget(self);
        Ok(stop)
    }

    fn at(kubeconfig: &Path) -> Result<ControlPlane> {
        let dir = kubeconfig.parent().context("kubeconfig without a folder")?.to_path_buf();
        let url = std::fs::read_to_string(dir.join("url")).context("not a control plane of testkit")?;
        Ok(ControlPlane { dir, url, processes: Vec::new(), restarted: Mutex::default() })
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        if env::var_os("SLUICE_TEST_KEEP").is_some() {
            let _ = Scope::forget_dir(&self.dir);
            self.processes.clear();
            return;
        }
        drop(self.restarted.lock().ok().and_then(|mut held| held.take()));
        // Clients first: nobody is left to write while the folder goes.
        while let Some(process) = self.processes.pop() {
            process.kill();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
        let _ = Scope::forget_dir(&self.dir);
    }
}

fn shared() -> Result<&'static ControlPlane> {
    static PLANE: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
    let plane = PLANE.get_or_init(|| open_shared().map_err(|error| format!("{error:#}")));
    plane.as_ref().map_err(|error| anyhow!("{error}"))
}

fn open_shared() -> Result<ControlPlane> {
    if let Some(kubeconfig) = env::var_os(SHARED) {
        return ControlPlane::at(Path::new(&kubeconfig));
    }
    require_programs();
    let plane = start::start(&PlaneOptions::default())?;
    let given = env::var_os("SLUICE_CRD_DIR").map(PathBuf::from);
    let crds = given.unwrap_or_else(|| tools::workspace_root().join("config/crd"));
    if crds.is_dir() {
        plane.apply_crds(&crds)?;
    }
    Ok(plane)
}

/// `cargo test --workspace` with Rust alone runs every pure test; a test program that needs a control plane must not fail
/// it, and must not pretend either.
pub fn require_programs() {
    let missing = programs::NAMES.iter().find(|name| tools::program(name).is_err());
    if env::var_os("SLUICE_NO_CLUSTER").is_none() && missing.is_none() {
        return;
    }
    let why =
        missing.map_or("SLUICE_NO_CLUSTER is set".to_string(), |name| format!("{name} was never built"));
    let text = format!(
        "NOT RUN: this program tests against a real control plane, and {why}: use cargo xtask test\n"
    );
    // Past the test runner's capture, which swallows what a passing test prints.
    let _ = std::io::stderr().write_all(text.as_bytes());
    std::process::exit(0)
}

async fn client_of(kubeconfig: &Path) -> Result<Client> {
    install_crypto();
    let parsed = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await?;
    config.read_timeout = Some(Duration::from_secs(300));
    Ok(Client::try_from(config)?)
}

/// rustls wants one provider named for the process; a second call is harmless.
pub fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn http_get(path: &str) -> Result<http::Request<Vec<u8>>> {
    Ok(http::Request::get(path).body(Vec::new())?)
}

/// Whether an event of the audit log is of a request that was carried out.
fn is_granted(event: &Value) -> bool {
    event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300)
}

/// `verb path` of an event of the audit log.
fn request(event: &Value) -> Option<String> {
    Some(format!("{} {}", event["verb"].as_str()?, event["requestURI"].as_str()?))
}
