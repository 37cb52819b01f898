//! Strategic merge: a patch laid over an object, lists merged by the keys of the schema.
//! Reading order: `merge` here, then `list` and `directive`.

mod directive;
mod list;

use std::collections::BTreeSet;

use manifest::yaml::{Mapping, Node, Scalar, ScalarStyle, Tag};

use crate::{
    fields::kind_name,
    schema::{Schema, Schemas},
};

use self::directive::{Directive, take_directive};

/// Why a patch does not fit an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The patch has another kind of value than the object.
    #[error("wrong node kind: expected {expected} but got {found} at '{path}'")]
    Kind {
        /// The kind that goes before.
        expected: &'static str,
        /// The other kind.
        found: &'static str,
        /// The field.
        path: String,
    },
    /// `$patch` is something unknown.
    #[error("unknown patch strategy '{0}'")]
    Directive(String),
}

/// Lays `patch` over `object`; `None` when the patch deletes it.
pub(crate) fn merge_patch(object: Node, patch: &Node, schemas: &Schemas) -> Result<Option<Node>, MergeError> {
    let mut merger = Merger { schemas, path: Vec::new() };
    merger.walk(Some(object), Some(patch.clone()), None)
}

struct Merger<'s> {
    schemas: &'s Schemas,
    path: Vec<String>,
}

fn present(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| !node.is_null())
}

/// A field that is set to null on purpose (`null`, `~`), unlike one without a value.
fn is_written_null(node: &Node) -> bool {
    node.is_null() && node.text().is_some_and(|text| !text.is_empty())
}

impl<'s> Merger<'s> {
    fn walk(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        if patch.as_ref().is_some_and(Node::is_null) {
            return Ok(None);
        }
        let schema = schema.or_else(|| self.own_schema(dest.as_ref(), patch.as_ref()));
        let lead = present(dest.as_ref()).or(present(patch.as_ref()));
        let expected = lead.map_or("MappingNode", kind_name);
        self.check_kind(expected, dest.as_ref())?;
        self.check_kind(expected, patch.as_ref())?;
        match expected {
            "SequenceNode" => match schema.and_then(Schema::merge_keys) {
                Some(keys) => self.merge_list(dest, patch, schema, keys),
                None => Ok(patch.or(dest)),
            },
            "ScalarNode" => Ok(patch.or(dest)),
            _ => self.merge_mapping(dest, patch, schema),
        }
    }

    fn check_kind(&self, expected: &'static str, node: Option<&Node>) -> Result<(), MergeError> {
        match present(node).map(kind_name) {
            Some(found) if found != expected => {
                Err(MergeError::Kind { expected, found, path: self.path.join(".") })
            }
            _ => Ok(()),
        }
    }

    /// The schema of a value that is an object of its own.
    fn own_schema(&self, dest: Option<&Node>, patch: Option<&Node>) -> Option<Schema<'s>> {
        let of = |node: &Node| {
            let kind = node.get("kind").and_then(Node::text)?;
            let api_version = node.get("apiVersion").and_then(Node::text)?;
            self.schemas.of(api_version, kind)
        };
        present(dest).and_then(of).or_else(|| present(patch).and_then(of))
    }

    fn merge_mapping(
        &mut self,
        dest: Option<Node>,
        mut patch: Option<Node>,
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        let added = present(dest.as_ref()).is_none();
        let Some(node) = patch.as_mut() else {
            return if added {
                Ok(dest.filter(is_written_null))
            } else {
                self.merge_fields(dest, None, schema)
            };
        };
        let dest = match take_directive(node) {
            Ok(Directive::Delete) => return Ok(None),
            Ok(Directive::Merge) if !added => without_directive(dest),
            Err(error) if !added => return Err(error),
            // What is added is walked with itself, so that its own directives and nulls are taken out.
            _ => patch.clone(),
        };
        self.merge_fields(dest, patch, schema)
    }

    fn merge_fields(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        let Some(Node::Mapping(mut dest)) = dest else { return Ok(dest) };
        let mut patch = match patch {
            Some(Node::Mapping(patch)) => patch,
            _ => Mapping::default(),
        };
        let keys = |mapping: &Mapping| mapping.iter().map(|(key, _)| key.to_owned()).collect::<BTreeSet<_>>();
        for key in &keys(&dest) | &keys(&patch) {
            let field_schema = schema.and_then(|schema| schema.field(&key));
            let old = dest.get_mut(&key).map(|node| std::mem::replace(node, Node::null()));
            let style = old.as_ref().and_then(Node::as_scalar).map(|scalar| scalar.style);
            self.path.push(key.clone());
            let value = self.walk(old, patch.remove(&key), field_schema)?;
            self.path.pop();
            set_field(&mut dest, &key, value, style);
        }
        Ok(Some(dest.into()))
    }
}

/// Puts a merged value in its place. An existing scalar keeps its quotes, so that what is quoted stays a string.
fn set_field(dest: &mut Mapping, key: &str, value: Option<Node>, style: Option<ScalarStyle>) {
    match (value, style) {
        (None, _) => {
            dest.remove(key);
        }
        (Some(Node::Scalar(scalar)), Some(style)) => dest.set(key, Node::Scalar(styled(scalar, style))),
        (Some(node), _) => dest.set(key, node),
    }
}

fn without_directive(mut dest: Option<Node>) -> Option<Node> {
    if let Some(mapping) = dest.as_mut().and_then(Node::as_mapping_mut) {
        mapping.remove(directive::KEY);
    }
    dest
}

fn styled(mut scalar: Scalar, style: ScalarStyle) -> Scalar {
    let restyled = scalar.style != style;
    scalar.style = style;
    if restyled && style != ScalarStyle::Plain && scalar.tag != Tag::Null {
        scalar.tag = Tag::Str;
    }
    scalar
}
