use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use artifact::{LocalStore, Retention, Server, UnpackLimits};
use git::{Git, GitOptions, SshOptions};
use net::AddressRule;
use oci::{Oci, OciLimits};
use runtime::{Context, Controller, FeatureGates, Handle, RunError};

use crate::args::{Args, GATES, StorageArgs};
use crate::bucket::Buckets;
use crate::cross::ChartWaker;
use crate::git_repository::GitRepositories;
use crate::helm::cache::IndexCache;
use crate::helm::http::Http;
use crate::helm_chart::HelmCharts;
use crate::helm_repository::HelmRepositories;
use crate::oci_repository::OciRepositories;
use crate::remote::Remotes;
use crate::repositories::Repositories;
use crate::secrets::{self, Woken};
use crate::source::{Base, Sources, Steps};
use crate::steps::checkout::Asked;
use crate::steps::layer::LayerLimits;
use crate::steps::made::Lately;

const CONTROLLER: Controller =
    Controller { name: "source-controller", status_manager: "source-controller", concurrent: 2 };

/// Why source-controller does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
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
    #[error(transparent)]
    Listen(#[from] runtime::ListenError),
}

/// Runs source-controller until it is told to end.
///
/// # Errors
/// See [`RunError`]; the process is to end with code 1 then.
pub fn run(args: Args) -> Result<(), RunError> {
    // A replica whose flags are wrong must not become Ready, or wait for the Lease: it would take the place of a good one.
    FeatureGates::parse(&GATES, &args.common.feature_gates)?;
    let ssh = SshOptions::parse(&args.ssh.ssh_kex_algos, &args.ssh.ssh_hostkey_algos)
        .map_err(|error| RunError::Flag { flag: error.flag(), cause: error.to_string() })?;
    let common = args.common.clone();
    runtime::run(CONTROLLER, common, |context| async move { set_up(&context, &args, ssh).await })
}

async fn set_up(context: &Context, args: &Args, ssh: SshOptions) -> Result<(), StartError> {
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
    let base = Arc::new(Base {
        client: context.client.clone(),
        store: Arc::new(store),
        algorithm: args.storage.artifact_digest_algo,
        metrics: context.metrics.clone(),
    });
    register(context, args, ssh, &base)
}

fn register(context: &Context, args: &Args, ssh: SshOptions, base: &Arc<Base>) -> Result<(), StartError> {
    let (dir, charts) = (temporary()?, ChartWaker::default());
    let (oci, http) = (Oci::new(ADDRESSES, OciLimits::default(), ""), Http::new(ADDRESSES));
    let (limits, indices) = (args.helm.limits(), IndexCache::new(args.helm.cache()));
    purge(context, args, &indices);
    let git = Git::new(GitOptions { addresses: ADDRESSES, ssh, ..GitOptions::new(&dir) });
    let git = add(
        context,
        base,
        GitRepositories {
            base: base.clone(),
            git,
            asked: Asked::new(),
            lately: Lately::new(),
            charts: charts.clone(),
        },
    );
    let layers = LayerLimits { size: LAYER, unpack: UnpackLimits::default(), dir: dir.clone() };
    let pulling = OciRepositories { base: base.clone(), oci: oci.clone(), limits: layers };
    let pulled = add(context, base, pulling);
    let helm = HelmRepositories {
        base: base.clone(),
        http: http.clone(),
        limits,
        indices: indices.clone(),
        charts: charts.clone(),
    };
    let helm = add(context, base, helm);
    let repositories =
        Arc::new(Repositories { base: base.clone(), store: helm.store.clone(), oci, http, limits, indices });
    let building = HelmCharts { base: base.clone(), repositories, git: git.store.clone(), dir };
    charts.set(add(context, base, building));
    add(context, base, Buckets);
    secrets::watch(context, Woken { git, oci: pulled, helm });
    Ok(())
}

/// Bytes of a layer as it is fetched; what consumers take unpacked.
const LAYER: u64 = 100 << 20;

/// Sources may be in the cluster, but not where clouds keep their metadata.
const ADDRESSES: AddressRule = AddressRule::NoLinkLocal;

fn add<S: Steps>(context: &Context, base: &Arc<Base>, steps: S) -> Handle<S::Kind> {
    let base = base.clone();
    context.register(|_| Sources { base, remotes: Arc::new(Remotes::new()), steps })
}

/// Lets go of indices that nobody used for a while.
fn purge(context: &Context, args: &Args, indices: &IndexCache) {
    let (indices, pause) = (indices.clone(), args.helm.helm_cache_purge_interval);
    context.spawn(async move {
        loop {
            tokio::time::sleep(pause.max(Duration::from_secs(1))).await;
            indices.purge();
        }
    });
}

/// A folder of this process for what is being fetched; in a container the process id is the same after a restart, so
/// that what a crash left behind goes.
fn temporary() -> Result<PathBuf, StartError> {
    let temporary = std::env::temp_dir().join(format!("source-controller-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&temporary);
    std::fs::create_dir_all(&temporary).map_err(StartError::Temporary)?;
    Ok(temporary)
}

async fn listen(args: &StorageArgs, root: &Path) -> Result<Server, StartError> {
    let address = runtime::args::address(&args.storage_addr).map_err(StartError::Address)?;
    let address = address.ok_or_else(|| StartError::Address("an address is needed".into()))?;
    Ok(Server::new(runtime::listen(address, "artifacts").await?, root))
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

#[cfg(test)]
mod tests {
    use super::{listen, run};
    use crate::args::Args;
    use clap::Parser;
    use runtime::RunError;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::path::Path;
    use tokio::net::TcpListener;

    async fn takes(address: &str) -> std::net::SocketAddr {
        let args = Args::parse_from(["source-controller", &format!("--storage-addr={address}")]);
        listen(&args.storage, Path::new("/")).await.unwrap().address().unwrap()
    }

    #[test]
    fn a_wrong_flag_ends_the_process_before_it_looks_for_a_cluster_or_a_lease() {
        for wrong in ["--feature-gates=X=true", "--ssh-kex-algos=x", "--ssh-hostkey-algos=x"] {
            let ended = run(Args::parse_from(["source-controller", wrong]));
            let Err(RunError::Flag { flag, .. }) = ended else { panic!("{wrong}: {ended:?}") };
            assert!(flag.contains(wrong.split('=').next().unwrap()), "{wrong}: {flag}");
        }
    }

    /// A node without IPv6, and one whose IPv6 port cannot be had: either way `[::]` cannot be bound.
    #[tokio::test]
    async fn artifacts_are_served_over_ipv4_where_ipv6_cannot_be_had() {
        let held = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await;
        let port = held.as_ref().map_or(0, |held| held.local_addr().unwrap().port());
        assert_eq!(takes(&format!(":{port}")).await.ip(), Ipv4Addr::UNSPECIFIED);
    }
}
