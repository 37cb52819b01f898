//! Flags of controllers that apply, as Flux names them, and a few of our own.

use std::time::Duration;

use clap::builder::ArgAction::Set;
use clap::{Args, ValueEnum};
use runtime::args::duration;
use runtime::{CommonArgs, FeatureGates, GoBool};

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

/// What the flags and gates of both controllers come to for their steps.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Refuse sources in other namespaces.
    pub no_cross_namespace_refs: bool,
    /// Fallback of a wait for something that is not ready.
    pub requeue_dependency: Duration,
    /// ServiceAccount of objects that name none.
    pub default_service_account: Option<String>,
    /// ExternalArtifacts may be sources.
    pub external_artifacts: bool,
    /// `readyExpr` is checked beside the built-in rules, not instead of them.
    pub additive_ready_expr: bool,
    /// Downloads tried before a failure is told.
    pub http_retry: u32,
}

impl Options {
    /// Of the flags.
    #[must_use]
    pub fn new(common: &CommonArgs, applier: &ApplierArgs, gates: &FeatureGates) -> Self {
        let account = common.default_service_account.clone();
        Self {
            no_cross_namespace_refs: common.no_cross_namespace_refs.0,
            requeue_dependency: common.requeue_dependency,
            default_service_account: Some(account).filter(|name| !name.is_empty()),
            external_artifacts: gates.enabled("ExternalArtifact"),
            additive_ready_expr: gates.enabled("AdditiveCELDependencyCheck"),
            http_retry: applier.http_retry,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        common: CommonArgs,
        #[command(flatten)]
        args: ApplierArgs,
    }

    fn command(args: &[&str]) -> Command {
        Command::parse_from(std::iter::once(&"applier").chain(args))
    }

    fn parse(args: &[&str]) -> ApplierArgs {
        command(args).args
    }

    fn options(args: &[&str]) -> Options {
        let command = command(args);
        Options::new(&command.common, &command.args, &FeatureGates::default())
    }

    #[test]
    fn the_defaults_are_those_of_flux() {
        let options = options(&[]);
        assert_eq!((options.http_retry, options.default_service_account), (9, None));
        assert!(!options.no_cross_namespace_refs && !options.external_artifacts);
    }

    #[test]
    fn an_account_for_those_that_name_none_is_a_flag() {
        let options = options(&["--default-service-account=tenant", "--no-cross-namespace-refs=true"]);
        assert_eq!(options.default_service_account.as_deref(), Some("tenant"));
        assert!(options.no_cross_namespace_refs);
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
