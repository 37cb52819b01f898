//! Sources as their consumers watch them: of each object its name and what one reading of its status says. All else is
//! dropped while it is read, so that ten thousand sources cost little, and a status of foreign shape harms nothing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::future::BoxFuture;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::key::Key;
use crate::named::read_named;
use crate::store::{Change, Store};
use crate::watch::Selection;

/// A source by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceKey<Kind> {
    /// Kind of the source.
    pub kind: Kind,
    /// Namespace and name.
    pub key: Key,
}

impl<Kind: fmt::Display> fmt::Display for SourceKey<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.key.namespace, self.key.name)
    }
}

/// What a consumer keeps of a source.
pub trait Seen: Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The part of the status that is read.
    type Status: DeserializeOwned + Default;

    /// Of the generation of the spec (0 where there is none) and the status.
    fn of(generation: i64, status: Self::Status) -> Self;
}

/// What is kept of a source of kind `K`.
pub struct Source<K, S> {
    metadata: ObjectMeta,
    /// What it says of itself.
    pub seen: S,
    kind: PhantomData<fn() -> K>,
}

#[derive(Deserialize)]
struct Wire {
    metadata: ObjectMeta,
    #[serde(default)]
    status: serde_json::Value,
}

impl<'de, K, S: Seen> Deserialize<'de> for Source<K, S> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let generation = wire.metadata.generation.unwrap_or_default();
        // One object of foreign shape must not end the watch of all.
        let seen = S::of(generation, serde_json::from_value(wire.status).unwrap_or_default());
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

impl<K, S: Clone> Clone for Source<K, S> {
    fn clone(&self) -> Self {
        Self { metadata: self.metadata.clone(), seen: self.seen.clone(), kind: PhantomData }
    }
}

impl<K, S: fmt::Debug> fmt::Debug for Source<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.metadata.name).field("seen", &self.seen).finish()
    }
}

impl<K: Resource<DynamicType = ()> + 'static, S> Resource for Source<K, S> {
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
trait Lookup<S>: Send + Sync {
    fn seen(&self, key: &Key) -> Option<S>;
    fn ask<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<S>, kube::Error>>;
}

struct Watched<K, S> {
    store: Store<Source<K, S>>,
    client: Client,
}

impl<K: Resource<DynamicType = ()> + 'static, S: Seen> Lookup<S> for Watched<K, S> {
    fn seen(&self, key: &Key) -> Option<S> {
        self.store.get(key).map(|source| source.seen.clone())
    }

    fn ask<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<S>, kube::Error>> {
        Box::pin(async move {
            let found: Option<Source<K, S>> = read_named(&self.client, key).await?;
            Ok(found.map(|source| source.seen))
        })
    }
}

/// Called with a source that came, went, or changed in what is kept of it; none when it is gone.
pub type OnSource<Kind, S> = Arc<dyn Fn(&SourceKey<Kind>, Option<&S>) + Send + Sync>;

/// The sources a controller sees: one watch a kind. Cheap to clone.
#[derive(Clone)]
pub struct Sources<Kind, S> {
    kinds: HashMap<Kind, Arc<dyn Lookup<S>>>,
    direct: bool,
}

impl<Kind, S> Sources<Kind, S>
where
    Kind: Clone + Eq + Hash + Send + Sync + 'static,
    S: Seen,
{
    /// No kind yet. With `direct` sources are read from the API server although their watch shows them (gate
    /// DirectSourceFetch).
    pub fn new(direct: bool) -> Self {
        Self { kinds: HashMap::new(), direct }
    }

    /// Starts the watch of one more kind. One that is not installed is waited for.
    #[must_use]
    pub fn watch<K>(mut self, context: &Context, kind: Kind, changed: &OnSource<Kind, S>) -> Self
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + 'static,
    {
        let (changed, named) = (changed.clone(), kind.clone());
        let on_change = move |change: Change<Source<K, S>>| {
            let source = SourceKey { kind: named.clone(), key: change.key.clone() };
            let new = change.new.as_ref().map(|source| &source.seen);
            if new != change.old.as_ref().map(|source| &source.seen) {
                changed(&source, new);
            }
        };
        let store = context.mirror(&Selection::default(), on_change);
        self.kinds.insert(kind, Arc::new(Watched { store, client: context.client.clone() }));
        self
    }

    /// The source, as the watch shows it; asked for where the watch does not show it. None where there is no such
    /// object, or its kind is not watched.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn find(&self, source: &SourceKey<Kind>) -> Result<Option<S>, kube::Error> {
        let Some(lookup) = self.kinds.get(&source.kind) else { return Ok(None) };
        if !self.direct
            && let Some(seen) = lookup.seen(&source.key)
        {
            return Ok(Some(seen));
        }
        lookup.ask(&source.key).await
    }

    /// The source, where the watch shows it.
    pub fn shown(&self, source: &SourceKey<Kind>) -> Option<S> {
        self.kinds.get(&source.kind)?.seen(&source.key)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
    struct Url(Option<String>);

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Status {
        url: Url,
    }

    impl Seen for (i64, Url) {
        type Status = Status;

        fn of(generation: i64, status: Status) -> Self {
            (generation, status.url)
        }
    }

    fn read(text: &str) -> Source<ConfigMap, (i64, Url)> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn all_but_the_name_and_the_reading_of_the_status_is_dropped() {
        let source = read(
            r#"{"metadata":{"name":"a","namespace":"ns","generation":2,"labels":{"a":"b"}},"spec":{"url":7},
                "status":{"conditions":"odd","url":"http://x"}}"#,
        );
        assert_eq!(source.seen, (2, Url(Some("http://x".to_owned()))));
        assert_eq!(source.metadata.name.as_deref(), Some("a"));
        assert!(source.metadata.labels.is_none() && source.metadata.generation.is_none());
    }

    #[test]
    fn an_object_without_status_or_with_a_foreign_one_says_nothing() {
        for status in
            ["", r#","status":null"#, r#","status":{}"#, r#","status":{"url":7}"#, r#","status":[]"#]
        {
            let source = read(&format!(r#"{{"metadata":{{"name":"a"}}{status}}}"#));
            assert_eq!(source.seen, (0, Url(None)));
        }
    }
}
