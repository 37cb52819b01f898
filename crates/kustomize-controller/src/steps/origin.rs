//! Finds where failing objects stand in the source: the engine builds once more and records origins. Done only after a
//! failure.

use manifest::{Object, ObjectId};
use tokio::time::Instant;

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
        Some((id.clone(), self::file(&folder, object)?))
    };
    ids.iter().take(hints::MOST).filter_map(file).collect()
}

/// The file from the root of the source, of an object that was built with origins from this folder.
pub(crate) fn file(folder: &str, object: &Object) -> Option<String> {
    Some(hints::from_root(folder, path(object)?))
}

/// Finds, once for each object that somebody insists on, the line of the source that the contest is about.
pub(crate) async fn place_contested(work: &Work<'_>) {
    let unplaced = work.app.memories.with(&work.run.key, |memory| memory.unplaced(Instant::now()));
    for (id, fields) in unplaced {
        let place = place(work, &id, &fields).await.unwrap_or_default();
        work.app.memories.with(&work.run.key, |memory| memory.places.insert(id, place));
    }
}

/// The file, and the line where that can be told.
async fn place(work: &Work<'_>, id: &ObjectId, fields: &[String]) -> Option<String> {
    let (_, file) = files(work, std::slice::from_ref(id)).await.into_iter().next()?;
    let tree = fetch::fetch(&work.app.cache, &work.app.hosts, &work.artifact).await.ok()?;
    let text = tree.read(&file).ok().filter(|bytes| bytes.len() <= MOST_SEARCHED)?;
    let field = fields.first().map(String::as_str).unwrap_or_default();
    let line = hints::line(&String::from_utf8_lossy(&text), &id.name, field);
    Some(line.map_or(file.clone(), |line| format!("{file}:{line}")))
}

/// Bytes of a file in which a line is looked for.
const MOST_SEARCHED: usize = 1 << 20;

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
