//! How Helm writes the objects of a release: one request each, kinds in order, objects of a kind together.

use std::collections::HashSet;

use futures::{StreamExt, stream};
use manifest::{Object, ObjectId};
use serde_json::{Map, Value};
use ssa::{Action, ApiError, Change, DriftWatch, GetError, Owner, PatchFormat, Session, Write};

use crate::resources;
use crate::storage::MANAGER;
use crate::strategic::{self, holds};

/// Why objects were not written, in Helm's words. Several failures of one kind are joined as Helm does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WriteError(pub String);

/// How the objects of one action are written.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    /// As whom.
    pub session: &'a Session,
    /// For whom objects are tracked.
    pub owner: &'a Owner,
    /// What is told of each write.
    pub drift: &'a DriftWatch,
    /// Server-side apply, or Helm 3's patches.
    pub server_side: bool,
    /// Replace objects instead of patching them; not under server-side apply.
    pub replace: bool,
    /// Unknown fields are refused. By server-side apply and by replacing alone: Helm's own creations and patches send
    /// what they have and leave it to the server.
    pub strict: bool,
    /// Requests in flight.
    pub concurrency: usize,
    /// Name and namespace of the release: what another one took over is not deleted.
    pub release: (&'a str, &'a str),
}

impl Writer<'_> {
    fn write(&self, force: bool) -> Write<'static> {
        let strict = self.strict && (self.server_side || self.replace);
        Write { manager: MANAGER, force, dry_run: false, strict }
    }

    /// Creates objects of a fresh release.
    ///
    /// # Errors
    /// All failures; one does not keep the objects after it from being created.
    pub(crate) async fn create(&self, objects: &[Object], force: bool) -> Result<(), WriteError> {
        let mut results = Vec::new();
        for kind in by_kind(objects) {
            let all: Vec<_> = kind.iter().map(|object| self.create_one(object, force)).collect();
            results.extend(stream::iter(all).buffered(self.concurrency.max(1)).collect::<Vec<_>>().await);
        }
        join(results, "\n")
    }

    /// Brings the cluster from `original` to `target`; what is only in `original` is deleted. `created` collects
    /// what did not exist before. With `migrates`, fields of earlier client-side applies become ours to remove.
    ///
    /// # Errors
    /// At the first kind with an object that cannot be created; after all for those that cannot be changed or deleted.
    pub(crate) async fn update(
        &self,
        original: &[Object],
        target: &[Object],
        created: &mut Vec<Object>,
        migrates: bool,
    ) -> Result<(), WriteError> {
        let mut failures = Vec::new();
        for kind in by_kind(target) {
            let all: Vec<_> = kind.iter().map(|object| self.bring(original, object, migrates)).collect();
            let results: Vec<_> = stream::iter(all).buffered(self.concurrency.max(1)).collect().await;
            for (object, result) in kind.iter().zip(results) {
                match result {
                    Brought::Changed => {}
                    Brought::Created => created.push(object.clone()),
                    Brought::NotChanged(error) => failures.push(Err(error)),
                    Brought::NotCreated(error) => return Err(error),
                }
            }
        }
        join(failures, " && ")?;
        self.delete_left(original, target).await
    }

    /// One object of an update. An apply alone tells whether it existed; only a failure makes us look.
    async fn bring(&self, original: &[Object], object: &Object, migrates: bool) -> Brought {
        if self.server_side && !migrates {
            return match self.session.apply_one(object, &self.write(true)).await {
                Ok(written) => {
                    let action = if written.created { Action::Created } else { Action::Configured };
                    self.track(&written.object, action);
                    if written.created { Brought::Created } else { Brought::Changed }
                }
                Err(error) => self.not_brought(object, refused(object, &error)).await,
            };
        }
        match self.live(object).await {
            Err(error) => Brought::NotCreated(error),
            Ok(None) => match self.create_one(object, true).await {
                Ok(()) => Brought::Created,
                Err(error) => Brought::NotCreated(not_created(&error)),
            },
            Ok(Some(live)) => {
                let before = original.iter().find(|before| before.id() == object.id());
                match self.change(before.unwrap_or(&live), &live, object).await {
                    Ok(()) => Brought::Changed,
                    Err(error) => Brought::NotChanged(error),
                }
            }
        }
    }

    async fn not_brought(&self, object: &Object, error: WriteError) -> Brought {
        match self.live(object).await {
            Ok(Some(_)) => Brought::NotChanged(error),
            Ok(None) => Brought::NotCreated(not_created(&error)),
            Err(error) => Brought::NotCreated(error),
        }
    }

    async fn live(&self, object: &Object) -> Result<Option<Object>, WriteError> {
        let found = self.session.get(&object.gvk(), object.namespace(), object.name()).await;
        found.map_err(|error| WriteError(format!("could not get information about the resource: {error}")))
    }

    async fn create_one(&self, object: &Object, force: bool) -> Result<(), WriteError> {
        if self.server_side {
            return self.apply(object, force).await;
        }
        let done = self.session.create_one(object, &self.write(false)).await;
        let written = done.map_err(|error| WriteError(error.to_string()))?;
        self.track(&written.object, Action::Created);
        Ok(())
    }

    /// Server-side apply of one object.
    ///
    /// # Errors
    /// The server's refusal, with the object's name and kind.
    pub(crate) async fn apply(&self, object: &Object, force: bool) -> Result<(), WriteError> {
        match self.session.apply_one(object, &self.write(force)).await {
            Ok(written) => {
                let action = if written.created { Action::Created } else { Action::Configured };
                self.track(&written.object, action);
                Ok(())
            }
            Err(error) => Err(refused(object, &error)),
        }
    }

    async fn change(&self, before: &Object, live: &Object, target: &Object) -> Result<(), WriteError> {
        if self.server_side {
            self.take_over_updates(live).await?;
            return self.apply(target, true).await;
        }
        if self.replace {
            return self.replace_one(live, target).await;
        }
        let (format, patch) = patch(before, live, target);
        if patch.as_object().is_some_and(Map::is_empty) {
            self.track(live, Action::Unchanged);
            return Ok(());
        }
        let done = self.session.patch_one(target, format, &patch, &self.write(false)).await;
        let written = done.map_err(|error| {
            WriteError(format!("cannot patch \"{}\" with kind {}: {error}", target.name(), target.kind()))
        })?;
        self.track(&written.object, Action::Configured);
        Ok(())
    }

    /// Fields that an earlier client-side apply of ours left under an Update entry would stay for ever: the entry
    /// becomes part of our Apply entry by being dropped and applied anew.
    async fn take_over_updates(&self, live: &Object) -> Result<(), WriteError> {
        let entries = live.value().pointer("/metadata/managedFields").and_then(Value::as_array);
        let stale = |entry: &Value| {
            entry["manager"] == MANAGER && entry["operation"] == "Update" && entry["subresource"].is_null()
        };
        let ours = |entry: &Value| {
            entry["manager"] == MANAGER && entry["operation"] == "Apply" && entry["subresource"].is_null()
        };
        if entries.is_some_and(|entries| entries.iter().any(ours)) {
            return Ok(());
        }
        let Some(at) = entries.and_then(|entries| entries.iter().position(stale)) else { return Ok(()) };
        let version = live.value().pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        let patch = serde_json::json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": format!("/metadata/managedFields/{at}/operation"), "value": "Apply"},
        ]);
        let done = self.session.patch_one(live, PatchFormat::Json, &patch, &self.write(false)).await;
        match done {
            // A race: the apply that follows says what is wrong, if anything is.
            Err(GetError::Api(error)) if error.is_conflict() => Ok(()),
            Err(error) => Err(refused(live, &error)),
            Ok(_) => Ok(()),
        }
    }

    async fn replace_one(&self, live: &Object, target: &Object) -> Result<(), WriteError> {
        let mut object = target.clone();
        let version = live.value().pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        object.metadata_mut().insert("resourceVersion".into(), version);
        let done = self.session.replace_one(&object, &self.write(false)).await;
        let written = done.map_err(|error| WriteError(format!("failed to replace object: {error}")))?;
        self.track(&written.object, Action::Configured);
        Ok(())
    }

    async fn delete_left(&self, original: &[Object], target: &[Object]) -> Result<(), WriteError> {
        let stays: HashSet<ObjectId> = target.iter().map(Object::id).collect();
        let mut failures = Vec::new();
        for object in original.iter().filter(|object| !stays.contains(&object.id())) {
            let live = match resources::find(self.session, object).await {
                Ok(Some(live)) => live,
                Ok(None) => continue,
                // The release that is made now does not know the object any more: it would never be deleted.
                Err(error) => {
                    let subject = object.id().subject();
                    failures.push(Err(WriteError(format!("failed to get resource {subject}: {error}"))));
                    continue;
                }
            };
            if resources::is_kept(&live) || resources::is_of_another(&live, self.release) {
                continue;
            }
            self.drift.untrack(self.owner, &[object.id()]);
            if let Err(error) = self.session.delete_one(&live, "Background", None).await {
                failures.push(Err(WriteError(format!(
                    "failed to delete resource namespace={}, name={}, kind={}: {error}",
                    object.namespace().unwrap_or_default(),
                    object.name(),
                    object.kind()
                ))));
            }
        }
        join(failures, " && ")
    }

    fn track(&self, object: &Object, action: Action) {
        let change: Change = self.session.change_of(object, action);
        self.drift.track(self.owner, &[change]);
    }
}

