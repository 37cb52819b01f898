use std::sync::Arc;

use artifact::{LocalStore, Retention, Server};
use git::{Git, GitOptions, SshOptions};
use net::AddressRule;
use runtime::{Context, Controller, FeatureGates, RunError};

use crate::args::{Args, GATES, StorageArgs};
use crate::reconciler::GitRepositories;
use crate::secrets;

const CONTROLLER: Controller =
    Controller { name: "source-controller", status_manager: "source-controller", concurrent: 2 };

/// Why source-controller does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A feature gate that does not exist.
    #[error("flag --feature-gates: {0}")]
    Gates(#[from] runtime::args::GateError),
    /// An algorithm for SSH that does not exist here.
    #[error("flags --ssh-kex-algos, --ssh-hostkey-algos: {0}")]
    Ssh(#[from] git::SshOptionsError),
    /// An address that cannot be used.
    #[error("flag --storage-addr: {0}")]
    Address(String),
    /// The folder of the artifacts.
    #[error("cannot open the storage")]
    Storage(#[from] artifact::StoreError),
    /// The folder for what is being fetched.
    #[error("cannot create the folder for fetched packs")]
    Temporary(#[source] std::io::Error),
    /// The port of the file server.
    #[error("cannot listen on {address} for artifacts")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

/// Runs source-controller until it is told to end.
///
/// # Errors
/// See [`RunError`]; the process is to end with code 1 then.
pub fn run(args: Args) -> Result<(), RunError> {
    let common = args.common.clone();
    runtime::run(CONTROLLER, common, |context| async move { set_up(&context, &args).await })
}

async fn set_up(context: &Context, args: &Args) -> Result<(), StartError> {
    FeatureGates::parse(&GATES, &args.common.feature_gates)?;
    for flag in args.without_effect() {
        tracing::info!(flag, "this flag has no effect: what it configures is not built yet");
    }
    let retention = Retention {
        ttl: args.storage.artifact_retention_ttl,
        records: args.storage.artifact_retention_records,
    };
    let store = LocalStore::open(&args.storage.storage_path, &advertised(&args.storage), retention)?;
    let server = listen(&args.storage, store.root()).await?;
    let shutdown = context.shutdown.clone();
    context.spawn(async move { server.run(shutdown.cancelled_owned()).await });
    let git = Git::new(git_options(args)?);
    let algorithm = args.storage.artifact_digest_algo;
    let store: Arc<dyn artifact::Store> = Arc::new(store);
    let client = context.client.clone();
    let metrics = context.metrics.clone();
    let handle = context.register(|_| GitRepositories { client, git, store, algorithm, metrics });
    secrets::watch(context, handle);
    Ok(())
}

/// Packs lie in a folder of this process; in a container the process id is the same after a restart, so that what a
/// crash left behind goes.
fn git_options(args: &Args) -> Result<GitOptions, StartError> {
    let temporary = std::env::temp_dir().join(format!("source-controller-git-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&temporary);
    std::fs::create_dir_all(&temporary).map_err(StartError::Temporary)?;
    let ssh = SshOptions::parse(&args.ssh.ssh_kex_algos, &args.ssh.ssh_hostkey_algos)?;
    Ok(GitOptions { addresses: AddressRule::NoLinkLocal, ssh, ..GitOptions::new(temporary) })
}

async fn listen(args: &StorageArgs, root: &std::path::Path) -> Result<Server, StartError> {
    let address = runtime::args::address(&args.storage_addr).map_err(StartError::Address)?;
    let address = address.ok_or_else(|| StartError::Address("an address is needed".into()))?.to_string();
    let bound = Server::bind(&address, root).await;
    bound.map_err(|cause| StartError::Listen { address, cause })
}

/// The host of the artifacts' URLs.
fn advertised(args: &StorageArgs) -> String {
    if !args.storage_adv_addr.is_empty() {
        return args.storage_adv_addr.clone();
    }
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "localhost".to_owned());
    match args.storage_addr.rsplit_once(':') {
        Some((_, port)) => format!("{host}:{port}"),
        None => host,
    }
}
