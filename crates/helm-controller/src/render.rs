//! Chart and values to the manifest and hooks of a release, with post-rendering in between.

use std::time::Duration;

use helm_release::ReleaseHook;
use helm_template::{HelmMajor, ReleaseOptions, RenderOptions, ResolvedChart, Values, sort_as};

use crate::host::Cluster;
use crate::postrender;
use crate::work::Work;

/// Why a chart cannot be rendered. Helm's words; never a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RenderError(pub String);

/// What a chart renders to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendered {
    /// The manifest of the release.
    pub manifest: String,
    /// Its hooks.
    pub hooks: Vec<ReleaseHook>,
    /// Its notes.
    pub notes: String,
}

/// How long the templates of a chart may run: who renders holds a place of all.
const LONGEST: Duration = Duration::from_secs(60);

/// Renders a chart for a release.
///
/// # Errors
/// See [`RenderError`].
pub(crate) async fn render(
    work: &Work<'_>,
    chart: &ResolvedChart,
    values: &Values,
    release: &ReleaseOptions,
    skip_schema: bool,
) -> Result<Rendered, RenderError> {
    let session = work.session.clone();
    let crds = *work.app.cluster.crd_changes().borrow();
    let capabilities = work.app.capabilities.get(&session, crds).await;
    let capabilities = capabilities.map_err(|error| RenderError(error.to_string()))?;
    let permit =
        work.app.builds.clone().acquire_owned().await.map_err(|error| RenderError(error.to_string()))?;
    let (chart, values, release) = (chart.clone(), values.clone(), release.clone());
    let object = work.run.object.clone();
    let strategy = work.spec().post_render_strategy();
    let runtime = tokio::runtime::Handle::current();
    // The cores that nobody else renders on.
    let threads = 1 + work.app.builds.available_permits();
    let done = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let options = RenderOptions {
            skip_schema_validation: skip_schema,
            threads,
            time: Some(LONGEST),
            ..RenderOptions::default()
        };
        let host = Cluster::new(session, runtime);
        let files = helm_template::render(&chart, &values, &release, &capabilities, host, &options)
            .map_err(|error| RenderError(error.to_string()))?;
        let rendered = postrender::run(&object, &strategy, &files.files)?;
        let sorted =
            sort_as(&rendered, HelmMajor::Four, threads).map_err(|error| RenderError(error.to_string()))?;
        let hooks = sorted.hooks.iter().cloned().map(ReleaseHook::from).collect();
        Ok(Rendered { manifest: sorted.manifest(), hooks, notes: files.notes })
    });
    done.await.map_err(|error| RenderError(error.to_string()))?
}
