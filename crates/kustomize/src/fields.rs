//! Finding and setting the fields that a [`FieldSpec`] names.

use manifest::yaml::{Dialect, Mapping, Node, Scalar, ScalarStyle, Sequence, Tag, resolve_plain};

use crate::{
    config::FieldSpec,
    resid::{GvkRef, ResId},
    weigh::MAX_DEPTH,
};

/// Why a field cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A field spec does not fit an object.
    #[error("considering field '{path}' of object {object}: {source}")]
    InObject {
        /// The field.
        path: String,
        /// The object.
        object: String,
        /// What is wrong there.
        source: Box<FieldError>,
    },
    /// A path has too many parts.
    #[error("field path exceeds the limit of {0} parts")]
    TooDeep(usize),
    /// A scalar stands where the path goes on.
    #[error("expected sequence or mapping node")]
    NotACollection,
    /// The path has an empty part.
    #[error("cannot set or create an empty field name")]
    EmptyName,
    /// A part of the path that means an element of a list, at a mapping.
    #[error("fieldName: {0}: wrong node kind: expected SequenceNode but got MappingNode")]
    NotAList(String),
    /// `*` as a part of the path.
    #[error("fieldName: *: wildcard is not supported in PathGetter")]
    Wildcard,
    /// The node is of another kind.
    #[error("wrong node kind: expected {expected} but got {found}")]
    Kind {
        /// The kind that is needed.
        expected: &'static str,
        /// The kind that is there.
        found: &'static str,
    },
    /// Something a caller's own step found wrong.
    #[error("{0}")]
    Step(String),
}

/// What is made when a field is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Create {
    /// A scalar, to be set by the step.
    Scalar,
    /// A mapping.
    Mapping,
}

type Step<'f> = dyn FnMut(&mut Node) -> Result<(), FieldError> + 'f;

/// Runs `step` on every field of `object` that `spec` names, if the object is of its type.
pub(crate) fn for_each_field(
    object: &mut Node,
    spec: &FieldSpec,
    parts: &[String],
    create: Option<Create>,
    step: &mut Step<'_>,
) -> Result<(), FieldError> {
    if gvk_of(object).is_selected(spec.gvk()) {
        for_each_field_of_any(object, spec, parts, create, step)
    } else {
        Ok(())
    }
}

/// As [`for_each_field`], for an object of any type.
pub(crate) fn for_each_field_of_any(
    object: &mut Node,
    spec: &FieldSpec,
    parts: &[String],
    create: Option<Create>,
    step: &mut Step<'_>,
) -> Result<(), FieldError> {
    let create = create.filter(|_| spec.create);
    if parts.len() > MAX_DEPTH {
        return Err(FieldError::TooDeep(MAX_DEPTH));
    }
    walk(object, parts, create, step).map_err(|source| FieldError::InObject {
        path: spec.path.clone(),
        object: id_of(object).to_string(),
        source: Box::new(source),
    })
}

/// Field specs and the parts of their paths.
pub(crate) struct Fields<'s>(Vec<(&'s FieldSpec, Vec<String>)>);

impl<'s> Fields<'s> {
    pub(crate) fn new(specs: &'s [FieldSpec]) -> Self {
        Self(specs.iter().map(|spec| (spec, spec.parts())).collect())
    }

    /// Runs `step` on every field of `object` that one of the specs names, spec by spec.
    pub(crate) fn for_each(
        &self,
        object: &mut Node,
        create: Option<Create>,
        step: &mut Step<'_>,
    ) -> Result<(), FieldError> {
        let mut chosen = self.chosen(object, 0).into_iter();
        while let Some(at) = chosen.next() {
            let (spec, parts) = &self.0[at];
            for_each_field_of_any(object, spec, parts, create, step)?;
            let first = parts.first().map(|part| part.strip_suffix("[]").unwrap_or(part));
            if matches!(first, Some("apiVersion" | "kind")) {
                chosen = self.chosen(object, at + 1).into_iter();
            }
        }
        Ok(())
    }

    /// Those of the object's type, from one on. Its type is looked up once, because there are many specs and few fit.
    fn chosen(&self, object: &Node, from: usize) -> Vec<usize> {
        let gvk = gvk_of(object);
        (from..self.0.len()).filter(|at| gvk.is_selected(self.0[*at].0.gvk())).collect()
    }
}

fn walk(
    node: &mut Node,
    parts: &[String],
    create: Option<Create>,
    step: &mut Step<'_>,
) -> Result<(), FieldError> {
    let Some((part, rest)) = parts.split_first() else { return step(node) };
    match node {
        _ if node.is_null() => Ok(()),
        Node::Sequence(list) => list.items.iter_mut().try_for_each(|item| walk(item, parts, create, step)),
        Node::Mapping(mapping) => walk_mapping(mapping, part, rest, create, step),
        Node::Scalar(_) => Err(FieldError::NotACollection),
    }
}

