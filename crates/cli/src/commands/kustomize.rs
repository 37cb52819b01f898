//! `kustomize build`: what the command `kustomize` prints, by our own engine.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use clap::{Args, Subcommand, ValueEnum};
use kustomize::{BuildOptions, ChartRenderer, LoadRestriction, build, build_yaml, has_no_namespace};
use manifest::yaml::to_yaml;
use serde_json::Value;

use crate::{
    CommandError,
    chart_files::Inflation,
    disk::DiskTree,
    say,
    value::{name, namespace, or, text},
};

/// Build kustomizations, as the command kustomize does
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Print what a folder makes
  sluice kustomize build ./clusters/staging

  # One file for each object
  sluice kustomize build ./clusters/staging --output=./built")]
pub(crate) struct KustomizeArgs {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Print the objects of a folder with a kustomization.yaml
    Build(BuildArgs),
}

#[derive(Args, Debug)]
struct BuildArgs {
    /// Folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// File to write to; or a folder that exists, for one file for each object
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Which files a kustomization may read
    #[arg(long, value_enum, default_value = "LoadRestrictionsRootOnly")]
    load_restrictor: Restrictor,
    /// Render helmCharts whose charts lie beside the kustomization
    #[arg(long)]
    enable_helm: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Restrictor {
    /// Those in and below its folder
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    /// Any
    #[value(name = "LoadRestrictionsNone")]
    None,
}

/// Runs it.
pub(crate) fn run(args: KustomizeArgs) -> Result<(), CommandError> {
    let Noun::Build(args) = args.noun;
    let tree = DiskTree::whole(&args.path)?;
    let load_restriction = match args.load_restrictor {
        Restrictor::RootOnly => LoadRestriction::RootOnly,
        Restrictor::None => LoadRestriction::None,
    };
    let charts = args.enable_helm.then_some(&Inflation as &dyn ChartRenderer);
    let options = BuildOptions { load_restriction, charts, legacy_order: true, ..BuildOptions::default() };
    let failed = |error| CommandError::failed(format!("kustomize build failed: {error}"));
    let printed = || build_yaml(&tree, &tree.folder, &options).map_err(failed);
    match &args.output {
        None => say::data(&printed()?),
        Some(dir) if dir.is_dir() => {
            let objects = build(&tree, &tree.folder, &options).map_err(failed)?.into_values();
            files(&objects)?.into_iter().try_for_each(|(file, text)| written(&dir.join(file), &text))
        }
        Some(file) => written(file, &printed()?),
    }
}

fn written(file: &PathBuf, text: &str) -> Result<(), CommandError> {
    fs::write(file, text).map_err(|error| CommandError::failed(format!("{}: {error}", file.display())))
}

/// Names and contents of one file for each object. The namespace, `default` where none is named, stands before the others
/// where there are several; kinds without namespaces have none.
///
/// # Errors
/// When two objects would be one file.
fn files(objects: &[Value]) -> Result<BTreeMap<String, String>, CommandError> {
    let place = |object: &Value| {
        let version = text(object, &["apiVersion"]);
        let is_placed = !has_no_namespace(version, text(object, &["kind"]));
        is_placed.then(|| or(namespace(object), "default").to_owned())
    };
    let places: BTreeSet<String> = objects.iter().filter_map(place).collect();
    let mut found = BTreeMap::new();
    for object in objects {
        let version = text(object, &["apiVersion"]).replace('/', "_");
        let place = place(object).filter(|_| places.len() > 1).map_or(String::new(), |place| place + "_");
        let file = format!("{place}{version}_{}_{}.yaml", text(object, &["kind"]), name(object));
        // An object's name cannot hold a slash, but one that no API server has seen may.
        let file = file.to_lowercase().replace('/', "_");
        if found.insert(file.clone(), to_yaml(object)).is_some() {
            return Err(CommandError::failed(format!("two objects would be written to {file}")));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::files;

    #[test]
    fn files_are_named_as_kustomize_names_them() {
        let object = |version: &str, kind: &str, place: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "A", "namespace": place } });
        let names = |objects: &[_]| -> Vec<String> { files(objects).unwrap().into_keys().collect() };
        let one = [object("v1", "Service", "x"), object("apps/v1", "Deployment", "x")];
        assert_eq!(names(&one), ["apps_v1_deployment_a.yaml", "v1_service_a.yaml"]);
        let two = [object("v1", "Service", "x"), object("v1", "Service", "y")];
        assert_eq!(names(&two), ["x_v1_service_a.yaml", "y_v1_service_a.yaml"]);
        let role = object("rbac.authorization.k8s.io/v1", "ClusterRole", "");
        assert_eq!(
            names(&[object("v1", "Service", "x"), object("v1", "Service", ""), role]),
            [
                "default_v1_service_a.yaml",
                "rbac.authorization.k8s.io_v1_clusterrole_a.yaml",
                "x_v1_service_a.yaml"
            ]
        );
        assert!(files(&[object("v1", "Service", ""), object("v1", "Service", "")]).is_err());
        let outside = json!({ "apiVersion": "v1", "kind": "X", "metadata": { "name": "../../etc/x" } });
        assert_eq!(names(&[outside]), ["v1_x_.._.._etc_x.yaml"]);
    }
}
