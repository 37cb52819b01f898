use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use runtime::CommonArgs;
use runtime::args::{Gate, duration};

/// Scans registries, chooses images and commits them to Git.
#[derive(Parser, Clone, Debug)]
#[command(name = "image-automation-controller", version, args_override_self = true)]
pub struct Args {
    /// Flags of all controllers.
    #[command(flatten)]
    pub common: CommonArgs,
    /// The folder of the scanned tags.
    #[arg(long, env = "STORAGE_PATH", default_value = "/data")]
    pub storage_path: PathBuf,
    /// The most bytes that the tags of one image may take in the folder.
    #[arg(long, default_value_t = 32 << 20)]
    pub storage_max_size: u64,
    /// The most tags that one image may have; more are an error of the scan.
    #[arg(long, default_value_t = 250_000)]
    pub max_tags: usize,
    /// Key exchange algorithms, comma-separated, in order of preference. Default: the library's.
    #[arg(long, value_delimiter = ',')]
    pub ssh_kex_algos: Vec<String>,
    /// Host key algorithms, comma-separated, in order of preference. Default: the library's.
    #[arg(long, value_delimiter = ',')]
    pub ssh_hostkey_algos: Vec<String>,
    /// Flags that have no effect here.
    #[command(flatten)]
    pub later: LaterArgs,
}

/// Flags that are taken, so that Flux's manifests start unchanged, and of which the log says that they have no effect.
#[derive(clap::Args, Clone, Debug)]
pub struct LaterArgs {
    /// Without effect: there is no value log.
    #[arg(long)]
    pub storage_value_log_file_size: Option<u64>,
    /// Without effect: there is no value log.
    #[arg(long)]
    pub storage_compression_threshold: Option<u64>,
    /// Without effect: there is no garbage to collect.
    #[arg(long)]
    pub gc_interval: Option<u16>,
    /// Without effect until cloud identities are built.
    #[arg(long)]
    pub token_cache_max_size: Option<u64>,
    /// Without effect until cloud identities are built.
    #[arg(long, value_parser = duration)]
    pub token_cache_max_duration: Option<Duration>,
}

impl Args {
    /// The flags that were given and have no effect.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let later = &self.later;
        let flags = [
            ("--default-service-account", !self.common.default_service_account.is_empty()),
            ("--storage-value-log-file-size", later.storage_value_log_file_size.is_some()),
            ("--storage-compression-threshold", later.storage_compression_threshold.is_some()),
            ("--gc-interval", later.gc_interval.is_some()),
            ("--token-cache-max-size", later.token_cache_max_size.is_some()),
            ("--token-cache-max-duration", later.token_cache_max_duration.is_some()),
        ];
        flags.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

/// A push branch that starts anew is pushed by force.
pub(crate) const FORCE_PUSH: &str = "GitForcePushBranch";
/// A push branch goes on where it stands, instead of starting anew from what is checked out.
pub(crate) const ALL_REFERENCES: &str = "GitAllBranchReferences";

/// The features of `--feature-gates`. Checkouts are always shallow and read lazily, Secrets are never cached, and cloud
/// identities are not built: of these features only the names are known.
pub(crate) const GATES: [Gate; 7] = [
    Gate { name: FORCE_PUSH, default: true },
    Gate { name: ALL_REFERENCES, default: true },
    Gate { name: "GitShallowClone", default: true },
    Gate { name: "GitSparseCheckout", default: false },
    Gate { name: "CacheSecretsAndConfigMaps", default: false },
    Gate { name: "FluxStorage", default: false },
    Gate { name: "ObjectLevelWorkloadIdentity", default: false },
];

#[cfg(test)]
mod tests {
    use super::{ALL_REFERENCES, Args, FORCE_PUSH, GATES};
    use clap::Parser;
    use runtime::FeatureGates;

    #[test]
    fn the_arguments_of_both_flux_controllers_are_taken() {
        let args = Args::try_parse_from([
            "image-automation-controller",
            "--events-addr=http://notification-controller.flux-system.svc.cluster.local./",
            "--watch-all-namespaces=true",
            "--log-level=info",
            "--log-encoding=json",
            "--enable-leader-election",
            "--storage-path=/data",
            "--gc-interval=10",
            "--concurrent=4",
            "--ssh-kex-algos=curve25519-sha256",
            "--feature-gates=GitForcePushBranch=false,FluxStorage=true",
        ]);
        assert_eq!(args.unwrap().without_effect(), ["--gc-interval"]);
    }

    #[test]
    fn features_have_the_defaults_of_flux() {
        let gates = FeatureGates::parse(&GATES, "GitForcePushBranch=false").unwrap();
        assert!(!gates.enabled(FORCE_PUSH) && gates.enabled(ALL_REFERENCES));
    }
}
