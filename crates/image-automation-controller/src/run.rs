use std::sync::{Arc, OnceLock};

use git::{Git, GitOptions, SshOptions};
use net::AddressRule;
use oci::{Oci, OciLimits};
use runtime::{Context, Controller, FeatureGates, Handle, RunError};

use crate::args::{Args, GATES};
use crate::automation::{ImageUpdateAutomations, watch_repositories};
use crate::policy::ImagePolicies;
use crate::repository::{ImageRepositories, Registries, TagStore};
use crate::secrets;

const CONTROLLER: Controller = Controller {
    name: "image-automation-controller",
    status_manager: "image-automation-controller",
    concurrent: 4,
};

/// Why image-automation-controller does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder of the scanned tags.
    #[error("flag --storage-path: {0}")]
    Storage(String),
    /// The folder for what is being fetched.
    #[error("cannot create the folder for fetched packs")]
    Temporary(#[source] std::io::Error),
}

/// Runs image-automation-controller until it is told to end.
///
/// # Errors
/// See [`RunError`]; the process is to end with code 1 then.
pub fn run(args: Args) -> Result<(), RunError> {
    // A replica whose flags are wrong must not become Ready, or wait for the Lease: it would take the place of a good one.
    let gates = FeatureGates::parse(&GATES, &args.common.feature_gates)?;
    let ssh = SshOptions::parse(&args.ssh_kex_algos, &args.ssh_hostkey_algos)
        .map_err(|error| RunError::Flag { flag: error.flag(), cause: error.to_string() })?;
    let common = args.common.clone();
    runtime::run(CONTROLLER, common, |context| async move { set_up(&context, &args, &gates, ssh) })
}

/// Each kind wakes the next one, so that the last one is registered first.
fn set_up(context: &Context, args: &Args, gates: &FeatureGates, ssh: SshOptions) -> Result<(), StartError> {
    for flag in args.without_effect() {
        tracing::info!(flag, "this flag has no effect");
    }
    let tags = TagStore::open(&args.storage_path, args.storage_max_size)
        .map_err(|error| StartError::Storage(error.to_string()))?;
    let limits = OciLimits { tags: args.max_tags, ..OciLimits::default() };
    let oci = Oci::new(AddressRule::NoLinkLocal, limits, "sluice");
    let registries = Registries { client: context.client.clone(), oci };
    let git = Git::new(git_options(ssh)?);
    let (automations, policies) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let automation = context.register(|_| ImageUpdateAutomations::new(context, git, gates));
    watch_repositories(context, automation.clone());
    keep(&automations, automation);
    let policy = context.register(|_| ImagePolicies {
        client: context.client.clone(),
        registries: registries.clone(),
        tags: tags.clone(),
        automations,
        no_cross_namespace: context.args.no_cross_namespace_refs.0,
        requeue_dependency: context.args.requeue_dependency,
    });
    keep(&policies, policy);
    let max_tags = args.max_tags;
    let repository = context.register(|_| ImageRepositories { registries, tags, policies, max_tags });
    secrets::watch(context, repository);
    Ok(())
}

/// A handle is kept once.
fn keep<K>(slot: &OnceLock<Handle<K>>, handle: Handle<K>) {
    let _ = slot.set(handle);
}

/// Packs lie in a folder of this process; in a container the process id is the same after a restart, so that what a
/// crash left behind goes.
fn git_options(ssh: SshOptions) -> Result<GitOptions, StartError> {
    let name = format!("image-automation-controller-git-{}", std::process::id());
    let temporary = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&temporary);
    std::fs::create_dir_all(&temporary).map_err(StartError::Temporary)?;
    Ok(GitOptions { addresses: AddressRule::NoLinkLocal, ssh, ..GitOptions::new(temporary) })
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::args::Args;
    use clap::Parser;
    use runtime::RunError;

    #[test]
    fn a_wrong_flag_ends_the_process_before_it_looks_for_a_cluster_or_a_lease() {
        for wrong in ["--feature-gates=X=true", "--ssh-kex-algos=x", "--ssh-hostkey-algos=x"] {
            let ended = run(Args::parse_from(["image-automation-controller", wrong]));
            let Err(RunError::Flag { flag, .. }) = ended else { panic!("{wrong}: {ended:?}") };
            assert!(flag.contains(wrong.split('=').next().unwrap()), "{wrong}: {flag}");
        }
    }
}
