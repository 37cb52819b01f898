//! What kustomize knows of types: which lists merge by which keys, and which kinds have no namespace.
//! Reading order: `scope`, `builtin`, `custom`.

mod builtin;
mod custom;
mod scope;

pub(crate) use self::{custom::CustomSchema, scope::is_cluster_scoped};

use self::{builtin::Type, custom::Definition};
use crate::resid::GvkRef;

/// The OpenAPI version whose facts are built in.
pub(crate) const BUILTIN_VERSION: &str = "v1.21.2";

/// Whether objects of a kind are known to be in no namespace; a kind that is not known counts as having them.
#[must_use]
pub fn has_no_namespace(api_version: &str, kind: &str) -> bool {
    is_cluster_scoped(GvkRef::from_api_version(api_version, kind))
}

/// By which field the items of a list of a built-in kind merge; empty for a list of scalars that merges, `None` for
/// lists that are replaced. `path` names the fields on the way; lists among them are gone through.
#[must_use]
pub fn merge_key(api_version: &str, kind: &str, path: &[&str]) -> Option<&'static str> {
    let mut place = builtin::of(api_version, kind).map(Schema::Type)?;
    for name in path {
        place = match place {
            Schema::List { of, .. } => Schema::Type(of?),
            place => place,
        };
        place = place.field(name)?;
    }
    match place {
        Schema::List { keys, .. } => Some(keys.first().copied().unwrap_or_default()),
        _ => None,
    }
}

/// The types in force during a build.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// Set by `openapi.path`; the built-in types are then unknown.
    custom: Option<CustomSchema>,
}

/// What is known of one place in an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Schema<'s> {
    /// A mapping of a built-in type.
    Type(&'static Type),
    /// A list of a built-in type that merges, with its keys and the type of its elements.
    List { keys: &'static [&'static str], of: Option<&'static Type> },
    /// A place in a custom schema.
    Custom(Definition<'s>),
}

impl Schemas {
    pub(crate) fn set_custom(&mut self, schema: CustomSchema) {
        self.custom = Some(schema);
    }

    /// The schema of a type, if it is known.
    pub(crate) fn of(&self, api_version: &str, kind: &str) -> Option<Schema<'_>> {
        match &self.custom {
            Some(custom) => custom.of(api_version, kind).map(Schema::Custom),
            None => builtin::of(api_version, kind).map(Schema::Type),
        }
    }
}

impl<'s> Schema<'s> {
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::Type(of) => of.field(name),
            Self::List { .. } => None,
            Self::Custom(definition) => definition.field(name).map(Schema::Custom),
        }
    }

    pub(crate) fn elements(self) -> Option<Self> {
        match self {
            Self::Type(_) => None,
            Self::List { of, .. } => of.map(Schema::Type),
            Self::Custom(definition) => definition.elements().map(Schema::Custom),
        }
    }

    /// Merge keys of a list that merges; empty for a list of scalars; `None` when the list is replaced.
    pub(crate) fn merge_keys(self) -> Option<Vec<&'s str>> {
        match self {
            Self::Type(_) => None,
            Self::List { keys, .. } => Some(keys.to_vec()),
            Self::Custom(definition) => definition.merge_keys(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merge_key;

    #[test]
    fn lists_merge_by_the_key_of_their_place() {
        let of = |kind, path: &[&str]| merge_key("apps/v1", kind, path);
        let pod = ["spec", "template", "spec"];
        let containers = [&pod[..], &["containers"]].concat();
        assert_eq!(of("Deployment", &containers), Some("name"));
        assert_eq!(of("Deployment", &[&containers[..], &["ports"]].concat()), Some("containerPort"));
        assert_eq!(of("Deployment", &[&containers[..], &["args"]].concat()), None);
        assert_eq!(of("Deployment", &["metadata", "finalizers"]), Some(""));
        assert_eq!(of("Unknown", &["metadata", "finalizers"]), None);
    }
}
