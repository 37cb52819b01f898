use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use api::kustomize::v1::{SourceKind, SourceReference};
use api::meta::Artifact;
use api::source::v1::{Bucket, ExternalArtifact, GitRepository, OCIRepository};
use futures::future::BoxFuture;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client, Resource};
use runtime::watch::Selection;
use runtime::{Change, Context, Key, Store};
use serde::Deserialize;

/// A source by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceKey {
    /// Kind of the source.
    pub kind: SourceKind,
    /// Namespace and name.
    pub key: Key,
}

impl SourceKey {
    /// The source a Kustomization of this namespace refers to.
    pub(crate) fn of(reference: &SourceReference, own_namespace: &str) -> Self {
        let key = Key::new(reference.namespace_or(own_namespace), reference.name.clone());
        Self { kind: reference.kind.clone(), key }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.key.namespace, self.key.name)
    }
}

/// What a consumer reads of a source, and all that is kept of it: the metadata and the artifact. Nothing else decides
/// (docs/contract.md): a source that is not ready goes on serving the artifact it names.
pub(crate) struct Source<K> {
    metadata: ObjectMeta,
    artifact: Option<Artifact>,
    kind: PhantomData<fn() -> K>,
}

#[derive(Deserialize)]
struct Wire {
    metadata: ObjectMeta,
    #[serde(default)]
    status: Option<WireStatus>,
}

#[derive(Deserialize)]
struct WireStatus {
    #[serde(default)]
    artifact: Option<Artifact>,
}

impl<'de, K> Deserialize<'de> for Source<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let artifact = wire.status.and_then(|status| status.artifact);
        Ok(Self { metadata: slim(wire.metadata), artifact, kind: PhantomData })
    }
}

/// Names and generation are all that is asked for.
fn slim(metadata: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        resource_version: metadata.resource_version,
        ..ObjectMeta::default()
    }
}

impl<K> Clone for Source<K> {
    fn clone(&self) -> Self {
        Self { metadata: self.metadata.clone(), artifact: self.artifact.clone(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Source<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.metadata.name).field("artifact", &self.artifact).finish()
    }
}

impl<K: Resource<DynamicType = ()> + 'static> Resource for Source<K> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A source's artifact, where the source exists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// There is no such object, or its kind is not installed.
    Missing,
    /// It has no artifact yet.
    Empty,
    /// It has one.
    Artifact(Box<Artifact>),
}

impl Found {
    fn of<K>(source: Option<&Source<K>>) -> Self {
        match source.map(|source| source.artifact.as_ref()) {
            None => Self::Missing,
            Some(None) => Self::Empty,
            Some(Some(artifact)) => Self::Artifact(Box::new(artifact.clone())),
        }
    }
}

/// One kind of source: what its watch shows, and the way to ask the API server itself.
trait Lookup: Send + Sync {
    fn seen(&self, key: &Key) -> Option<Found>;
    fn ask<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Found, kube::Error>>;
}

struct Watched<K> {
    store: Store<Source<K>>,
    client: Client,
}

impl<K: Resource<DynamicType = ()> + 'static> Lookup for Watched<K> {
    fn seen(&self, key: &Key) -> Option<Found> {
        self.store.get(key).map(|source| Found::of(Some(&*source)))
    }

    fn ask<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Found, kube::Error>> {
        Box::pin(async move {
            let api: Api<Source<K>> = Api::namespaced(self.client.clone(), &key.namespace);
            Ok(Found::of(api.get_opt(&key.name).await?.as_ref()))
        })
    }
}

/// Called with a source whose artifact changed.
pub(crate) type OnSource = Arc<dyn Fn(&SourceKey, Option<&Artifact>) + Send + Sync>;

/// The sources the controller sees: one watch a kind. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sources {
    kinds: Arc<HashMap<SourceKind, Box<dyn Lookup>>>,
    direct: bool,
}

impl Sources {
    /// Starts the watches of all kinds a Kustomization can be built from. A kind that is not installed is waited for.
    /// With `direct` they are read from the API server all the same (gate DirectSourceFetch).
    pub(crate) fn watch(context: &Context, external: bool, direct: bool, changed: &OnSource) -> Self {
        let mut kinds: HashMap<SourceKind, Box<dyn Lookup>> = HashMap::new();
        kinds.insert(
            SourceKind::GitRepository,
            watched::<GitRepository>(context, SourceKind::GitRepository, changed),
        );
        kinds.insert(
            SourceKind::OCIRepository,
            watched::<OCIRepository>(context, SourceKind::OCIRepository, changed),
        );
        kinds.insert(SourceKind::Bucket, watched::<Bucket>(context, SourceKind::Bucket, changed));
        if external {
            let kind = SourceKind::ExternalArtifact;
            kinds.insert(kind.clone(), watched::<ExternalArtifact>(context, kind, changed));
        }
        Self { kinds: Arc::new(kinds), direct }
    }

    /// The source, as the watch shows it; asked for where the watch does not show it.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) async fn find(&self, source: &SourceKey) -> Result<Found, kube::Error> {
        let Some(lookup) = self.kinds.get(&source.kind) else { return Ok(Found::Missing) };
        if !self.direct
            && let Some(found) = lookup.seen(&source.key)
        {
            return Ok(found);
        }
        lookup.ask(&source.key).await
    }
}

fn watched<K>(context: &Context, kind: SourceKind, changed: &OnSource) -> Box<dyn Lookup>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + 'static,
{
    let changed = changed.clone();
    let on_change = move |change: Change<Source<K>>| {
        let source = SourceKey { kind: kind.clone(), key: change.key.clone() };
        let new = change.new.as_ref().and_then(|source| source.artifact.as_ref());
        let old = change.old.as_ref().and_then(|source| source.artifact.as_ref());
        if change.old.is_none() != change.new.is_none() || new != old {
            changed(&source, new);
        }
    };
    let store = context.mirror(&Selection::default(), on_change);
    Box::new(Watched { store, client: context.client.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_by_its_artifact_alone() {
        let source: Source<GitRepository> = serde_json::from_str(
            r#"{"metadata":{"name":"repo","namespace":"ns","labels":{"a":"b"}},"spec":{"url":7},
                "status":{"conditions":"odd","artifact":{"revision":"main@sha1:1","digest":"sha256:2","url":"http://x"}}}"#,
        )
        .unwrap();
        assert!(source.metadata.labels.is_none());
        let Found::Artifact(artifact) = Found::of(Some(&source)) else { panic!("no artifact") };
        assert_eq!(artifact.revision, "main@sha1:1");
    }

    #[test]
    fn a_source_without_status_is_empty_and_not_missing() {
        let source: Source<Bucket> = serde_json::from_str(r#"{"metadata":{"name":"b"}}"#).unwrap();
        assert_eq!(Found::of(Some(&source)), Found::Empty);
        assert_eq!(Found::of::<Bucket>(None), Found::Missing);
    }
}