fn refused(object: &Object, error: &GetError) -> WriteError {
    let typed = resources::typed(object);
    match error {
        GetError::Api(error) if ApiError::is_conflict(error) => {
            WriteError(format!("conflict occurred while applying object {typed}: {error}"))
        }
        error => WriteError(format!("server-side apply failed for object {typed}: {error}")),
    }
}

/// What became of one object of an update.
enum Brought {
    Created,
    Changed,
    NotCreated(WriteError),
    NotChanged(WriteError),
}

fn not_created(error: &WriteError) -> WriteError {
    WriteError(format!("failed to create resource: {error}"))
}

/// Neighbours of the same kind, in order.
fn by_kind(objects: &[Object]) -> impl Iterator<Item = &[Object]> {
    objects.chunk_by(|a, b| a.kind() == b.kind())
}

fn join(results: Vec<Result<(), WriteError>>, separator: &str) -> Result<(), WriteError> {
    let failed: Vec<String> = results.into_iter().filter_map(Result::err).map(|error| error.0).collect();
    if failed.is_empty() { Ok(()) } else { Err(WriteError(failed.join(separator))) }
}

/// Built-in kinds merge lists by their keys; of others nobody knows how.
fn patch(before: &Object, live: &Object, target: &Object) -> (PatchFormat, Value) {
    let (kind, [before, target, live]) = (target.gvk(), [before, target, live].map(Object::value));
    if strategic::is_built_in(&kind) {
        return (PatchFormat::Strategic, strategic::patch(&kind, before, target, live));
    }
    (PatchFormat::Merge, three_way(before, target, live))
}

