//! Flags of helm-controller, as Flux names them, and a few of our own.

use applier::ApplierArgs;
use clap::{Args, Parser};
use runtime::args::Gate;
use runtime::{CommonArgs, FeatureGates};

use crate::spec::Defaults;

/// Installs, upgrades and heals HelmReleases.
#[derive(Parser, Clone, Debug)]
#[command(name = "helm-controller", version, args_override_self = true)]
pub struct Command {
    /// Flags of all controllers.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Flags of this one.
    #[command(flatten)]
    pub own: OwnArgs,
}

/// Flags of helm-controller.
#[derive(Args, Clone, Debug)]
pub struct OwnArgs {
    /// Flags of controllers that apply.
    #[command(flatten)]
    pub applier: ApplierArgs,
    /// How long a download may take.
    #[arg(long, default_value = "30s", value_parser = runtime::args::duration)]
    pub http_timeout: std::time::Duration,
    /// Folder of charts; emptied at start. Default: one for this process in the folder of temporary files.
    #[arg(long, env = "CHART_CACHE")]
    pub chart_cache: Option<std::path::PathBuf>,
    /// Flags for what comes later, and of what does not arise here.
    #[command(flatten)]
    pub later: LaterArgs,
}

/// Flags of Flux that act on Go's memory, and on what does not arise here. They are taken, and told in the log where they
/// would have changed something.
#[derive(Args, Clone, Debug)]
pub struct LaterArgs {
    /// How long actions under way may take at the end of the process. They are resumed by the next one instead.
    #[arg(long, default_value = "600s", value_parser = runtime::args::duration)]
    pub graceful_shutdown_timeout: std::time::Duration,
    /// Algorithm of digests in `status.history`; sha256 alone.
    #[arg(long, default_value = "sha256")]
    pub snapshot_digest_algo: String,
    /// Percent of memory at which Flux ends itself.
    #[arg(long, default_value_t = 95)]
    pub oom_watch_memory_threshold: u8,
    /// How often Flux looks at its memory.
    #[arg(long, default_value = "500ms", value_parser = runtime::args::duration)]
    pub oom_watch_interval: std::time::Duration,
    /// Where the limit of memory stands.
    #[arg(long, default_value = "")]
    pub oom_watch_max_memory_path: String,
    /// Where the memory in use stands.
    #[arg(long, default_value = "")]
    pub oom_watch_current_memory_path: String,
}

impl LaterArgs {
    /// The flag that was given and acts on nothing.
    pub(crate) fn given(&self) -> Option<&'static str> {
        (self.snapshot_digest_algo != "sha256").then_some("--snapshot-digest-algo")
    }
}

/// Feature gates, with Flux's defaults.
pub(crate) const GATES: [Gate; 15] = [
    Gate { name: "DetectDrift", default: false },
    Gate { name: "CorrectDrift", default: false },
    Gate { name: "AllowDNSLookups", default: false },
    Gate { name: "OOMWatch", default: false },
    Gate { name: "AdoptLegacyReleases", default: true },
    Gate { name: "DisableChartDigestTracking", default: false },
    Gate { name: "AdditiveCELDependencyCheck", default: false },
    Gate { name: "ExternalArtifact", default: false },
    Gate { name: "DisableConfigWatchers", default: false },
    Gate { name: "DirectSourceFetch", default: false },
    Gate { name: "UseHelm3Defaults", default: false },
    Gate { name: "CancelHealthCheckOnNewRevision", default: false },
    Gate { name: "DefaultToRetryOnFailure", default: false },
    Gate { name: "CacheSecretsAndConfigMaps", default: false },
    Gate { name: "ObjectLevelWorkloadIdentity", default: false },
];

/// What the flags come to for the steps.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Those of all controllers that apply.
    pub shared: applier::Options,
    /// Digests of OCI artifacts become part of chart versions.
    pub track_digests: bool,
    /// What the same spec means.
    pub defaults: Defaults,
}

impl Options {
    /// Of the flags.
    pub(crate) fn new(command: &Command, gates: &FeatureGates) -> Self {
        let Command { common, own } = command;
        Self {
            shared: applier::Options::new(common, &own.applier, gates),
            track_digests: !gates.enabled("DisableChartDigestTracking"),
            defaults: Defaults {
                helm3: gates.enabled("UseHelm3Defaults"),
                retry_on_failure: gates.enabled("DefaultToRetryOnFailure"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Command, clap::Error> {
        Command::try_parse_from(std::iter::once(&"helm-controller").chain(args))
    }

    #[test]
    fn the_defaults_are_those_of_flux() {
        let command = parse(&[]).unwrap();
        let options = Options::new(&command, &FeatureGates::parse(&GATES, "").unwrap());
        assert!(options.track_digests && !options.defaults.helm3);
        assert!(command.own.later.given().is_none());
    }

    #[test]
    fn the_gates_of_flux_are_taken() {
        let gates = FeatureGates::parse(&GATES, "ObjectLevelWorkloadIdentity=true,AdoptLegacyReleases=false");
        assert!(gates.unwrap().enabled("ObjectLevelWorkloadIdentity"));
    }

    #[test]
    fn gates_change_what_a_spec_means() {
        let command = parse(&["--override-manager=x", "--concurrent=4"]).unwrap();
        let gates =
            FeatureGates::parse(&GATES, "UseHelm3Defaults=true,DefaultToRetryOnFailure=true").unwrap();
        let options = Options::new(&command, &gates);
        assert!(options.defaults.helm3 && options.defaults.retry_on_failure);
    }
}
