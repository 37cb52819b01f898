use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kube::Config;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::args::{self, CommonArgs, GateError};
use crate::client::Clients;
use crate::context::Context;
use crate::debug::Debug;
use crate::fence::Fence;
use crate::http::{self, ListenError};
use crate::lease::{self, Candidate, LeaseError, Times};
use crate::logs;
use crate::metrics::Metrics;
use crate::recorder::Recorder;

/// What distinguishes one controller from another.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    /// The name: of the Lease, in events and logs.
    pub name: &'static str,
    /// The field manager of finalizers and status, as Flux's controller has it.
    pub status_manager: &'static str,
    /// The default of `--concurrent`.
    pub concurrent: usize,
}

/// Why a controller ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A flag has a value that cannot be used.
    #[error("flag {flag}: {cause}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// Neither a kubeconfig nor a ServiceAccount.
    #[error("no cluster is configured")]
    Config(#[source] Box<kube::config::InferConfigError>),
    /// The client cannot be made, or the API server does not answer.
    #[error("cannot reach the API server")]
    Client(#[source] Box<kube::Error>),
    /// A port is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Signals cannot be listened to.
    #[error("cannot listen to signals")]
    Signal(#[source] std::io::Error),
    /// The runtime cannot be started.
    #[error("cannot start threads")]
    Threads(#[source] std::io::Error),
    /// Another replica leads: this process must not go on.
    #[error("{0}")]
    Lease(String),
    /// The controller's own set-up failed.
    #[error("cannot set up {controller}")]
    Setup {
        /// Which.
        controller: &'static str,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<GateError> for RunError {
    fn from(error: GateError) -> Self {
        Self::Flag { flag: "--feature-gates", cause: error.to_string() }
    }
}

impl From<LeaseError> for RunError {
    fn from(error: LeaseError) -> Self {
        Self::Lease(error.to_string())
    }
}

/// How long tasks may go on after the end of the process was asked for.
const GRACE: Duration = Duration::from_secs(25);
/// How long the last events may take: their receiver may be ending too.
const LAST_EVENTS: Duration = Duration::from_secs(3);

/// Runs a controller until SIGTERM or SIGINT, or until it must not go on. `setup` is called once this replica leads;
/// it registers reconcilers and starts what else the controller does.
///
/// # Errors
/// See [`RunError`]; the process is to end with code 1 then.
pub fn run<F, E>(
    controller: Controller,
    args: CommonArgs,
    setup: impl FnOnce(Context) -> F,
) -> Result<(), RunError>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    start(controller, args, async |_, _| Ok(()), |context, ()| setup(context))
}

/// The same for a controller of which every replica serves. `serve` is called before the Lease is asked for: no Lease fences
/// what its context writes, and its events go to Kubernetes alone. What it makes is given to `setup` of the replica that leads.
///
/// # Errors
/// See [`RunError`]; the process is to end with code 1 then.
pub fn run_serving<S, B, F, E>(
    controller: Controller,
    args: CommonArgs,
    serve: impl FnOnce(Context) -> B,
    setup: impl FnOnce(Context, S) -> F,
) -> Result<(), RunError>
where
    B: Future<Output = Result<S, E>>,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let serve = async move |process: &Process, ending: &mut Ending| {
        let context = process.context(Fence::open(), "", ending)?;
        serve(context).await.map_err(|cause: E| process.not_set_up(cause))
    };
    start(controller, args, serve, setup)
}

fn start<S, F, E>(
    controller: Controller,
    args: CommonArgs,
    serve: impl AsyncFnOnce(&Process, &mut Ending) -> Result<S, RunError>,
    setup: impl FnOnce(Context, S) -> F,
) -> Result<(), RunError>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    crate::memory::keep_little();
    logs::init(args.log_level, args.log_encoding, controller.name);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.clamp(1, 4))
        // Builds and git: few at once, so that Lease and watches never starve.
        .max_blocking_threads(threads.max(2) * 4)
        .thread_stack_size(2 << 20)
        .thread_keep_alive(Duration::from_secs(5))
        .enable_all()
        .build()
        .map_err(RunError::Threads)?;
    let result = runtime.block_on(supervise(controller, args, serve, setup));
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

async fn supervise<S, F, E>(
    controller: Controller,
    args: CommonArgs,
    serve: impl AsyncFnOnce(&Process, &mut Ending) -> Result<S, RunError>,
    setup: impl FnOnce(Context, S) -> F,
) -> Result<(), RunError>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let shutdown = signals()?;
    let lease = lease::name(controller.name, args.selector().as_deref());
    let (metrics, debug) = (Arc::new(Metrics::new(&lease)), Debug::default());
    listen(&args, &metrics, &debug, &shutdown).await?;
    let namespace = watched_namespace(&args)?;
    let (config, clients) = connect(&args, &metrics).await?;
    let fence = if args.enable_leader_election.0 { Fence::closed() } else { Fence::open() };
    let mut candidate = candidate(&clients, &lease, &args, &fence, &config)?;
    let process =
        Process { controller, args: Arc::new(args), metrics, debug, namespace, config, clients, shutdown };
    let mut ending = Ending::default();
    let served = serve(&process, &mut ending).await?;
    if let Some(candidate) = &mut candidate {
        candidate.win(&process.shutdown).await;
        if process.shutdown.is_cancelled() {
            candidate.release().await;
            ending.wait().await;
            return Ok(());
        }
    }
    process.metrics.leading(&lease, true);
    tokio::spawn(crate::memory::give_back(process.shutdown.clone()));
    let context = process.context(fence, &process.args.events_addr, &mut ending)?;
    setup(context, served).await.map_err(|cause| process.not_set_up(cause))?;
    tracing::info!("started");
    let result = lead(candidate.as_mut(), &process.shutdown).await;
    finish(result, candidate, ending).await
}