/// A JSON merge patch that removes what left the manifest and sets what differs from the live object.
fn three_way(before: &Value, after: &Value, live: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return after.clone() };
    let empty = Map::new();
    let live = live.as_object().unwrap_or(&empty);
    let mut patch = Map::new();
    for key in before.keys().filter(|key| !after.contains_key(*key) && live.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, wanted) in after {
        let found = live.get(key).unwrap_or(&Value::Null);
        if let (Value::Object(_), Value::Object(_)) = (wanted, found) {
            let inner = three_way(before.get(key).unwrap_or(&Value::Object(Map::new())), wanted, found);
            if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                patch.insert(key.clone(), inner);
            }
        } else if before.get(key) != Some(wanted) || !holds(found, wanted) {
            patch.insert(key.clone(), wanted.clone());
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_left_is_removed_and_what_others_changed_is_set_back() {
        let before = json!({"data": {"a": "1", "gone": "x"}});
        let after = json!({"data": {"a": "1", "b": "2"}});
        let live = json!({"data": {"a": "9", "gone": "x", "theirs": "y"}});
        assert_eq!(three_way(&before, &after, &live), json!({"data": {"gone": null, "a": "1", "b": "2"}}));
        let settled = json!({"data": {"a": "1", "b": "2", "theirs": "y"}});
        assert_eq!(three_way(&after, &after, &settled), json!({}));
    }

    #[test]
    fn defaults_of_the_server_in_lists_are_no_difference() {
        let wanted = json!({"spec": {"containers": [{"name": "c"}]}});
        let live = json!({"spec": {"containers": [{"name": "c", "imagePullPolicy": "Always"}]}});
        assert_eq!(three_way(&wanted, &wanted, &live), json!({}));
        let other = json!({"spec": {"containers": [{"name": "d"}]}});
        assert_eq!(three_way(&wanted, &other, &live), json!({"spec": {"containers": [{"name": "d"}]}}));
    }

    #[test]
    fn kinds_stay_in_order() {
        let object = |kind: &str, name: &str| {
            crate::storage::object(json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}))
        };
        let objects = [object("A", "1"), object("A", "2"), object("B", "1"), object("A", "3")];
        let sizes: Vec<usize> = by_kind(&objects).map(<[Object]>::len).collect();
        assert_eq!(sizes, [2, 1, 1]);
    }
}
