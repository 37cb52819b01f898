//! Sources of charts as their watches show them: whether they are ready, and their artifact. All else of them is
//! dropped.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use api::helm::v2::ChartRefKind;
use api::meta::{Artifact, Condition, ConditionType};
use api::source::v1::{ExternalArtifact, HelmChart, OCIRepository};
use futures::future::BoxFuture;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client, Resource};
use runtime::conditions::find;
use runtime::watch::Selection;
use runtime::{Change, Context, Key, Store};
use serde::Deserialize;

/// A source by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceKey {
    /// Kind of the source.
    pub kind: ChartRefKind,
    /// Namespace and name.
    pub key: Key,
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.key.namespace, self.key.name)
    }
}

/// What is kept of a source.
pub(crate) struct Source<K> {
    metadata: ObjectMeta,
    seen: Seen,
    kind: PhantomData<fn() -> K>,
}

/// What a source says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Its artifact.
    pub artifact: Option<Artifact>,
    /// Generation of its spec.
    pub generation: i64,
    /// Generation that its status is about.
    pub observed: i64,
    /// Message of Ready=False.
    pub not_ready: Option<String>,
    /// Message of Stalled=True.
    pub stalled: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    metadata: ObjectMeta,
    #[serde(default)]
    status: Option<WireStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireStatus {
    artifact: Option<Artifact>,
    observed_generation: i64,
    conditions: Vec<Condition>,
}

impl Seen {
    fn of(generation: i64, status: WireStatus) -> Self {
        let message = |kind: ConditionType, value: &str| {
            let found = find(&status.conditions, kind).filter(|condition| condition.status == value);
            found.map(|condition| condition.message.clone())
        };
        Self {
            generation,
            observed: status.observed_generation,
            not_ready: message(ConditionType::Ready, "False"),
            stalled: message(ConditionType::Stalled, "True"),
            artifact: status.artifact,
        }
    }

    /// Why the source cannot be used now, in Flux's words; none when it can.
    pub(crate) fn trouble(&self, source: &SourceKey) -> Option<String> {
        let named = format!("{} '{}/{}'", source.kind, source.key.namespace, source.key.name);
        let why = if source.kind == ChartRefKind::ExternalArtifact {
            self.artifact.is_none().then_some("does not have an artifact")?
        } else if self.generation != self.observed {
            self.not_ready.as_deref().unwrap_or("latest generation of object has not been reconciled")
        } else if let Some(stalled) = &self.stalled {
            stalled
        } else {
            self.artifact.is_none().then_some("does not have an artifact")?
        };
        Some(format!("{named} is not ready: {why}"))
    }
}

impl<'de, K> Deserialize<'de> for Source<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let seen = Seen::of(wire.metadata.generation.unwrap_or_default(), wire.status.unwrap_or_default());
        Ok(Self { metadata: slim(wire.metadata), seen, kind: PhantomData })
    }
}

/// Names and version are all that is asked for.
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
        Self { metadata: self.metadata.clone(), seen: self.seen.clone(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Source<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.metadata.name).field("seen", &self.seen).finish()
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

/// One kind of source: what its watch shows, and the way to ask the API server itself.
trait Lookup: Send + Sync {
    fn seen(&self, key: &Key) -> Option<Seen>;
    fn ask<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Seen>, kube::Error>>;
}

struct Watched<K> {
    store: Store<Source<K>>,
    client: Client,
}

impl<K: Resource<DynamicType = ()> + 'static> Lookup for Watched<K> {
    fn seen(&self, key: &Key) -> Option<Seen> {
        self.store.get(key).map(|source| source.seen.clone())
    }

    fn ask<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Seen>, kube::Error>> {
        Box::pin(async move {
            let api: Api<Source<K>> = Api::namespaced(self.client.clone(), &key.namespace);
            Ok(api.get_opt(&key.name).await?.map(|source| source.seen))
        })
    }
}

/// Called with a source that changed in what is kept of it.
pub(crate) type OnSource = Arc<dyn Fn(&SourceKey) + Send + Sync>;

/// The sources the controller sees: one watch a kind. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sources {
    kinds: Arc<HashMap<ChartRefKind, Box<dyn Lookup>>>,
    direct: bool,
}

