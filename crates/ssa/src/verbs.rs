//! One object, one request: for callers that decide themselves what is sent, and when.

use http::Method;
use jiff::Timestamp;
use kill_points::{Point, at as point};
use kstatus::Status;
use manifest::{Gvk, Object};
use serde_json::{Map, Value, json};

use crate::{
    Action, ApiError, Change, Fingerprint, GetError, Session, compare,
    discovery::{Lookup, Resource, segment},
    health,
    request::{APPLY_PATCH, Answer, Call, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH},
};

/// Most pages of a list.
const MAX_PAGES: usize = 1_000;
/// Whole objects of a page: each may have 1.5 MiB, and the client holds a page as a whole.
const WHOLE: usize = 50;
/// Asks for metadata alone.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// How one object is written.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// Field manager.
    pub manager: &'a str,
    /// Take fields over that other managers hold. For server-side apply alone.
    pub force: bool,
    /// Nothing is stored.
    pub dry_run: bool,
    /// Unknown and duplicate fields are refused instead of ignored.
    pub strict: bool,
}

/// What the API server made of a write.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object as it is now.
    pub object: Object,
    /// It did not exist before.
    pub created: bool,
    /// Whether the write changed something; in doubt true.
    pub changed: bool,
}

/// The format of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchFormat {
    /// RFC 6902.
    Json,
    /// RFC 7396.
    Merge,
    /// Kubernetes' own, for built-in kinds: lists merge by their keys.
    Strategic,
}

impl Session {
    /// Whether objects of a kind have a namespace.
    ///
    /// # Errors
    /// When the kind is unknown or discovery fails.
    pub async fn is_namespaced(&self, gvk: &Gvk) -> Result<bool, GetError> {
        Ok(self.home(gvk).await?.namespaced)
    }

    /// The kind as it is served: in the version asked for, else in the preferred one of its group that has it. None proves
    /// that there is no such kind.
    ///
    /// # Errors
    /// When discovery fails.
    pub async fn served(&self, gvk: &Gvk) -> Result<Option<Gvk>, GetError> {
        if let Lookup::Found(resource) = self.lookup(gvk).await? {
            return Ok(Some(resource.gvk));
        }
        let found = self.cluster.discovery.find_anywhere(&self.cluster.client, gvk).await?;
        Ok(found.map(|resource| resource.gvk))
    }

    /// Forgets what kinds are served, so that the next question asks the server.
    pub fn forget_kinds(&self) {
        self.cluster.discovery.invalidate();
    }

    /// Server-side apply of one object.
    ///
    /// # Errors
    /// When the kind is unknown or the request fails.
    pub async fn apply_one(&self, object: &Object, write: &Write<'_>) -> Result<Written, GetError> {
        let path = self.path_of(object).await?;
        let force = if write.force { "&force=true" } else { "&force=false" };
        let call = Call::patch(format!("{path}?{}{force}", query(write)), APPLY_PATCH, object.value());
        let answer = self.put(&call, write).await?;
        let changed = answer.code == 201 || compare::moved(&answer, write.manager);
        written(answer, changed)
    }

    /// Creates one object.
    ///
    /// # Errors
    /// When the kind is unknown, the object exists (409), or the request fails.
    pub async fn create_one(&self, object: &Object, write: &Write<'_>) -> Result<Written, GetError> {
        let home = self.home(&object.gvk()).await?;
        let path = format!("{}?{}", home.list_path(object.namespace().unwrap_or_default()), query(write));
        let since = Timestamp::now();
        let error = match self.put(&Call::write(Method::POST, path, object.value()), write).await {
            Ok(answer) => return written(answer, true),
            Err(error) => error,
        };
        // The answer may be lost and the object made: another try, made here or by the client, is a conflict then.
        let is_open = error.is_conflict() || error.failure().is_none();
        let found = match is_open && !write.dry_run {
            true => self.get(&object.gvk(), object.namespace(), object.name()).await.ok().flatten(),
            false => None,
        };
        match found.filter(|live| is_made_by(live, object, write.manager, since)) {
            Some(object) => Ok(Written { object, created: true, changed: true }),
            None => Err(error.into()),
        }
    }

    /// Replaces one object; its `metadata.resourceVersion`, where it stands, is the condition.
    ///
    /// # Errors
    /// When the kind is unknown or the request fails.
    pub async fn replace_one(&self, object: &Object, write: &Write<'_>) -> Result<Written, GetError> {
        let path = format!("{}?{}", self.path_of(object).await?, query(write));
        written(self.put(&Call::write(Method::PUT, path, object.value()), write).await?, true)
    }

