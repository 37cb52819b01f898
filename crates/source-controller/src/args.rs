use std::time::Duration;

use artifact::Algorithm;
use clap::Parser;
use runtime::CommonArgs;
use runtime::args::{Gate, duration};

use crate::helm::cache::Bounds;
use crate::helm::http::HelmLimits;

/// Produces artifacts from sources.
#[derive(Parser, Clone, Debug)]
#[command(name = "source-controller", version, args_override_self = true)]
pub struct Args {
    /// Flags of all controllers.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Where artifacts are stored and how they are served.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// Which SSH algorithms are offered.
    #[command(flatten)]
    pub ssh: SshArgs,
    /// What Helm repositories and charts may cost.
    #[command(flatten)]
    pub helm: HelmArgs,
    /// Flags that have no effect until their kinds are built.
    #[command(flatten)]
    pub later: LaterArgs,
}

/// Where artifacts are stored and how they are served.
#[derive(clap::Args, Clone, Debug)]
pub struct StorageArgs {
    /// The folder of the artifacts.
    #[arg(long, env = "STORAGE_PATH", default_value = "/data")]
    pub storage_path: std::path::PathBuf,
    /// The address the file server listens on.
    #[arg(long, env = "STORAGE_ADDRESS", default_value = ":9090")]
    pub storage_addr: String,
    /// The host, or host and port, of the artifacts' URLs. Default: the host's name with the port of --storage-addr.
    #[arg(long, env = "STORAGE_ADV_ADDR", default_value = "")]
    pub storage_adv_addr: String,
    /// How long an artifact that is no longer current is kept.
    #[arg(long, default_value = "1m", value_parser = duration)]
    pub artifact_retention_ttl: Duration,
    /// How many artifacts of a source are kept at most, the current one included.
    #[arg(long, default_value_t = 2)]
    pub artifact_retention_records: usize,
    /// The function of the artifacts' digests: sha1, sha256, sha384 or sha512.
    #[arg(long, default_value = "sha256", value_parser = algorithm)]
    pub artifact_digest_algo: Algorithm,
}

/// Which SSH algorithms are offered.
#[derive(clap::Args, Clone, Debug)]
pub struct SshArgs {
    /// Key exchange algorithms, comma-separated, in order of preference. Default: the library's.
    #[arg(long, value_delimiter = ',')]
    pub ssh_kex_algos: Vec<String>,
    /// Host key algorithms, comma-separated, in order of preference. Default: the library's.
    #[arg(long, value_delimiter = ',')]
    pub ssh_hostkey_algos: Vec<String>,
}

/// What Helm repositories and charts may cost.
#[derive(clap::Args, Clone, Debug)]
pub struct HelmArgs {
    /// Bytes of the index of a Helm repository at most.
    #[arg(long, default_value_t = 50 << 20)]
    pub helm_index_max_size: u64,
    /// Bytes of a chart's archive at most.
    #[arg(long, default_value_t = 10 << 20)]
    pub helm_chart_max_size: u64,
    /// Bytes of one file of a chart at most.
    #[arg(long, default_value_t = 5 << 20)]
    pub helm_chart_file_max_size: u64,
    /// How many indices are held in memory; 0 holds none.
    #[arg(long, default_value_t = 8)]
    pub helm_cache_max_size: usize,
    /// How long an index is held in memory after its last use.
    #[arg(long, default_value = "15m", value_parser = duration)]
    pub helm_cache_ttl: Duration,
    /// How often unused indices are let go of.
    #[arg(long, default_value = "1m", value_parser = duration)]
    pub helm_cache_purge_interval: Duration,
}

/// Bytes of indices in memory at most, whatever their number.
const CACHED: usize = 32 << 20;

impl HelmArgs {
    /// The limits of what repositories send.
    pub(crate) fn limits(&self) -> HelmLimits {
        HelmLimits {
            index: self.helm_index_max_size,
            chart: self.helm_chart_max_size,
            chart_file: self.helm_chart_file_max_size,
        }
    }

    /// How many indices are held in memory.
    pub(crate) fn cache(&self) -> Bounds {
        Bounds { count: self.helm_cache_max_size, weight: CACHED, ttl: self.helm_cache_ttl }
    }
}

/// Flags of kinds that are not built yet. They are taken, so that Flux's manifests start unchanged, and the log says
/// that they have no effect.
#[derive(clap::Args, Clone, Debug)]
pub struct LaterArgs {
    /// Without effect until cloud identities are built.
    #[arg(long)]
    pub token_cache_max_size: Option<u64>,
    /// Without effect until cloud identities are built.
    #[arg(long, value_parser = duration)]
    pub token_cache_max_duration: Option<Duration>,
}

impl Args {
    /// The flags that were given and have no effect yet.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let common = &self.common;
        let shared = [
            ("--default-service-account", !common.default_service_account.is_empty()),
            ("--feature-gates", !common.feature_gates.is_empty()),
            ("--no-cross-namespace-refs", common.no_cross_namespace_refs.0),
            ("--requeue-dependency", common.requeue_dependency != DEPENDENCY),
        ];
        let shared = shared.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
        shared.chain(self.later.given()).collect()
    }
}

/// The default of `--requeue-dependency`.
const DEPENDENCY: Duration = Duration::from_secs(30);

impl LaterArgs {
    fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--token-cache-max-size", self.token_cache_max_size.is_some()),
            ("--token-cache-max-duration", self.token_cache_max_duration.is_some()),
        ];
        flags.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

/// The features of `--feature-gates`. Neither has an effect yet: Secrets are never cached, and cloud identities are
/// not built.
pub(crate) const GATES: [Gate; 2] = [
    Gate { name: "CacheSecretsAndConfigMaps", default: false },
    Gate { name: "ObjectLevelWorkloadIdentity", default: false },
];

fn algorithm(text: &str) -> Result<Algorithm, String> {
    match text {
        "sha1" => Ok(Algorithm::Sha1),
        "sha256" => Ok(Algorithm::Sha256),
        "sha384" => Ok(Algorithm::Sha384),
        "sha512" => Ok(Algorithm::Sha512),
        other => Err(format!("{other:?} is not one of sha1, sha256, sha384 and sha512")),
    }
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::Parser;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once(&"source-controller").chain(args))
    }

    #[test]
    fn the_arguments_of_flux_are_taken() {
        let args = parse(&[
            "--events-addr=http://notification-controller.flux-system.svc.cluster.local./",
            "--watch-all-namespaces=true",
            "--log-level=info",
            "--log-encoding=json",
            "--enable-leader-election",
            "--storage-path=/data",
            "--storage-adv-addr=source-controller.flux-system.svc.cluster.local.",
            "--concurrent=10",
            "--requeue-dependency=5s",
            "--helm-cache-max-size=10",
            "--helm-cache-ttl=60m",
            "--helm-cache-purge-interval=5m",
        ]);
        let args = args.unwrap();
        assert_eq!(args.without_effect(), ["--requeue-dependency"]);
        assert_eq!((args.helm.cache().count, args.helm.limits().index), (10, 50 << 20));
    }

    #[test]
    fn a_digest_function_we_do_not_have_is_refused() {
        assert!(parse(&["--artifact-digest-algo=sha512"]).is_ok());
        assert!(parse(&["--artifact-digest-algo=blake3"]).is_err());
    }
}
