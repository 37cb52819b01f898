//! Dependencies that a chart names and does not bring along.

use artifact::Tree;
use futures::future::BoxFuture;
use helm_template::{Chart, Dependency, Limits};
use semver_range::{Constraint, Version};

use crate::helm::local;
use crate::helm::place::Place;

/// Dependencies of one chart at most.
const MOST: usize = 100;

/// Finds the place that a repository's URL means, and knows what charts may cost.
pub(crate) struct Places {
    pub(crate) find: Box<dyn Fn(String) -> BoxFuture<'static, Result<Place, String>> + Send + Sync>,
    pub(crate) limits: Limits,
}

/// Adds what is missing; how many were.
pub(super) async fn complete(
    chart: &mut Chart,
    tree: &Tree,
    path: &str,
    places: &Places,
) -> Result<usize, String> {
    let missing = missing(chart);
    if missing.len() > MOST {
        return Err(format!("chart has more than {MOST} dependencies"));
    }
    for dependency in &missing {
        let name = called(dependency).to_owned();
        let mut found = match is_local(dependency) {
            true => local_chart(dependency, tree, path, &places.limits)
                .map_err(|cause| format!("failed to add local dependency '{name}': {cause}"))?,
            false => remote_chart(dependency, places)
                .await
                .map_err(|cause| format!("failed to add remote dependency '{name}': {cause}"))?,
        };
        if !dependency.alias.is_empty() {
            found.metadata_mut().name.clone_from(&dependency.alias);
        }
        chart.add_dependency(found);
    }
    Ok(missing.len())
}

fn missing(chart: &Chart) -> Vec<Dependency> {
    let named = chart.metadata().dependencies.as_deref().unwrap_or_default();
    let named = chart.lock().map_or(named, |lock| lock.dependencies.as_slice());
    let there = chart.dependencies();
    if there.len() == named.len() {
        return Vec::new();
    }
    let lacks = |dependency: &&Dependency| there.iter().all(|one| one.name() != called(dependency));
    named.iter().filter(lacks).cloned().collect()
}

fn called(dependency: &Dependency) -> &str {
    if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias }
}

fn is_local(dependency: &Dependency) -> bool {
    dependency.repository.is_empty() || dependency.repository.starts_with("file://")
}

fn local_chart(dependency: &Dependency, tree: &Tree, path: &str, limits: &Limits) -> Result<Chart, String> {
    let reference = &dependency.repository;
    let below = match reference.strip_prefix("file://") {
        Some(relative) => relative.to_owned(),
        None => format!("charts/{}", dependency.name),
    };
    let place = api::meta::rooted(&format!("{path}/{below}"));
    if tree.kind(&place).is_none() {
        return Err(format!("no chart found at '/{place}' (reference '{reference}')"));
    }
    let range = &dependency.version;
    let constraint = Constraint::parse(range)
        .map_err(|error| format!("invalid version/constraint format '{range}': {error}"))?;
    let chart = local::load(tree, &place, limits).map_err(|(_, cause)| {
        format!("failed to load chart from '/{place}' (reference '{reference}'): {cause}")
    })?;
    let version = Version::parse(chart.version()).map_err(|error| error.to_string())?;
    match constraint.matches(&version) {
        true => Ok(chart),
        false => Err(format!("can't get a valid version for constraint '{range}'")),
    }
}

async fn remote_chart(dependency: &Dependency, places: &Places) -> Result<Chart, String> {
    let (name, range, repository) = (&dependency.name, &dependency.version, &dependency.repository);
    check_url(repository)?;
    let place = (places.find)(repository.clone()).await;
    let place =
        place.map_err(|cause| format!("failed to get chart repository for URL '{repository}': {cause}"))?;
    let found = place.find(name, range).await.map_err(|error| {
        format!("failed to get chart '{name}' version '{range}' from '{repository}': {}", error.text())
    })?;
    let archive = place.download(&found).await;
    let archive =
        archive.map_err(|cause| format!("chart download of version '{}' failed: {cause}", found.version))?;
    Chart::from_archive(&archive, &places.limits)
        .map_err(|error| format!("failed to load downloaded archive of version '{}': {error}", found.version))
}

fn check_url(url: &str) -> Result<(), String> {
    match url {
        url if ["oci://", "http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) => Ok(()),
        url if url.starts_with('@') => Err(format!("aliased repository dependency is not supported: {url}")),
        url => Err(format!("invalid dependency repository URL: {url}")),
    }
}
