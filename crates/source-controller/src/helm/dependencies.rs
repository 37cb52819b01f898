//! Dependencies that a chart names and does not bring along.

use std::sync::Arc;

use artifact::Tree;
use futures::future::BoxFuture;
use helm_template::{Chart, Dependency, Limits};
use semver_range::{Constraint, Version};

use crate::helm::local;
use crate::helm::place::Place;
use crate::steps::put::blocking;

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
    tree: &Arc<Tree>,
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
            true => read_local(dependency, tree, path, &places.limits)
                .await
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

async fn read_local(
    dependency: &Dependency,
    tree: &Arc<Tree>,
    path: &str,
    limits: &Limits,
) -> Result<Chart, String> {
    let (dependency, tree, path, limits) =
        (dependency.clone(), tree.clone(), path.to_owned(), limits.clone());
    read(move || local_chart(&dependency, &tree, &path, &limits)).await
}

/// Reading a chart takes long: its files are read, unpacked and parsed.
async fn read(work: impl FnOnce() -> Result<Chart, String> + Send + 'static) -> Result<Chart, String> {
    blocking(move || Ok(work())).await.unwrap_or_else(|error| Err(error.message))
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
    let limits = places.limits.clone();
    let chart = read(move || Chart::from_archive(&archive, &limits).map_err(|error| error.to_string())).await;
    chart
        .map_err(|cause| format!("failed to load downloaded archive of version '{}': {cause}", found.version))
}

fn check_url(url: &str) -> Result<(), String> {
    match url {
        url if ["oci://", "http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) => Ok(()),
        url if url.starts_with('@') => Err(format!("aliased repository dependency is not supported: {url}")),
        url => Err(format!("invalid dependency repository URL: {url}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use artifact::{Digest, Packer, Tree, UnpackLimits, unpack};
    use futures::FutureExt;
    use helm_template::{Chart, Limits};

    use super::{Places, complete};

    /// A tree that holds these files.
    fn tree(dir: &std::path::Path, files: &[(&str, &str)]) -> Arc<Tree> {
        let mut archive = Vec::new();
        let mut packer = Packer::new(&mut archive).unwrap();
        for (path, text) in files {
            packer.file(path, false, text.len() as u64, &mut text.as_bytes()).unwrap();
        }
        packer.finish().unwrap();
        let digest = Digest::of(&archive);
        Arc::new(unpack(archive.as_slice(), digest, &dir.join("blob"), &UnpackLimits::default()).unwrap())
    }

    #[test]
    fn a_dependency_is_read_on_no_thread_of_the_runtime() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let tree = tree(dir.path(), &[("dep/Chart.yaml", "apiVersion: v2\nname: dep\nversion: 1.0.0\n")]);
        let metadata = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n\
                        - {name: dep, version: 1.x, repository: 'file://../dep'}\n";
        let files = vec![("Chart.yaml".to_owned(), metadata.as_bytes().to_vec())];
        let mut chart = Chart::from_directory(files, &Limits::default()).unwrap();
        let find = |url: String| async move { Err(url) }.boxed();
        let places = Places { find: Box::new(find), limits: Limits::default() };
        runtime.block_on(async {
            let (go, wait) = mpsc::channel::<()>();
            // The only thread for what blocks is taken.
            let taken = tokio::task::spawn_blocking(move || wait.recv());
            let mut completing = Box::pin(complete(&mut chart, &tree, "app", &places));
            assert!(futures::poll!(&mut completing).is_pending());
            go.send(()).unwrap();
            assert_eq!(completing.await, Ok(1));
            taken.await.unwrap().unwrap();
        });
        assert_eq!(chart.dependencies()[0].name(), "dep");
    }
}
