//! Finds where failing objects stand in the source: the engine builds once more and records origins. Done only after a
//! failure.

use manifest::{Object, ObjectId};

use crate::hints;
use crate::status::Failure;
use crate::steps::{build, fetch};
use crate::work::Work;

/// Annotation of the engine: where an object comes from, relative to the folder that is built.
const ORIGIN: &str = "config.kubernetes.io/origin";

/// Adds to a failure where its objects stand.
pub(crate) async fn located(work: &Work<'_>, failure: Failure, ids: &[ObjectId]) -> Failure {
    let found = files(work, ids).await;
    failure.below(hints::whereabouts(&found, &work.target.revision))
}

/// Objects with the file that each comes from; those that are not found are left out.
pub(crate) async fn files(work: &Work<'_>, ids: &[ObjectId]) -> Vec<(ObjectId, String)> {
    let Ok(tree) = fetch::fetch(&work.app.cache, &work.app.hosts, &work.artifact).await else {
        return Vec::new();
    };
    let Some(objects) = build::with_origins(work, tree).await else { return Vec::new() };
    let folder = work.object().spec.path.clone().unwrap_or_default();
    let file = |id: &ObjectId| {
        let object = objects.iter().find(|object| is(object, id))?;
        Some((id.clone(), hints::from_root(&folder, path(object)?)))
    };
    ids.iter().take(hints::MOST).filter_map(file).collect()
}

/// Cluster-scoped objects lose the namespace that the build gave them.
fn is(object: &Object, id: &ObjectId) -> bool {
    let own = object.id();
    let same_place = own.namespace == id.namespace || id.namespace.is_empty();
    own.name == id.name && own.kind == id.kind && own.group == id.group && same_place
}

/// The file, or the kustomization file that made the object.
fn path(object: &Object) -> Option<&str> {
    let text = object.value().pointer("/metadata/annotations")?.get(ORIGIN)?.as_str()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    field("path: ").or_else(|| field("configuredIn: "))
}
