use std::collections::HashSet;

use crate::{
    fields::is_empty,
    resid::{OwnedId, ResId},
    resource::{Behavior, Resource},
    selector::{ResourceSelector, SelectorError},
    weigh::Room,
};

/// Why resources cannot stand together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResMapError {
    /// Two resources have the same id.
    #[error("may not add resource with an already registered id: {0}")]
    Registered(String),
    /// A generator would merge into or replace something that is not there.
    #[error("id {0} does not exist; cannot merge or replace")]
    NothingToMerge(String),
    /// A generator makes something that is there already.
    #[error("id {id} exists; can not use behavior: '{behavior}', behavior must be merge or replace")]
    Exists {
        /// Which resource.
        id: String,
        /// The behavior that the generator names.
        behavior: &'static str,
    },
    /// A generator's target is not unique.
    #[error("found multiple objects that could accept merge of {0}")]
    ManyToMerge(String),
    /// Nothing has the id.
    #[error("no matches for Id {0}; failed to find unique target for patch {0}")]
    NoMatch(String),
    /// Several have the id.
    #[error("multiple matches for Id {0}; failed to find unique target for patch {0}")]
    ManyMatches(String),
    /// A change of namespace makes two ids equal.
    #[error("namespace transformation produces ID conflict: {0}")]
    NamespaceConflict(String),
}

/// Resources in order, each with an id of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResMap {
    list: Vec<Resource>,
    /// Ids of the list, while they are known.
    ids: Option<HashSet<OwnedId>>,
    room: Room,
}

impl ResMap {
    /// Ids are compared when something is added.
    pub(crate) fn from_resources(resources: Vec<Resource>) -> Result<Self, ResMapError> {
        match duplicate_id(&resources) {
            Some(id) => Err(ResMapError::Registered(id)),
            None => Ok(Self { list: resources, ..Self::default() }),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.list.iter()
    }

    pub(crate) fn list(&self) -> &[Resource] {
        &self.list
    }

    /// The resources, to change. Ids may change too.
    pub(crate) fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.ids = None;
        &mut self.list
    }

    /// The resources, to change, and the room for what is copied into them.
    pub(crate) fn list_and_room(&mut self) -> (&mut Vec<Resource>, &Room) {
        self.ids = None;
        (&mut self.list, &self.room)
    }

    /// What is copied from now on takes of this room.
    pub(crate) fn set_room(&mut self, room: &Room) {
        self.room = room.clone();
    }

    pub(crate) fn into_list(self) -> Vec<Resource> {
        self.list
    }

    pub(crate) fn append(&mut self, resource: Resource) -> Result<(), ResMapError> {
        let key = |resource: &Resource| resource.id().key().owned();
        let list = &self.list;
        let ids = self.ids.get_or_insert_with(|| list.iter().map(key).collect());
        if !ids.insert(key(&resource)) {
            return Err(ResMapError::Registered(resource.id().to_string()));
        }
        self.list.push(resource);
        Ok(())
    }

    pub(crate) fn append_all(&mut self, resources: Vec<Resource>) -> Result<(), ResMapError> {
        if self.list.is_empty() {
            return self.append_map(Self::from_resources(resources)?);
        }
        resources.into_iter().try_for_each(|resource| self.append(resource))
    }

    /// Adds resources whose ids are known to differ from each other.
    pub(crate) fn append_map(&mut self, other: Self) -> Result<(), ResMapError> {
        if self.list.is_empty() {
            *self = other;
            return Ok(());
        }
        self.append_all(other.list)
    }

    pub(crate) fn drop_empties(&mut self) {
        if self.list.iter().any(|resource| is_empty(&resource.node)) {
            self.list_mut().retain(|resource| !is_empty(&resource.node));
        }
    }

    fn matching_any_id(&self, id: ResId<'_>) -> Vec<usize> {
        let fits =
            |resource: &Resource| !is_empty(&resource.node) && resource.any_id(|other| id.equals(other));
        self.list.iter().enumerate().filter(|(_, resource)| fits(resource)).map(|(index, _)| index).collect()
    }

    /// The one resource that has or had an id.
    pub(crate) fn find(&self, id: ResId<'_>) -> Result<usize, ResMapError> {
        match self.matching_any_id(id)[..] {
            [index] => Ok(index),
            [] => Err(ResMapError::NoMatch(id.to_string())),
            _ => Err(ResMapError::ManyMatches(id.to_string())),
        }
    }

    /// The resources that a selector names, by their original or current id.
    pub(crate) fn select(&self, selector: &ResourceSelector) -> Result<Vec<usize>, SelectorError> {
        let mut selected = Vec::new();
        for (index, resource) in self.list.iter().enumerate() {
            if selector.matches(resource)? {
                selected.push(index);
            }
        }
        Ok(selected)
    }

    /// Adds generated resources by their behavior.
    pub(crate) fn absorb(&mut self, resources: Vec<Resource>) -> Result<(), ResMapError> {
        resources.into_iter().try_for_each(|resource| self.absorb_one(resource))
    }

    fn absorb_one(&mut self, mut resource: Resource) -> Result<(), ResMapError> {
        let matches = self.matching_any_id(resource.id());
        let behavior = resource.behavior;
        let index = match (&matches[..], behavior) {
            ([], Behavior::Merge | Behavior::Replace) => {
                return Err(ResMapError::NothingToMerge(resource.id().to_string()));
            }
            ([], _) => return self.append(resource),
            ([index], Behavior::Merge | Behavior::Replace) => *index,
            ([_], _) => {
                let (id, behavior) = (resource.id().to_string(), behavior.name());
                return Err(ResMapError::Exists { id, behavior });
            }
            _ => return Err(ResMapError::ManyToMerge(resource.id().to_string())),
        };
        let old = &mut self.list[index];
        resource.take_metadata_of(old);
        if behavior == Behavior::Merge {
            resource.merge_data_of(old, "data");
            resource.merge_data_of(old, "binaryData");
            resource.origin = old.origin.take().or(resource.origin);
        }
        *old = resource;
        Ok(())
    }

    /// Finds two resources that have come to have the same id.
    pub(crate) fn duplicate_id(&self) -> Option<String> {
        duplicate_id(&self.list)
    }
}

fn duplicate_id(resources: &[Resource]) -> Option<String> {
    let mut seen = HashSet::with_capacity(resources.len());
    let twice = resources.iter().find(|resource| !seen.insert(resource.id().key()));
    twice.map(|resource| resource.id().to_string())
}