fn walk_mapping(
    mapping: &mut Mapping,
    part: &str,
    rest: &[String],
    create: Option<Create>,
    step: &mut Step<'_>,
) -> Result<(), FieldError> {
    let (name, is_list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
    if name.is_empty() {
        return Err(FieldError::EmptyName);
    }
    if name == "*" {
        return Err(FieldError::Wildcard);
    }
    if is_element(name) {
        return Err(FieldError::NotAList(name.to_owned()));
    }
    let make = match create.filter(|_| !is_list) {
        Some(create) if rest.is_empty() => Some(create),
        Some(_) => Some(Create::Mapping),
        None => None,
    };
    let field = match make {
        Some(kind) => Some(mapping.entry(name, || made(kind))),
        None => mapping.get_mut(name),
    };
    let Some(field) = field else { return Ok(()) };
    if field.is_null() {
        if is_list {
            *field = Node::Sequence(Sequence::default());
        } else if let Some(kind) = make {
            *field = made(kind);
        }
    }
    walk(field, rest, create, step)
}

/// Whether a part of a path means an element of a list: its place, the one behind the last, or one with a field.
fn is_element(part: &str) -> bool {
    let selects = part.starts_with('[') && part.ends_with(']') && part.contains('=');
    part == "-" || selects || part.parse::<u32>().is_ok()
}

fn made(kind: Create) -> Node {
    match kind {
        Create::Scalar => Node::string(""),
        Create::Mapping => Node::mapping(),
    }
}

/// Sets a scalar's text; what it stands for follows from its style, as when it were read again.
pub(crate) fn set_text(node: &mut Node, text: &str) -> Result<(), FieldError> {
    let scalar = scalar_mut(node)?;
    scalar.value = text.into();
    scalar.open_tag = true;
    retag(scalar);
    Ok(())
}

/// Lets a scalar stand for what its text and style say.
pub(crate) fn retag(scalar: &mut Scalar) {
    let plain = scalar.style == ScalarStyle::Plain && !scalar.value.contains('\n');
    scalar.tag = if plain { resolve_plain(Dialect::Kyaml, &scalar.value) } else { Tag::Str };
}

/// Sets a scalar to a string.
pub(crate) fn set_string(node: &mut Node, text: &str) -> Result<(), FieldError> {
    let scalar = scalar_mut(node)?;
    scalar.value = text.into();
    scalar.tag = Tag::Str;
    scalar.open_tag = false;
    Ok(())
}

/// Sets a string entry of a mapping, in place when it is there. Tells whether it was made.
pub(crate) fn set_entry(node: &mut Node, key: &str, value: &str) -> Result<bool, FieldError> {
    let found = kind_name(node);
    match node {
        Node::Mapping(mapping) => match mapping.get_mut(key) {
            Some(old @ Node::Scalar(_)) => set_string(old, value).map(|()| false),
            Some(old) => {
                *old = Node::string(value);
                Ok(false)
            }
            None => {
                mapping.push(key, Node::string(value));
                Ok(true)
            }
        },
        _ if node.is_null() => Ok(false),
        _ => Err(FieldError::Kind { expected: "MappingNode", found }),
    }
}

pub(crate) fn scalar_mut(node: &mut Node) -> Result<&mut Scalar, FieldError> {
    let found = kind_name(node);
    match node {
        Node::Scalar(scalar) => Ok(scalar),
        _ => Err(FieldError::Kind { expected: "ScalarNode", found }),
    }
}

/// kyaml's name of a node's kind.
pub(crate) fn kind_name(node: &Node) -> &'static str {
    match node {
        Node::Scalar(_) => "ScalarNode",
        Node::Sequence(_) => "SequenceNode",
        Node::Mapping(_) => "MappingNode",
    }
}

/// Null, an empty list or an empty mapping.
pub(crate) fn is_empty(node: &Node) -> bool {
    match node {
        Node::Scalar(scalar) => scalar.tag == Tag::Null,
        Node::Sequence(list) => list.items.is_empty(),
        Node::Mapping(mapping) => mapping.is_empty(),
    }
}

fn root_text<'n>(object: &'n Node, field: &str) -> &'n str {
    object.get(field).and_then(Node::text).unwrap_or_default()
}

fn meta_text<'n>(object: &'n Node, field: &str) -> &'n str {
    let value = object.at(&["metadata", field]).filter(|value| !is_empty(value));
    value.and_then(Node::text).unwrap_or_default()
}

pub(crate) fn gvk_of(object: &Node) -> GvkRef<'_> {
    GvkRef::from_api_version(root_text(object, "apiVersion"), root_text(object, "kind"))
}

/// The id an object has now.
pub(crate) fn id_of(object: &Node) -> ResId<'_> {
    ResId { gvk: gvk_of(object), name: meta_text(object, "name"), namespace: meta_text(object, "namespace") }
}