impl Sources {
    /// Starts the watches. A kind that is not installed is waited for. With `direct` sources are read from the API
    /// server all the same (gate DirectSourceFetch).
    pub(crate) fn watch(context: &Context, external: bool, direct: bool, changed: &OnSource) -> Self {
        let mut kinds: HashMap<ChartRefKind, Box<dyn Lookup>> = HashMap::new();
        kinds
            .insert(ChartRefKind::HelmChart, watched::<HelmChart>(context, ChartRefKind::HelmChart, changed));
        kinds.insert(
            ChartRefKind::OCIRepository,
            watched::<OCIRepository>(context, ChartRefKind::OCIRepository, changed),
        );
        if external {
            let kind = ChartRefKind::ExternalArtifact;
            kinds.insert(kind.clone(), watched::<ExternalArtifact>(context, kind, changed));
        }
        Self { kinds: Arc::new(kinds), direct }
    }

    /// The source, as the watch shows it; asked for where the watch does not show it.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) async fn find(&self, source: &SourceKey) -> Result<Option<Seen>, kube::Error> {
        let Some(lookup) = self.kinds.get(&source.kind) else { return Ok(None) };
        if !self.direct
            && let Some(seen) = lookup.seen(&source.key)
        {
            return Ok(Some(seen));
        }
        lookup.ask(&source.key).await
    }

    /// Whether the watch shows another artifact than this one.
    pub(crate) fn has_other_artifact(&self, source: &SourceKey, artifact: &Artifact) -> bool {
        let seen = self.kinds.get(&source.kind).and_then(|lookup| lookup.seen(&source.key));
        let newest = seen.and_then(|seen| seen.artifact);
        newest.is_some_and(|newest| !newest.has_same_content(artifact))
    }
}

fn watched<K>(context: &Context, kind: ChartRefKind, changed: &OnSource) -> Box<dyn Lookup>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + 'static,
{
    let changed = changed.clone();
    let on_change = move |change: Change<Source<K>>| {
        let source = SourceKey { kind: kind.clone(), key: change.key.clone() };
        let new = change.new.as_ref().map(|source| &source.seen);
        let old = change.old.as_ref().map(|source| &source.seen);
        if new != old {
            changed(&source);
        }
    };
    let store = context.mirror(&Selection::default(), on_change);
    Box::new(Watched { store, client: context.client.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: &str) -> Seen {
        let text =
            format!(r#"{{"metadata":{{"name":"c","namespace":"ns","generation":2}},"status":{status}}}"#);
        serde_json::from_str::<Source<HelmChart>>(&text).unwrap().seen
    }

    fn key() -> SourceKey {
        SourceKey { kind: ChartRefKind::HelmChart, key: Key::new("ns", "c") }
    }

    #[test]
    fn a_source_is_ready_at_its_generation_with_an_artifact() {
        let ready = seen(
            r#"{"observedGeneration":2,"artifact":{"revision":"1.0.0","digest":"sha256:2","url":"http://x"}}"#,
        );
        assert_eq!(ready.trouble(&key()), None);
        assert_eq!(
            seen("{}").trouble(&key()).unwrap(),
            "HelmChart 'ns/c' is not ready: latest generation of object has not been reconciled"
        );
        assert_eq!(
            seen(r#"{"observedGeneration":2}"#).trouble(&key()).unwrap(),
            "HelmChart 'ns/c' is not ready: does not have an artifact"
        );
    }

    #[test]
    fn a_source_that_failed_says_why() {
        let row = |kind: &str, status: &str| {
            format!(
                r#"{{"type":"{kind}","status":"{status}","reason":"x","message":"no such chart","lastTransitionTime":"2026-01-01T00:00:00Z"}}"#
            )
        };
        let failed = seen(&format!(r#"{{"observedGeneration":1,"conditions":[{}]}}"#, row("Ready", "False")));
        assert_eq!(failed.trouble(&key()).unwrap(), "HelmChart 'ns/c' is not ready: no such chart");
        let stalled =
            seen(&format!(r#"{{"observedGeneration":2,"conditions":[{}]}}"#, row("Stalled", "True")));
        assert_eq!(stalled.trouble(&key()).unwrap(), "HelmChart 'ns/c' is not ready: no such chart");
    }
}