/// What a process has from its start.
struct Process {
    controller: Controller,
    args: Arc<CommonArgs>,
    metrics: Arc<Metrics>,
    debug: Debug,
    namespace: Option<String>,
    config: Config,
    clients: Clients,
    shutdown: CancellationToken,
}

impl Process {
    fn not_set_up(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RunError {
        RunError::Setup { controller: self.controller.name, cause: cause.into() }
    }

    /// For work behind a fence; its end is a part of the process's.
    fn context(&self, fence: Fence, events_addr: &str, ending: &mut Ending) -> Result<Context, RunError> {
        let client = self.clients.fenced(fence.clone()).map_err(unreachable)?;
        let recorder = Recorder::start(client.clone(), self.controller.name, events_addr);
        ending.events.push(recorder.clone());
        Ok(Context {
            client,
            config: self.config.clone(),
            args: self.args.clone(),
            metrics: self.metrics.clone(),
            fence,
            recorder,
            shutdown: self.shutdown.clone(),
            namespace: self.namespace.clone(),
            controller: self.controller,
            debug: self.debug.clone(),
            tasks: ending.tasks.clone(),
        })
    }
}

/// What the end of the process waits for.
#[derive(Default)]
struct Ending {
    tasks: TaskTracker,
    events: Vec<Recorder>,
}

impl Ending {
    async fn wait(self) {
        self.tasks.close();
        let _ = tokio::time::timeout(GRACE, self.tasks.wait()).await;
        futures::future::join_all(self.events.iter().map(|events| events.flush(LAST_EVENTS))).await;
    }
}

fn unreachable(error: kube::Error) -> RunError {
    RunError::Client(Box::new(error))
}

async fn connect(args: &CommonArgs, metrics: &Arc<Metrics>) -> Result<(Config, Clients), RunError> {
    let mut config = Config::infer().await.map_err(|error| RunError::Config(Box::new(error)))?;
    config.connect_timeout = Some(Duration::from_secs(10));
    let clients = Clients::new(config.clone(), args, metrics.clone()).await.map_err(unreachable)?;
    Ok((config, clients))
}

async fn lead(candidate: Option<&mut Candidate>, shutdown: &CancellationToken) -> Result<(), RunError> {
    match candidate {
        Some(candidate) => Ok(candidate.hold(shutdown.clone()).await?),
        None => {
            shutdown.cancelled().await;
            Ok(())
        }
    }
}

/// A lost Lease ends the process at once; a signal lets runs come to their end, sends what they said and gives the Lease
/// back. Until then it is renewed, so that the last runs can write.
async fn finish(
    result: Result<(), RunError>,
    candidate: Option<Candidate>,
    ending: Ending,
) -> Result<(), RunError> {
    result?;
    let Some(mut candidate) = candidate else {
        ending.wait().await;
        tracing::info!("ended");
        return Ok(());
    };
    let held = tokio::select! {
        () = ending.wait() => Ok(()),
        held = candidate.hold(CancellationToken::new()) => held,
    };
    candidate.release().await;
    tracing::info!("ended");
    Ok(held?)
}

async fn listen(
    args: &CommonArgs,
    metrics: &Arc<Metrics>,
    debug: &Debug,
    shutdown: &CancellationToken,
) -> Result<(), RunError> {
    let address = |flag, text: &str| args::address(text).map_err(|cause| RunError::Flag { flag, cause });
    let metrics_addr = address("--metrics-addr", &args.metrics_addr)?;
    let health_addr = address("--health-addr", &args.health_addr)?;
    http::serve(metrics_addr, "metrics", http::metrics(metrics.clone()), shutdown.clone()).await?;
    http::serve(health_addr, "health", http::health(debug.clone()), shutdown.clone()).await?;
    Ok(())
}

fn watched_namespace(args: &CommonArgs) -> Result<Option<String>, RunError> {
    if args.watch_all_namespaces.0 {
        return Ok(None);
    }
    let cause = || "needs the environment variable RUNTIME_NAMESPACE".to_owned();
    let namespace = CommonArgs::runtime_namespace();
    namespace.map(Some).ok_or_else(|| RunError::Flag { flag: "--watch-all-namespaces=false", cause: cause() })
}

fn candidate(
    clients: &Clients,
    lease: &str,
    args: &CommonArgs,
    fence: &Fence,
    config: &Config,
) -> Result<Option<Candidate>, RunError> {
    if !args.enable_leader_election.0 {
        return Ok(None);
    }
    let client = clients.of_lease().map_err(unreachable)?;
    let namespace = CommonArgs::runtime_namespace().unwrap_or_else(|| config.default_namespace.clone());
    let times = Times::of(args).map_err(|(flag, cause)| RunError::Flag { flag, cause })?;
    let mut candidate = Candidate::new(client, &namespace, lease.to_owned(), times, fence.clone());
    candidate.release_on_cancel(args.leader_election_release_on_cancel.0);
    Ok(Some(candidate))
}

/// Fires at SIGTERM and SIGINT; a second one ends the process at once.
fn signals() -> Result<CancellationToken, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signal)?;
    let token = CancellationToken::new();
    let fired = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if fired.is_cancelled() {
                std::process::exit(1);
            }
            fired.cancel();
        }
    });
    Ok(token)
}
