//! A chart of a Git repository or bucket: a folder, or an archive, in its artifact.

use std::sync::Arc;

use api::meta::rooted;
use artifact::{Kind, Tree};
use helm_template::{Chart, ChartError, Limits};

use crate::helm::build::{Build, Fault, Order, package};
use crate::helm::dependencies::{self, Places};
use crate::helm::values::{merge, overwrite};
use crate::status::StepError;
use crate::steps::put::blocking;

/// Reads, completes and packs the chart at a path.
pub(crate) async fn build(
    tree: Arc<Tree>,
    path: &str,
    order: Order,
    places: &Places,
) -> Result<Build, StepError> {
    if path.starts_with('/') {
        return Err(Fault::Reference.error("local chart reference path is expected to be relative"));
    }
    let (begun, path) = (tree.clone(), rooted(path));
    let place = path.clone();
    let draft = match blocking(move || draft(&begun, &place, &order)).await? {
        Draft::Done(build) => return Ok(build),
        Draft::Open(draft) => *draft,
    };
    let Open { mut chart, mut build, is_folder } = draft;
    if is_folder {
        let added = dependencies::complete(&mut chart, &tree, &path, places).await;
        build.dependencies = added.map_err(|cause| Fault::Dependency.error(cause))?;
    }
    blocking(move || Ok(Build { archive: Some(package(&chart)?), ..build })).await
}

enum Draft {
    /// Stored already, or the publisher's own archive.
    Done(Build),
    Open(Box<Open>),
}

/// A chart that may lack dependencies.
struct Open {
    chart: Chart,
    build: Build,
    is_folder: bool,
}

fn draft(tree: &Tree, path: &str, order: &Order) -> Result<Draft, StepError> {
    let is_folder = tree.kind(path) == Some(Kind::Dir);
    let mut chart = load(tree, path, &order.limits).map_err(|(fault, cause)| fault.error(cause))?;
    let (name, version) = (chart.name().to_owned(), order.version(chart.version())?);
    let packaged = is_folder || order.metadata.is_some() || !order.values_files.is_empty();
    if let Some(cached) = order.cached(&name, &version, packaged) {
        return Ok(Draft::Done(cached));
    }
    let mut build = Build { name, version, packaged, ..Build::default() };
    if !packaged {
        let archive = tree.read(path).map_err(|error| Fault::Pull.error(error))?;
        return Ok(Draft::Done(Build { archive: Some(archive), ..build }));
    }
    if !order.values_files.is_empty() {
        let (values, used) =
            merge(&order.values_files, &|file| values_file(tree, file, order.ignore_missing))
                .map_err(|cause| Fault::ValuesFiles.error(cause))?;
        if overwrite(&mut chart, &values).map_err(|cause| Fault::ValuesFiles.error(cause))? {
            build.values_files = used;
        }
    }
    chart.set_version(&build.version);
    Ok(Draft::Open(Box::new(Open { chart, build, is_folder })))
}

/// Values files are named from the root of the source.
fn values_file(tree: &Tree, file: &str, ignore_missing: bool) -> Result<Option<Vec<u8>>, String> {
    let path = rooted(file);
    match tree.kind(&path) {
        None if ignore_missing => Ok(None),
        Some(Kind::File { .. }) => tree
            .read(&path)
            .map(Some)
            .map_err(|error| format!("could not read values from file '{file}': {error}")),
        _ => Err(format!("no values file found at path '/{path}' (reference '{file}')")),
    }
}

/// The chart at a path: what keeps it from being one is the reference's fault, the rest the chart's.
pub(super) fn load(tree: &Tree, path: &str, limits: &Limits) -> Result<Chart, (Fault, String)> {
    let missing =
        |verb: &str, path: &str| (Fault::Reference, format!("{verb} {path}: no such file or directory"));
    match tree.kind(path) {
        None => Err(missing("stat", path)),
        Some(Kind::File { .. }) => {
            let archive = tree.read(path).map_err(|error| (Fault::Reference, error.to_string()))?;
            Chart::from_archive(&archive, limits).map_err(fault)
        }
        Some(Kind::Dir) => {
            let below = |file: &str| if path.is_empty() { file.to_owned() } else { format!("{path}/{file}") };
            if tree.kind(&below("Chart.yaml")).is_none() {
                return Err(missing("open", &below("Chart.yaml")));
            }
            let files = files(tree, path).map_err(|error| (Fault::Package, error.to_string()))?;
            Chart::from_directory(files, limits).map_err(fault)
        }
    }
}

fn files(tree: &Tree, path: &str) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let below = tree.walk().filter_map(|(file, kind)| {
        let name = file.strip_prefix(&prefix)?;
        matches!(kind, Kind::File { .. }).then_some((name, file))
    });
    below.map(|(name, file)| Ok((name.to_owned(), tree.read(file)?))).collect()
}

fn fault(error: ChartError) -> (Fault, String) {
    let fault = match &error {
        ChartError::Missing | ChartError::Metadata(_) | ChartError::Archive(_) => Fault::Reference,
        ChartError::File { file, .. } if *file == "Chart.yaml" || *file == "requirements.yaml" => {
            Fault::Reference
        }
        _ => Fault::Package,
    };
    (fault, metadata_words(&error))
}

/// Flux reads a chart's metadata before Helm does, in words of its own.
pub(super) fn metadata_words(error: &ChartError) -> String {
    match error {
        ChartError::Missing => "no 'Chart.yaml' found".to_owned(),
        ChartError::File { file: file @ ("Chart.yaml" | "requirements.yaml"), cause } => {
            format!("cannot load '{file}': {cause}")
        }
        error => error.to_string(),
    }
}
