use std::time::Duration;

use clap::builder::ArgAction::Set;
use clap::{Args, ValueEnum};

use super::{GoBool, duration};

/// How drift is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DriftDetection {
    /// By watches; needs list and watch on all applied kinds.
    Watch,
    /// By the interval alone.
    Interval,
}

/// Flags of controllers that fetch artifacts and apply what they hold.
#[derive(Args, Clone, Debug)]
pub struct ApplierArgs {
    /// How often a failing download of an artifact is tried before it is told.
    #[arg(long, default_value_t = 9)]
    pub http_retry: u32,
    /// Field manager whose fields count as ours: what it set is undone as drift; may be given several times.
    #[arg(long)]
    pub override_manager: Vec<String>,
    /// Most kinds that are watched for drift at the same time.
    #[arg(long, default_value_t = 256)]
    pub max_watches: usize,
    /// How drift is noticed.
    #[arg(long, value_enum, default_value = "watch")]
    pub drift_detection: DriftDetection,
    /// Flags for other clusters.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

impl ApplierArgs {
    /// Most kinds that are watched for drift; 0 when the interval alone finds it.
    #[must_use]
    pub fn watches(&self) -> usize {
        if self.drift_detection == DriftDetection::Watch { self.max_watches } else { 0 }
    }
}

/// Flags of Flux that act on other clusters. Objects with `spec.kubeConfig` are stalled for now, so that these are taken
/// and told in the log.
#[derive(Args, Clone, Debug)]
pub struct RemoteArgs {
    /// ServiceAccount for kubeConfig where an object names none.
    #[arg(long, default_value = "")]
    pub default_kubeconfig_service_account: String,
    /// Run programs named in kubeconfigs.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        action = Set)]
    pub insecure_kubeconfig_exec: GoBool,
    /// Take kubeconfigs that do not check certificates.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        action = Set)]
    pub insecure_kubeconfig_tls: GoBool,
    /// Tokens kept.
    #[arg(long, default_value_t = 100)]
    pub token_cache_max_size: u32,
    /// How long tokens are kept.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub token_cache_max_duration: Duration,
}

impl RemoteArgs {
    /// Names of flags that were given and act on nothing yet.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--default-kubeconfig-service-account", !self.default_kubeconfig_service_account.is_empty()),
            ("--insecure-kubeconfig-exec", self.insecure_kubeconfig_exec.0),
            ("--insecure-kubeconfig-tls", self.insecure_kubeconfig_tls.0),
        ];
        flags.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::ApplierArgs;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ApplierArgs,
    }

    fn parse(args: &[&str]) -> ApplierArgs {
        Command::parse_from(std::iter::once(&"applier").chain(args)).args
    }

    #[test]
    fn drift_is_watched_unless_the_interval_is_to_find_it() {
        assert_eq!(parse(&[]).watches(), 256);
        assert_eq!(parse(&["--max-watches=7"]).watches(), 7);
        assert_eq!(parse(&["--drift-detection=interval"]).watches(), 0);
    }

    #[test]
    fn flags_for_other_clusters_are_told_when_given() {
        assert!(parse(&[]).remote.given().is_empty());
        let given =
            parse(&["--insecure-kubeconfig-exec", "--default-kubeconfig-service-account=x"]).remote.given();
        assert_eq!(given, ["--default-kubeconfig-service-account", "--insecure-kubeconfig-exec"]);
    }
}
