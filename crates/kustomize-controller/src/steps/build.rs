//! Builds the manifests, on a blocking thread, at most one a core.

use std::borrow::Cow;
use std::sync::Arc;

use api::kustomize::v1::{BuildMetadata, KustomizationSpec, KustomizationStatus, SubstituteStrategy};
use api::meta::{self, Reason, annotations};
use artifact::Tree;
use flux_build::{Build, BuildError, Spec, Substitute};
use kustomize::{DirEntry, EntryKind, TreeError};
use manifest::Object;

use crate::hints;
use crate::status::{Failure, Phase};
use crate::steps::variables::VariablesError;
use crate::steps::{fetch, finish, origin, variables};
use crate::work::{Stop, Work};

/// An unpacked artifact as the engine reads it.
struct Files(Arc<Tree>);

/// The largest file the engine is given, in bytes.
const MAX_FILE: usize = 32 << 20;

impl kustomize::Tree for Files {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        match self.0.kind(path) {
            None => return Err(TreeError::NotFound(path.to_owned())),
            Some(artifact::Kind::Dir) => return Err(TreeError::IsADirectory(path.to_owned())),
            Some(artifact::Kind::File { .. }) => {}
        }
        if self.0.file_size(path).is_some_and(|size| size > MAX_FILE as u64) {
            return Err(TreeError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
        }
        let unreadable = |error: std::io::Error| TreeError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        self.0.read(path).map(Cow::Owned).map_err(unreadable)
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.0.kind(path).map(entry_kind)
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>, TreeError> {
        match self.0.kind(dir) {
            None => return Err(TreeError::NotFound(dir.to_owned())),
            Some(artifact::Kind::File { .. }) => return Err(TreeError::NotADirectory(dir.to_owned())),
            Some(artifact::Kind::Dir) => {}
        }
        let unreadable =
            |error: std::io::Error| TreeError::Unreadable { path: dir.to_owned(), reason: error.to_string() };
        let entries = self.0.list(dir).map_err(unreadable)?;
        Ok(entries.into_iter().map(|(name, kind)| DirEntry { name, kind: entry_kind(kind) }).collect())
    }
}

fn entry_kind(kind: artifact::Kind) -> EntryKind {
    match kind {
        artifact::Kind::File { .. } => EntryKind::File,
        artifact::Kind::Dir => EntryKind::Dir,
    }
}

/// Fetches the artifact, reads the variables and builds.
///
/// # Errors
/// When any of them fails.
pub(crate) async fn from_source(work: &Work<'_>) -> Result<Build, Stop> {
    let tree = fetched(work).await?;
    work.border()?;
    let spec = &work.object().spec;
    let substitute = match &spec.post_build {
        None => None,
        Some(post_build) => {
            match variables::read(&work.app.client, &work.run.key.namespace, post_build).await {
                Ok(variables) => {
                    work.app.memories.with(&work.run.key, |memory| memory.secrets = variables.secrets());
                    Some(Substitute {
                        vars: variables.into_inner(),
                        strict: work.app.options.strict_substitution,
                        always: post_build.substitute_strategy == Some(SubstituteStrategy::Always),
                    })
                }
                Err(error) => return Err(without_variables(work, tree, &error).await),
            }
        }
    };
    let spec = Spec { substitute, ..to_spec(spec) };
    built(work, tree, spec).await
}

async fn built(work: &Work<'_>, tree: Arc<Tree>, spec: Spec) -> Result<Build, Stop> {
    match on_blocking_thread(work, tree.clone(), spec).await? {
        Ok(built) => Ok(built),
        Err(error) => {
            let place = place(work, tree, &error).await;
            Err(failure(work, &error, place).into())
        }
    }
}

fn failure(work: &Work<'_>, error: &BuildError, place: String) -> Failure {
    match error {
        BuildError::PathNotFound { .. } | BuildError::PathNotADirectory { .. } => {
            Failure::in_phase(Phase::Fetching, Reason::ArtifactFailed, error.to_string())
                .below([place].into_iter().chain(hints::folders(&work.target.revision)))
        }
        BuildError::Encrypted { digest, .. } => {
            let failure = Failure::in_phase(Phase::Applying, Reason::ReconciliationFailed, error.to_string());
            let status = KustomizationStatus {
                last_attempted_revision: Some(work.target.revision.clone()),
                ..work.status()
            };
            finish::failed(work, failure.below([place]), status, digest)
        }
        error => {
            let failure = Failure::in_phase(Phase::Building, Reason::BuildFailed, error.to_string());
            tried(work, failure.below([place].into_iter().chain(repeat(work))))
        }
    }
}

/// The wish for origins, among `buildMetadata`.
const ORIGINS: &str = "originAnnotations";

fn path<'a>(work: &'a Work<'_>) -> &'a str {
    work.object().spec.path.as_deref().unwrap_or_default()
}

/// Where a build fails: the file of the resource whose variables could not be filled in, which the error does not know.
async fn place(work: &Work<'_>, tree: Arc<Tree>, error: &BuildError) -> String {
    let BuildError::PostBuild { resource, .. } = error else { return at(work) };
    let objects = with_origins(work, tree).await.unwrap_or_default();
    let file = objects.iter().find(|object| resource_name(object) == *resource).and_then(|object| {
        let file = origin::file(path(work), object)?;
        Some(format!("Where: {resource} in {file}, at {}", work.target.revision))
    });
    file.unwrap_or_else(|| at(work))
}

/// Where a build fails that names the file, if it knows one, itself.
fn at(work: &Work<'_>) -> String {
    format!("Where: path '{}', at {}", path(work), work.target.revision)
}

fn repeat(work: &Work<'_>) -> Option<String> {
    hints::rebuild(&work.target.revision, path(work))
}

/// The objects of the build with their origins, for a person; none when it fails.
pub(crate) async fn with_origins(work: &Work<'_>, tree: Arc<Tree>) -> Option<Vec<Object>> {
    let mut spec = to_spec(&work.object().spec);
    spec.build_metadata.push(ORIGINS.to_owned());
    Some(on_blocking_thread(work, tree, spec).await.ok()?.ok()?.objects)
}

/// Variables that cannot be read fail the first resource that would take them, as in Flux; a build that fails without
/// them tells its own error first.
async fn without_variables(work: &Work<'_>, tree: Arc<Tree>, error: &VariablesError) -> Stop {
    match built(work, tree, to_spec(&work.object().spec)).await {
        Err(stop) => stop,
        Ok(build) => {
            let takes = |object: &&Object| object.mark(annotations::KUSTOMIZE_SUBSTITUTE) != Some("disabled");
            let first = build.objects.iter().find(takes).map(resource_name).unwrap_or_default();
            let run =
                error.reference().map(|(kind, name)| hints::look_at(&work.run.key.namespace, kind, name));
            tried(work, error.failure(&first).below([at(work)].into_iter().chain(run))).into()
        }
    }
}

/// `Kind.version.group/name` as kustomize prints it.
fn resource_name(object: &Object) -> String {
    let gvk = object.gvk();
    let group = if gvk.group.is_empty() { "[noGrp]" } else { &gvk.group };
    format!("{}.{}.{group}/{}", gvk.kind, gvk.version, object.name())
}

async fn fetched(work: &Work<'_>) -> Result<Arc<Tree>, Failure> {
    let app = work.app;
    let result = fetch::fetch(&app.cache, &app.hosts, &work.artifact).await;
    let tries = app.memories.with(&work.run.key, |memory| {
        memory.fetch_tries = if result.is_err() { memory.fetch_tries + 1 } else { 0 };
        memory.fetch_tries
    });
    let requeue = meta::GoDuration::from(app.options.shared.requeue_dependency);
    result.map_err(|error| fetch::failure(&error, tries, app.options.shared.http_retry, requeue))
}

/// The source was there: the revision counts as tried.
fn tried(work: &Work<'_>, failure: Failure) -> Failure {
    let mut status = work.status();
    status.last_attempted_revision = Some(work.target.revision.clone());
    failure.with(status)
}

async fn on_blocking_thread(
    work: &Work<'_>,
    tree: Arc<Tree>,
    spec: Spec,
) -> Result<Result<Build, BuildError>, Stop> {
    // The semaphore is never closed.
    let _turn = work.app.builds.acquire().await.map_err(|_| Stop::Outdated)?;
    let built = tokio::task::spawn_blocking(move || flux_build::build(&Files(tree), &spec)).await;
    built.map_err(|error| {
        let message = format!("kustomize build failed: {error}");
        tried(work, Failure::in_phase(Phase::Building, Reason::BuildFailed, message)).into()
    })
}

/// What of the spec decides the build, but the variables.
fn to_spec(spec: &KustomizationSpec) -> Spec {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let common = spec.common_metadata.clone().unwrap_or_default();
    Spec {
        path: text(&spec.path),
        target_namespace: text(&spec.target_namespace),
        name_prefix: text(&spec.name_prefix),
        name_suffix: text(&spec.name_suffix),
        patches: patches(spec),
        images: spec.images.iter().map(image).collect(),
        components: spec.components.clone(),
        ignore_missing_components: spec.ignore_missing_components,
        build_metadata: spec.build_metadata.iter().map(BuildMetadata::to_string).collect(),
        common_metadata: flux_build::CommonMetadata {
            labels: common.labels,
            annotations: common.annotations,
        },
        substitute: None,
    }
}

/// Patches, and those of earlier API versions behind them.
fn patches(spec: &KustomizationSpec) -> Vec<flux_build::Patch> {
    let own = spec.patches.iter().map(|patch| flux_build::Patch {
        patch: patch.patch.clone(),
        target: patch.target.as_ref().map(selector),
    });
    let merges = spec
        .patches_strategic_merge
        .iter()
        .map(|patch| flux_build::Patch { patch: patch.to_string(), target: None });
    let json = spec.patches_json6902.iter().filter_map(|patch| {
        let text = serde_json::to_string(&patch.patch).ok()?;
        Some(flux_build::Patch { patch: text, target: Some(selector(&patch.target)) })
    });
    own.chain(merges).chain(json).collect()
}

fn selector(selector: &meta::Selector) -> flux_build::Selector {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    flux_build::Selector {
        group: text(&selector.group),
        version: text(&selector.version),
        kind: text(&selector.kind),
        name: text(&selector.name),
        namespace: text(&selector.namespace),
        label_selector: text(&selector.label_selector),
        annotation_selector: text(&selector.annotation_selector),
    }
}

fn image(image: &meta::ImageOverride) -> flux_build::Image {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    flux_build::Image {
        name: image.name.clone(),
        new_name: text(&image.new_name),
        new_tag: text(&image.new_tag),
        digest: text(&image.digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn resources_are_named_as_kustomize_names_them() {
        let named = |api_version: &str, kind: &str| {
            let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}});
            resource_name(&Object::from_value(object).unwrap())
        };
        assert_eq!(named("v1", "ConfigMap"), "ConfigMap.v1.[noGrp]/x");
        assert_eq!(named("apps/v1", "Deployment"), "Deployment.v1.apps/x");
    }

    #[test]
    fn patches_of_earlier_versions_act_behind_those_of_now() {
        let spec: KustomizationSpec = serde_json::from_value(json!({
            "patches": [{"patch": "a: 1"}],
            "patchesStrategicMerge": [{"kind": "X"}],
            "patchesJson6902": [{"patch": [{"op": "remove", "path": "/a"}], "target": {"kind": "Y"}}]
        }))
        .unwrap();
        let patches = patches(&spec);
        assert_eq!(patches[1].patch, r#"{"kind":"X"}"#);
        assert_eq!(patches[2].patch, r#"[{"op":"remove","path":"/a"}]"#);
        assert_eq!(patches[2].target.as_ref().unwrap().kind, "Y");
    }
}
