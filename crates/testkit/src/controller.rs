//! One of our binaries, running against a control plane.
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::{ControlPlane, Metrics, Process, Usage, ports::free_ports, tools};

/// Names a folder with the binaries to run; without it they are built by cargo first.
const BINARIES: &str = "SLUICE_BIN_DIR";

/// The controllers of this project, package and binary, in the order to start them: the first takes the events of the
/// others.
pub const CONTROLLERS: [&str; 5] = [
    "notification-controller",
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "image-automation-controller",
];

/// A controller is given this long until it answers on its health port.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to start and how; every flag of the binary can be given on top of those that keep tests apart.
pub struct ControllerBuilder {
    binary: String,
    namespace: Option<String>,
    kubeconfig: PathBuf,
    user: String,
    dir: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    ports: Option<[u16; 4]>,
    path: Option<PathBuf>,
    binaries: Option<PathBuf>,
    wait: bool,
}

/// A running controller; killed when dropped. A test that panics shows the end of its log.
pub struct Controller {
    process: Process,
    name: String,
    user: String,
    metrics: u16,
    health: u16,
    service: u16,
    receiver: u16,
    dir: PathBuf,
}

impl ControllerBuilder {
    pub(crate) fn new(plane: &ControlPlane, binary: &str) -> ControllerBuilder {
        ControllerBuilder {
            binary: binary.into(),
            namespace: None,
            kubeconfig: plane.kubeconfig(),
            user: "admin".into(),
            dir: plane.dir().to_path_buf(),
            args: Vec::new(),
            env: Vec::new(),
            ports: None,
            path: None,
            binaries: None,
            wait: true,
        }
    }

    /// Watches this namespace only. Without it: all namespaces.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Runs under a user of its own, with every right, so that [`ControlPlane::requests_of`] tells its requests apart.
    pub fn user(mut self, plane: &ControlPlane, user: &str) -> Result<Self> {
        self.kubeconfig = plane.admin_kubeconfig_for(user)?;
        self.user = user.into();
        Ok(self)
    }

    /// Connects by another kubeconfig, for instance that of a user with few rights.
    #[must_use]
    pub fn kubeconfig(mut self, file: &Path) -> Self {
        self.kubeconfig = file.to_path_buf();
        self
    }

    /// One more flag; a later one wins over an earlier one where the binary allows it.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// More flags, or none.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// One more variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Listens on these ports, those of [`Controller::ports`]. For a restart at the same address.
    #[must_use]
    pub fn ports(mut self, ports: [u16; 4]) -> Self {
        self.ports = Some(ports);
        self
    }

    /// Keeps its files here instead of in a new folder. For a restart with the same storage.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.path = Some(dir.to_path_buf());
        self
    }

    /// Takes the binary from this folder.
    #[must_use]
    pub fn binaries(mut self, dir: &Path) -> Self {
        self.binaries = Some(dir.to_path_buf());
        self
    }

    /// Returns at once instead of waiting until it answers on its health port.
    #[must_use]
    pub fn without_waiting(mut self) -> Self {
        self.wait = false;
        self
    }

    /// Starts it.
    pub async fn start(self) -> Result<Controller> {
        let wait = self.wait;
        let controller = tokio::task::spawn_blocking(move || self.spawn()).await??;
        if wait {
            controller.wait_healthy().await?;
        }
        Ok(controller)
    }

    fn spawn(self) -> Result<Controller> {
        let binary = match &self.binaries {
            Some(dir) => dir.join(&self.binary),
            None => binaries()?.join(&self.binary),
        };
        let ports @ [metrics, health, service, receiver] = self.ports.map_or_else(free_ports, Ok)?;
        let dir = match &self.path {
            Some(dir) => dir.clone(),
            None => {
                tempfile::Builder::new().prefix(&format!("{}-", self.binary)).tempdir_in(&self.dir)?.keep()
            }
        };
        std::fs::create_dir_all(dir.join("storage"))?;
        let mut command = Command::new(binary);
        command
            .arg(format!("--metrics-addr=127.0.0.1:{metrics}"))
            .arg(format!("--health-addr=127.0.0.1:{health}"))
            .arg(format!("--watch-all-namespaces={}", self.namespace.is_none()));
        if !is_fluxs_automation(&self.binary, self.binaries.as_deref()) {
            command.args(flags_of(&self.binary, ports, &dir));
        }
        command
            .args(&self.args)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("RUNTIME_NAMESPACE", self.namespace.as_deref().unwrap_or("flux-system"))
            .env("HOME", &dir)
            .env("TMPDIR", &dir)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        let process = Process::start(&self.binary, command, &dir.join("log"))?;
        Ok(Controller {
            process,
            name: self.binary,
            user: self.user,
            metrics,
            health,
            service,
            receiver,
            dir,
        })
    }
}

