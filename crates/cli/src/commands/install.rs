//! `install`: the controllers, onto a cluster.
mod apply;
mod components;
mod manifests;
mod others;
mod rights;

use clap::Args;

pub(crate) use self::{
    apply::{DEFINITIONS, apply_all, subject, wait_for_deployments},
    components::{CONTROLLERS, checked_components},
    manifests::{built, printed},
    others::refuse_others,
    rights::{CLUSTER_ROLE_BINDINGS, take_all_rights_back},
};
use crate::{CommandError, run::Context, say};

/// Install the controllers, or bring them up to date
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Print the manifests
  sluice install --export --registry=registry.example.com/sluice

  # Two controllers only, and no rights but their own for appliers
  sluice install --export --components=source-controller,kustomize-controller --locked-down")]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) manifests: ManifestArgs,
    /// Print the manifests instead of applying them
    #[arg(long)]
    export: bool,
    /// Over an installation that another tool made
    #[arg(long)]
    force: bool,
}

/// What is installed, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct ManifestArgs {
    /// The controllers
    #[arg(long, value_delimiter = ',', value_name = "NAME", default_values_t = CONTROLLERS.map(String::from))]
    pub(crate) components: Vec<String>,
    /// Controllers beside them
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) components_extra: Vec<String>,
    /// Where the images are
    #[arg(long, default_value = "registry.invalid/sluice", value_name = "REGISTRY")]
    pub(crate) registry: String,
    /// Tag of the images
    #[arg(long, default_value = concat!("v", env!("CARGO_PKG_VERSION")), value_name = "TAG")]
    pub(crate) image_tag: String,
    /// Secret to pull the images with
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(crate) image_pull_secret: String,
    /// Objects of all namespaces, or only of the one installed into
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub(crate) watch_all_namespaces: bool,
    /// What controllers log
    #[arg(long, value_parser = ["debug", "info", "error"], default_value = "info")]
    pub(crate) log_level: String,
    /// Deny what other namespaces have no business asking
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub(crate) network_policy: bool,
    /// Domain of the cluster
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    pub(crate) cluster_domain: String,
    /// Taints that the pods tolerate
    #[arg(long, value_delimiter = ',', value_name = "KEY")]
    pub(crate) toleration_keys: Vec<String>,
    /// Appliers have no rights of their own and act as tenants
    #[arg(long)]
    pub(crate) locked_down: bool,
    /// Serve earlier versions of the kinds too
    #[arg(long)]
    pub(crate) legacy_apis: bool,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: InstallArgs) -> Result<(), CommandError> {
    if args.export {
        let manifests = built(&args.manifests, context.namespace())?;
        return say::data(&printed(&manifests));
    }
    let cluster = context.cluster().await?;
    let manifests = built(&args.manifests, &cluster.namespace)?;
    if !args.force {
        refuse_others(&cluster).await?;
    }
    say::generate("generating manifests");
    say::success("manifests build completed");
    say::action(&format!("installing components in {} namespace", cluster.namespace));
    apply_all(&cluster, &manifests.objects).await?;
    if args.manifests.locked_down {
        take_all_rights_back(&cluster).await?;
    }
    say::waiting("verifying installation");
    wait_for_deployments(&cluster, &manifests.components).await?;
    say::success("install finished");
    Ok(())
}
