//! Kustomizations built from files of this machine: `build` and `diff`.
mod diff;
mod differences;
pub(crate) mod spec;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use flux_build::build;
use manifest::Object;
use serde_json::Value;

use self::diff::differ;
use crate::{
    CommandError, ErrorKind,
    cluster::Cluster,
    disk::DiskTree,
    kinds::Kind,
    run::Context,
    say,
    sops::Masked,
    typed::document,
    value::{name, namespace},
};

/// Build an object from local files
#[derive(Args, Debug)]
pub(crate) struct BuildArgs {
    #[command(subcommand)]
    noun: Noun,
}

/// Compare local files with the cluster; exit code 1 when they differ
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// A Kustomization
    #[command(visible_alias = "ks")]
    Kustomization(LocalArgs),
}

/// Which Kustomization, and where its files are.
#[derive(Args, Debug)]
struct LocalArgs {
    name: String,
    /// Folder with the manifests, in place of spec.path
    #[arg(long)]
    path: PathBuf,
    /// File with the Kustomization, in place of the one in the cluster
    #[arg(long)]
    kustomization_file: Option<PathBuf>,
    /// Ask no cluster: variables of ConfigMaps and Secrets stay out
    #[arg(long, requires = "kustomization_file")]
    dry_run: bool,
    /// A variable without a value is an error
    #[arg(long)]
    strict_substitute: bool,
    /// Taken for Flux's sake
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    progress_bar: Option<String>,
}

/// Runs `build`.
pub(crate) async fn run_build(context: &Context, args: BuildArgs) -> Result<(), CommandError> {
    let Noun::Kustomization(args) = args.noun;
    let cluster = if args.dry_run { None } else { Some(context.cluster().await?) };
    let (_, objects) = built(context, cluster.as_ref(), &args).await?;
    say::data(&objects.iter().map(document).collect::<String>())
}

/// Runs `diff`.
///
/// # Errors
/// Exit code 1 is for differences; what fails is 2.
pub(crate) async fn run_diff(context: &Context, args: DiffArgs) -> Result<ExitCode, CommandError> {
    let Noun::Kustomization(args) = args.noun;
    let differ = async {
        let cluster = context.cluster().await?;
        let (kustomization, objects) = built(context, Some(&cluster), &args).await?;
        differ(&cluster, &kustomization, objects).await
    };
    match differ.await {
        Ok(false) => Ok(ExitCode::SUCCESS),
        Ok(true) => Ok(ExitCode::from(1)),
        Err(error) if error.kind() == ErrorKind::Failed => Err(CommandError::usage(error.to_string())),
        Err(error) => Err(error),
    }
}

/// The Kustomization and its objects, as the controller would apply them; marks stand for what SOPS has encrypted.
async fn built(
    context: &Context,
    cluster: Option<&Cluster>,
    args: &LocalArgs,
) -> Result<(Value, Vec<Value>), CommandError> {
    let kustomization = kustomization(context, cluster, args).await?;
    let tree = DiskTree::around(&args.path)?;
    let vars = spec::variables(cluster, &kustomization).await?;
    let spec = spec::spec(&kustomization, &tree.folder, vars, args.strict_substitute);
    let built = build(&Masked::new(&tree), &spec).map_err(|error| CommandError::failed(error.to_string()))?;
    let labelled = built.objects.into_iter().map(|object| labelled(object, &kustomization));
    Ok((kustomization.clone(), labelled.collect()))
}

async fn kustomization(
    context: &Context,
    cluster: Option<&Cluster>,
    args: &LocalArgs,
) -> Result<Value, CommandError> {
    if let Some(file) = &args.kustomization_file {
        return spec::from_file(file, &args.name, context.namespace());
    }
    let (Some(cluster), Some(kind)) = (cluster, Kind::named("Kustomization")) else {
        return Err(CommandError::usage("--kustomization-file is required"));
    };
    cluster.need(&kind.resource, &cluster.namespace, &args.name).await
}

/// With the labels of the owner.
fn labelled(mut object: Object, kustomization: &Value) -> Value {
    object.set_label("kustomize.toolkit.fluxcd.io/name", name(kustomization));
    object.set_label("kustomize.toolkit.fluxcd.io/namespace", namespace(kustomization));
    object.into_value()
}
