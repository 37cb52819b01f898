//! A chart of a Helm repository.

use std::sync::{Arc, LazyLock};

use api::meta::rooted;
use helm_template::Chart;
use regex::Regex;

use crate::helm::build::{Build, Fault, Order, package};
use crate::helm::local;
use crate::helm::place::{Found, Place, PlaceError};
use crate::helm::values::{merge, overwrite};
use crate::status::StepError;
use crate::steps::put::blocking;

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^([-a-z0-9]+/?\.?)+$").ok());

/// Finds, downloads and, where values files or metadata ask for it, packs a chart anew.
pub(crate) async fn build(
    place: &Place,
    chart: &str,
    wanted: &str,
    order: Order,
) -> Result<Build, StepError> {
    check_name(chart)?;
    let found = place.find(chart, wanted).await.map_err(|error| {
        let text = format!("failed to get chart version for remote reference: {}", error.text());
        match error {
            PlaceError::Reference(_) => Fault::Reference.error(text),
            PlaceError::External(_) => Fault::Pull.error(text),
        }
    })?;
    let version = order.version(&found.version)?;
    let packaged = !order.values_files.is_empty() || order.metadata.is_some();
    if let Some(cached) = order.cached(&found.name, &version, packaged) {
        return Ok(cached);
    }
    let archive = place.download(&found).await.map_err(|cause| {
        Fault::Pull.error(format!("failed to download chart for remote reference: {cause}"))
    })?;
    blocking(move || match packaged {
        true => repack(&archive, &found, version, &order),
        false => as_it_is(&archive, found, version, &order),
    })
    .await
}

fn check_name(chart: &str) -> Result<(), StepError> {
    if chart.is_empty() {
        return Err(Fault::Reference.error("no name set for remote chart reference"));
    }
    if NAME.as_ref().is_some_and(|name| name.is_match(chart)) {
        return Ok(());
    }
    let rule = "a valid name must be lower case letters and numbers and MAY be separated with dashes (-), slashes (/) or periods (.)";
    Err(Fault::Reference.error(format!("invalid chart name '{chart}': {rule}")))
}

fn as_it_is(
    archive: &Arc<Vec<u8>>,
    found: Found,
    version: String,
    order: &Order,
) -> Result<Build, StepError> {
    Chart::from_archive(archive, &order.limits).map_err(|error| {
        let words = local::metadata_words(&error);
        Fault::Pull.error(format!("failed to load chart metadata from written chart: {words}"))
    })?;
    Ok(Build { name: found.name, version, archive: Some(archive.to_vec()), ..Build::default() })
}

fn repack(archive: &[u8], found: &Found, version: String, order: &Order) -> Result<Build, StepError> {
    let mut chart = Chart::from_archive(archive, &order.limits)
        .map_err(|error| Fault::Package.error(format!("failed to load downloaded chart: {error}")))?;
    chart.set_version(&version);
    let read = |file: &str| {
        let name = rooted(file);
        match chart.file(&name) {
            Some(found) => Ok(Some(found.data.to_vec())),
            None if order.ignore_missing => Ok(None),
            None => Err(format!("no values file found at path '{file}'")),
        }
    };
    let (values, used) = merge(&order.values_files, &read)
        .map_err(|cause| Fault::ValuesFiles.error(format!("failed to merge chart values: {cause}")))?;
    let changed = overwrite(&mut chart, &values).map_err(|cause| Fault::ValuesFiles.error(cause))?;
    Ok(Build {
        name: found.name.clone(),
        version,
        values_files: if changed { used } else { Vec::new() },
        packaged: true,
        dependencies: 0,
        archive: Some(package(&chart)?),
    })
}
