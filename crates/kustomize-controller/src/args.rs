//! Flags of kustomize-controller, as Flux names them, and a few of our own.

use applier::ApplierArgs;
use clap::{Args, Parser};
use runtime::args::Gate;
use runtime::{CommonArgs, FeatureGates, GoBool};

use crate::guard::PruneGuard;

/// Applies Kustomizations: what the source says is what the cluster shows.
#[derive(Parser, Clone, Debug)]
#[command(name = "kustomize-controller", version, args_override_self = true)]
pub struct Command {
    /// Flags of all controllers.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Flags of this one.
    #[command(flatten)]
    pub own: OwnArgs,
}

/// Flags of kustomize-controller.
#[derive(Args, Clone, Debug)]
pub struct OwnArgs {
    /// Flags of controllers that apply.
    #[command(flatten)]
    pub applier: ApplierArgs,
    /// Requests in flight while one Kustomization is applied.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub concurrent_ssa: u16,
    /// Refuse kustomize bases at URLs. They are never fetched by this controller, with or without the flag.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        action = clap::ArgAction::Set)]
    pub no_remote_bases: GoBool,
    /// Kinds applied in a stage of their own before the rest: `group/Kind`, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = group_kind)]
    pub custom_apply_stage_kinds: Vec<(String, String)>,
    /// Hold a prune of more than this share of an inventory in percent (100: only of all), until an annotation allows
    /// it for the revision. Without a value: 100. Not given: nothing is held.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "100",
        value_parser = clap::value_parser!(u8).range(1..=100))]
    pub prune_guard: Option<u8>,
    /// Folder of unpacked artifacts; emptied at start. Default: one for this process in the folder of temporary files.
    #[arg(long, env = "ARTIFACT_CACHE")]
    pub artifact_cache: Option<std::path::PathBuf>,
    /// Bytes of unpacked artifacts kept on disk that no Kustomization uses.
    #[arg(long, default_value_t = 512 << 20)]
    pub artifact_cache_max_size: u64,
    /// Flags for what comes later.
    #[command(flatten)]
    pub later: LaterArgs,
}

/// Flags of Flux that act on decryption. Kustomizations that use it are stalled for now, so that these are taken and told
/// in the log.
#[derive(Args, Clone, Debug)]
pub struct LaterArgs {
    /// ServiceAccount for decryption where a Kustomization names none.
    #[arg(long, default_value = "")]
    pub default_decryption_service_account: String,
    /// Secret with age keys for all Kustomizations.
    #[arg(long, default_value = "")]
    pub sops_age_secret: String,
    /// ConfigMap with Vault instances.
    #[arg(long, default_value = "")]
    pub sops_vault_configmap: String,
}

impl LaterArgs {
    /// Names of flags that were given and act on nothing yet.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        [
            ("--default-decryption-service-account", !self.default_decryption_service_account.is_empty()),
            ("--sops-age-secret", !self.sops_age_secret.is_empty()),
            ("--sops-vault-configmap", !self.sops_vault_configmap.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

fn group_kind(text: &str) -> Result<(String, String), String> {
    match text.trim().rsplit_once('/') {
        Some((group, kind)) if !kind.is_empty() => Ok((group.to_owned(), kind.to_owned())),
        _ => Err(format!("{text:?} is not of the form group/Kind")),
    }
}

/// Feature gates, with Flux's defaults.
pub(crate) const GATES: [Gate; 12] = [
    Gate { name: "StrictPostBuildSubstitutions", default: true },
    Gate { name: "DisableStatusPollerCache", default: true },
    Gate { name: "DisableFailFastBehavior", default: false },
    Gate { name: "GroupChangeLog", default: false },
    Gate { name: "AdditiveCELDependencyCheck", default: false },
    Gate { name: "ExternalArtifact", default: false },
    Gate { name: "CancelHealthCheckOnNewRevision", default: false },
    Gate { name: "DisableConfigWatchers", default: false },
    Gate { name: "DirectSourceFetch", default: false },
    Gate { name: "MigrateAPIVersion", default: false },
    Gate { name: "ObjectLevelWorkloadIdentity", default: false },
    Gate { name: "CacheSecretsAndConfigMaps", default: false },
];

/// What the flags come to for the steps.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Those of all controllers that apply.
    pub shared: applier::Options,
    /// An undefined variable without default is an error.
    pub strict_substitution: bool,
    /// A failed object ends a health check at once.
    pub fail_fast: bool,
    /// What prune is held.
    pub prune_guard: Option<PruneGuard>,
    /// Intervals are spread by up to so many percent to both sides.
    pub interval_jitter_percentage: u8,
}

impl Options {
    /// Of the flags.
    pub(crate) fn new(command: &Command, gates: &FeatureGates) -> Self {
        let Command { common, own } = command;
        Self {
            shared: applier::Options::new(common, &own.applier, gates),
            strict_substitution: gates.enabled("StrictPostBuildSubstitutions"),
            fail_fast: !gates.enabled("DisableFailFastBehavior"),
            prune_guard: own.prune_guard.map(|max_percent| PruneGuard { max_percent }),
            interval_jitter_percentage: common.interval_jitter_percentage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Command, clap::Error> {
        Command::try_parse_from(std::iter::once(&"kustomize-controller").chain(args))
    }

    #[test]
    fn the_defaults_are_those_of_flux_and_nothing_is_held() {
        let command = parse(&[]).unwrap();
        let options = Options::new(&command, &FeatureGates::parse(&GATES, "").unwrap());
        assert!(options.strict_substitution && options.fail_fast);
        assert_eq!(options.prune_guard, None);
        assert!(command.own.later.given().is_empty());
    }

    #[test]
    fn stage_kinds_and_managers_are_lists() {
        let command =
            parse(&["--custom-apply-stage-kinds=g.io/A,/B", "--override-manager=x", "--override-manager=y"])
                .unwrap();
        let kinds = [("g.io".to_owned(), "A".to_owned()), (String::new(), "B".to_owned())];
        assert_eq!(command.own.custom_apply_stage_kinds, kinds);
        assert_eq!(command.own.applier.override_manager, ["x", "y"]);
        assert!(parse(&["--custom-apply-stage-kinds=A"]).is_err());
    }

    #[test]
    fn the_last_of_several_values_counts() {
        assert_eq!(parse(&["--concurrent=8", "--concurrent=4"]).unwrap().common.concurrent, Some(4));
    }

    #[test]
    fn the_prune_guard_has_a_share_or_means_all() {
        assert_eq!(parse(&["--prune-guard"]).unwrap().own.prune_guard, Some(100));
        assert_eq!(parse(&["--prune-guard=50"]).unwrap().own.prune_guard, Some(50));
        assert!(parse(&["--prune-guard=0"]).is_err());
    }
}