    /// Patches the object of this kind, namespace and name.
    ///
    /// # Errors
    /// When the kind is unknown or the request fails.
    pub async fn patch_one(
        &self,
        object: &Object,
        format: PatchFormat,
        patch: &Value,
        write: &Write<'_>,
    ) -> Result<Written, GetError> {
        let path = format!("{}?{}", self.path_of(object).await?, query(write));
        let kind = match format {
            PatchFormat::Json => JSON_PATCH,
            PatchFormat::Merge => MERGE_PATCH,
            PatchFormat::Strategic => STRATEGIC_PATCH,
        };
        written(self.put(&Call::patch(path, kind, patch), write).await?, true)
    }

    /// Deletes one object; false when there was none. `propagation` is `Background`, `Foreground` or `Orphan`; with a
    /// `uid` no other object of that name is touched.
    ///
    /// # Errors
    /// When the kind is unknown or the request fails.
    pub async fn delete_one(
        &self,
        object: &Object,
        propagation: &str,
        uid: Option<&str>,
    ) -> Result<bool, GetError> {
        let path = self.path_of(object).await?;
        let mut options =
            json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation});
        if let Some(uid) = uid {
            options["preconditions"] = json!({"uid": uid});
        }
        point(Point::WriteBefore);
        let answer = self.send(&Call::delete(&path, &options)).await;
        point(Point::WriteAfter);
        match answer {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent_object() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Metadata of the objects of a kind in a namespace that match a label selector.
    ///
    /// # Errors
    /// When the kind is unknown or a request fails.
    pub async fn list_metadata(
        &self,
        gvk: &Gvk,
        namespace: &str,
        labels: &str,
    ) -> Result<Vec<Value>, GetError> {
        let home = self.home(gvk).await?;
        let base = format!("{}?limit=500&labelSelector={}", home.list_path(namespace), segment(labels));
        Ok(self.pages(&base, |path, _| Call::list(path).accept(METADATA)).await?.0)
    }

    /// One object and what it takes in memory, in bytes; at most `room` is read.
    ///
    /// # Errors
    /// When the kind is unknown, the object takes more, or the request fails; an absent object is `None`.
    pub async fn get_within(
        &self,
        gvk: &Gvk,
        namespace: &str,
        name: &str,
        room: usize,
    ) -> Result<(Option<Value>, usize), GetError> {
        let path = self.home(gvk).await?.object_path(namespace, name);
        match self.send(&Call::get(path).within(room)).await {
            Ok(answer) => Ok((Some(answer.value), answer.weight)),
            Err(error) if error.is_absent_object() => Ok((None, 0)),
            Err(error) => Err(error.into()),
        }
    }

    /// The objects of a kind in a namespace, of all namespaces when it is empty, and what they take in memory, in bytes;
    /// at most `room` is read.
    ///
    /// # Errors
    /// When the kind is unknown, they take more, or a request fails.
    pub async fn list_within(
        &self,
        gvk: &Gvk,
        namespace: &str,
        room: usize,
    ) -> Result<(Vec<Value>, usize), GetError> {
        let base = format!("{}?limit={WHOLE}", self.home(gvk).await?.list_path(namespace));
        let page = |path: &str, taken: usize| Call::list(path).within(room.saturating_sub(taken));
        let (mut found, taken) = self.pages(&base, page).await?;
        for item in found.iter_mut().filter_map(Value::as_object_mut) {
            item.insert("apiVersion".into(), gvk.api_version().into());
            item.insert("kind".into(), gvk.kind.clone().into());
        }
        Ok((found, taken))
    }

    /// All items and their weight; `call` is told the path of a page and the weight of those before it.
    async fn pages(
        &self,
        base: &str,
        call: impl Fn(&str, usize) -> Call,
    ) -> Result<(Vec<Value>, usize), GetError> {
        let (mut found, mut taken, mut path) = (Vec::new(), 0, base.to_owned());
        for _ in 0..MAX_PAGES {
            let Answer { mut value, weight, .. } = self.send(&call(&path, taken)).await?;
            let items = value.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
            found.extend(items.unwrap_or_default());
            taken += weight;
            let next = value.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default();
            if next.is_empty() {
                return Ok((found, taken));
            }
            path = format!("{base}&continue={}", segment(next));
        }
        Err(ApiError::Malformed { path: base.to_owned(), cause: "too many pages".into() }.into())
    }

    /// What [`crate::DriftWatch::track`] wants to know of an object that was just written.
    #[must_use]
    pub fn change_of(&self, object: &Object, action: Action) -> Change {
        let fingerprint = Fingerprint::of(object.value(), &self.cluster.takeover, &self.cluster.marks);
        Change {
            id: object.id(),
            version: object.gvk().version,
            action,
            fingerprint: Some(fingerprint),
            drift: None,
            healthy: health::status(object) == Status::Current,
        }
    }

    async fn put(&self, call: &Call, write: &Write<'_>) -> Result<Answer, ApiError> {
        if write.dry_run {
            return self.send(call).await;
        }
        point(Point::WriteBefore);
        let answer = self.send(call).await;
        point(Point::WriteAfter);
        answer
    }

    async fn home(&self, gvk: &Gvk) -> Result<Resource, GetError> {
        match self.lookup(gvk).await? {
            Lookup::Found(resource) => Ok(resource),
            Lookup::NoKind | Lookup::NoGroup => Err(GetError::NoMatch(gvk.clone())),
        }
    }

    async fn path_of(&self, object: &Object) -> Result<String, GetError> {
        let home = self.home(&object.gvk()).await?;
        Ok(home.object_path(object.namespace().unwrap_or_default(), object.name()))
    }

    /// A question to the API server about itself, such as `/version`.
    ///
    /// # Errors
    /// When the request fails.
    pub async fn ask(&self, path: &str) -> Result<Value, ApiError> {
        Ok(self.send(&Call::get(path)).await?.value)
    }
}

