use std::collections::{HashMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use manifest::{Gvk, Inventory, Object, ObjectId};
use serde_json::Value;

use crate::{
    ApiError, Owner, Session,
    discovery::Lookup,
    fingerprint,
    normalize::{normalize, server_fields},
    order::{self, Stage},
};

/// A build, ready to be applied: normalised, labelled with its owner, without namespaces on cluster-scoped
/// kinds, each object once, in the order of apply.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    objects: Vec<Object>,
    custom: Vec<(String, String)>,
    dropped: Vec<(ObjectId, Vec<String>)>,
}

impl Prepared {
    /// The objects in the order of apply.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Their ids and versions: what the inventory will hold.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        self.objects.iter().map(|object| (object.id(), object.gvk().version)).collect()
    }

    /// Objects that were read from a cluster and committed, with the fields of the server that were dropped.
    #[must_use]
    pub fn dropped(&self) -> &[(ObjectId, Vec<String>)] {
        &self.dropped
    }

    /// A hash of each object's content: objects whose hash differs from that of the last applied build have
    /// changed. Comparable within one process only.
    #[must_use]
    pub fn hashes(&self) -> HashMap<ObjectId, u64> {
        self.objects
            .iter()
            .map(|object| (object.id(), fingerprint::hash(&object.value().to_string())))
            .collect()
    }

    pub(crate) fn stage(&self, stage: Stage) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(move |object| Stage::of(object, &self.custom) == stage)
    }

    /// Kinds whose CRD stands in this build, as `(group, kind)`.
    pub(crate) fn defined_kinds(&self) -> HashSet<(String, String)> {
        self.objects.iter().filter_map(definition).map(|found| (found.group, found.kind)).collect()
    }
}

struct Definition {
    group: String,
    kind: String,
    namespaced: bool,
}

fn definition(object: &Object) -> Option<Definition> {
    let gvk = object.gvk();
    let spec = object.value().get("spec").filter(|_| gvk.kind == "CustomResourceDefinition")?;
    Some(Definition {
        group: spec.get("group")?.as_str()?.to_owned(),
        kind: spec.get("names")?.get("kind")?.as_str()?.to_owned(),
        namespaced: spec.get("scope").and_then(Value::as_str) != Some("Cluster"),
    })
}

impl Session {
    /// Prepares a build for [`Session::apply`].
    ///
    /// # Errors
    /// When discovery fails; an unknown kind is no error here.
    pub async fn prepare(&self, objects: Vec<Object>, owner: &Owner) -> Result<Prepared, ApiError> {
        let cluster_scoped = self.cluster_scoped(&objects).await?;
        let marks = &self.cluster.marks;
        let mut by_id: HashMap<ObjectId, Object> = HashMap::with_capacity(objects.len());
        let mut dropped = Vec::new();
        for mut object in objects {
            let fields = server_fields(&object);
            normalize(&mut object);
            object.set_label(&marks.owner_name, &owner.name);
            object.set_label(&marks.owner_namespace, &owner.namespace);
            if cluster_scoped.contains(&object.gvk()) {
                object.metadata_mut().shift_remove("namespace");
            }
            if !fields.is_empty() {
                dropped.push((object.id(), fields));
            }
            by_id.insert(object.id(), object);
        }
        let mut objects: Vec<_> = by_id.into_iter().collect();
        objects.sort_by(|(a, _), (b, _)| order::compare(a, b));
        let objects = objects.into_iter().map(|(_, object)| object).collect();
        Ok(Prepared { objects, custom: self.cluster.settings.custom_stage_kinds.clone(), dropped })
    }

    async fn cluster_scoped(&self, objects: &[Object]) -> Result<HashSet<Gvk>, ApiError> {
        let kinds: HashSet<Gvk> = objects.iter().map(Object::gvk).collect();
        let defined: Vec<Definition> = objects.iter().filter_map(definition).collect();
        let lookups = stream::iter(kinds).map(|gvk| async move { Ok((self.lookup(&gvk).await?, gvk)) });
        let found: Vec<(Lookup, Gvk)> = lookups.buffer_unordered(8).try_collect().await?;
        let global = |lookup: &Lookup, gvk: &Gvk| match lookup {
            Lookup::Found(resource) => !resource.namespaced,
            _ => defined.iter().any(|d| d.group == gvk.group && d.kind == gvk.kind && !d.namespaced),
        };
        Ok(found.into_iter().filter(|(lookup, gvk)| global(lookup, gvk)).map(|(_, gvk)| gvk).collect())
    }
}