impl Controller {
    /// The process: signals, log, usage.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The binary's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user it connects as; `admin` unless [`ControllerBuilder::user`] said otherwise.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Metrics, health, service and receiver port, to restart it at the same address. The service is the artifacts of
    /// source-controller and the events of notification-controller; the receiver is notification-controller's.
    pub fn ports(&self) -> [u16; 4] {
        [self.metrics, self.health, self.service, self.receiver]
    }

    /// Where notification-controller takes events, and source-controller serves artifacts: `http://127.0.0.1:PORT`.
    pub fn service_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.service)
    }

    /// Where notification-controller takes webhooks: `http://127.0.0.1:PORT`.
    pub fn receiver_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.receiver)
    }

    /// Its folder: `storage/` and `log`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its metrics, now.
    pub async fn metrics(&self) -> Result<Metrics> {
        Ok(Metrics::parse(&get(self.metrics, "/metrics").await?))
    }

    /// `GET /debug/objects` of its health port.
    pub async fn debug_objects(&self) -> Result<Value> {
        Ok(serde_json::from_str(&get(self.health, "/debug/objects").await?)?)
    }

    /// Posts an event to notification-controller, once; the status of the answer.
    pub async fn post_event(&self, event: &Value) -> Result<u16> {
        crate::plane::install_crypto();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        Ok(http.post(self.service_url()).json(event).send().await?.status().as_u16())
    }

    /// True when `/readyz` answers 200.
    pub async fn is_ready(&self) -> bool {
        get(self.health, "/readyz").await.is_ok()
    }

    /// Memory and processor time so far.
    pub fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// Leaves it running when this process ends, and returns its process id.
    pub fn keep(self) -> Result<u32> {
        self.process.detach()?;
        Ok(self.process.pid())
    }

    async fn wait_healthy(&self) -> Result<()> {
        let since = Instant::now();
        while get(self.health, "/healthz").await.is_err() {
            if let Some(status) = self.process.exit_status() {
                bail!("{} ended with {status}:\n{}", self.name, self.process.log_tail(30));
            }
            if since.elapsed() > PATIENCE {
                bail!("{} gave no /healthz in {PATIENCE:?}:\n{}", self.name, self.process.log_tail(30));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the test runner shows it beside the failed test")]
            {
                eprintln!("--- end of the log of {}\n{}", self.name, self.process.log_tail(60));
            }
        }
    }
}

async fn get(port: u16, path: &str) -> Result<String> {
    crate::plane::install_crypto();
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
    let answer = http.get(format!("http://127.0.0.1:{port}{path}")).send().await?.error_for_status()?;
    Ok(answer.text().await?)
}

/// Flux has two controllers where we have one: its image-automation-controller keeps nothing on disk.
fn is_fluxs_automation(binary: &str, dir: Option<&Path>) -> bool {
    binary == "image-automation-controller"
        && dir.is_some_and(|dir| dir.join("image-reflector-controller").is_file())
}

/// Flags that keep the files and ports of one kind of controller apart.
fn flags_of(binary: &str, [_, _, service, receiver]: [u16; 4], dir: &Path) -> Vec<String> {
    let storage = format!("--storage-path={}", dir.join("storage").display());
    match binary {
        "source-controller" => vec![
            storage,
            format!("--storage-addr=127.0.0.1:{service}"),
            format!("--storage-adv-addr=127.0.0.1:{service}"),
        ],
        "image-automation-controller" | "image-reflector-controller" => vec![storage],
        "notification-controller" => {
            vec![format!("--events-addr=127.0.0.1:{service}"), format!("--receiverAddr=127.0.0.1:{receiver}")]
        }
        _ => Vec::new(),
    }
}

/// The folder with the controllers' binaries: that of the environment, else that of this very build, brought up to date.
fn binaries() -> Result<PathBuf> {
    static BUILT: OnceLock<Mutex<Option<Result<PathBuf, String>>>> = OnceLock::new();
    if let Some(dir) = env::var_os(BINARIES) {
        return Ok(dir.into());
    }
    let mut built =
        BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let result = built.get_or_insert_with(|| build().map_err(|error| format!("{error:#}")));
    result.clone().map_err(|error| anyhow!("{error}"))
}

/// `cargo build` of all, so that a test run by hand never meets yesterday's binary.
fn build() -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // With this package among them they have kill points.
    let packages = CONTROLLERS.iter().chain(["testkit"].iter()).flat_map(|name| ["-p", name]);
    let done = Command::new(cargo)
        .args(["build", "--quiet"])
        .args(packages)
        .current_dir(tools::workspace_root())
        .output()
        .context("running cargo build for the controllers")?;
    if !done.status.success() {
        bail!("the controllers do not build:\n{}", String::from_utf8_lossy(&done.stderr));
    }
    let exe = env::current_exe()?;
    let beside = exe.ancestors().skip(1).find(|dir| dir.join("kustomize-controller").is_file());
    beside
        .map(Path::to_path_buf)
        .context("the controllers' binaries are not beside this one; set SLUICE_BIN_DIR")
}