fn query(write: &Write<'_>) -> String {
    let validation = if write.strict { "Strict" } else { "Ignore" };
    let dry = if write.dry_run { "&dryRun=All" } else { "" };
    format!("fieldManager={}&fieldValidation={validation}{dry}", segment(write.manager))
}

/// Whether a live object is the one that this manager has sent since then: it is as young, and has all marks that were
/// sent. The server's clock may differ by a little.
fn is_made_by(live: &Object, sent: &Object, manager: &str, since: Timestamp) -> bool {
    const SLACK: i64 = 5;
    let created = live.value().pointer("/metadata/creationTimestamp").and_then(Value::as_str);
    let created = created.and_then(|text| text.parse::<Timestamp>().ok());
    let is_young = created.is_some_and(|created| created.as_second() + SLACK >= since.as_second());
    let managers = live.value().pointer("/metadata/managedFields").and_then(Value::as_array);
    let is_ours = managers.is_some_and(|all| all.iter().any(|entry| entry["manager"] == manager));
    let marks = |object: &Object, of: &str| -> Map<String, Value> {
        object.value()["metadata"][of].as_object().cloned().unwrap_or_default()
    };
    let has_all = |of: &str| {
        let live = marks(live, of);
        marks(sent, of).iter().all(|(key, value)| live.get(key) == Some(value))
    };
    is_young && is_ours && has_all("labels") && has_all("annotations")
}

fn written(answer: Answer, changed: bool) -> Result<Written, GetError> {
    let created = answer.code == 201;
    Ok(Written { object: Object::from_value(answer.value)?, created, changed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_the_one_that_was_sent_by_its_age_its_manager_and_its_marks() {
        let object = |created: &str, manager: &str, plan: &str| {
            let metadata = json!({"name": "a", "creationTimestamp": created, "managedFields": [{"manager": manager}],
                "annotations": {"plan": plan, "added": "by the server"}});
            Object::from_value(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})).unwrap()
        };
        let metadata = json!({"name": "a", "annotations": {"plan": "1"}});
        let sent =
            Object::from_value(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})).unwrap();
        let since = "2026-01-01T00:01:00.9Z".parse().unwrap();
        let is_ours = |live: &Object| is_made_by(live, &sent, "helm-controller", since);
        assert!(is_ours(&object("2026-01-01T00:01:00Z", "helm-controller", "1")));
        assert!(!is_ours(&object("2026-01-01T00:00:30Z", "helm-controller", "1")), "older");
        assert!(!is_ours(&object("2026-01-01T00:01:00Z", "helm", "1")), "somebody else's");
        assert!(!is_ours(&object("2026-01-01T00:01:00Z", "helm-controller", "2")), "of another action");
    }
}
