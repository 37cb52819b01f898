//! `vars`: texts `$(NAME)` replaced by the value of a field.

use std::collections::BTreeMap;

use manifest::yaml::{Node, Scalar, Tag};

use crate::{
    config::FieldSpec,
    fields::{FieldError, Fields},
    kustomization::Var,
    path,
    resid::{GvkRef, ResId},
    resmap::ResMap,
};

/// Why vars cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VarError {
    /// Two vars have the same name.
    #[error("var '{0}' already encountered")]
    Twice(String),
    /// Several objects may be the source.
    #[error("found {count} resId matches for var {{{name} {source_type} {{}}}} (unable to disambiguate)")]
    Ambiguous {
        /// Name of the var.
        name: String,
        /// Kind, version and group of the source.
        source_type: String,
        /// How many objects.
        count: usize,
    },
    /// The source lacks the field.
    #[error(
        "field specified in var '{{{name} {source_type} {{{field}}}}}' not found in corresponding resource"
    )]
    NoField {
        /// Name of the var.
        name: String,
        /// Kind, version and group of the source.
        source_type: String,
        /// The field.
        field: String,
    },
    /// No object is the source.
    #[error(
        "var '{{{name} {source_type} {{{field}}}}}' cannot be mapped to a field in the set of known resources"
    )]
    NoSource {
        /// Name of the var.
        name: String,
        /// Kind, version and group of the source.
        source_type: String,
        /// The field.
        field: String,
    },
    /// A field cannot be written.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// Vars by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct VarSet(BTreeMap<String, Var>);

impl VarSet {
    pub(crate) fn merge(&mut self, vars: impl IntoIterator<Item = Var>) -> Result<(), VarError> {
        for var in vars {
            if self.0.contains_key(&var.name) {
                return Err(VarError::Twice(var.name));
            }
            self.0.insert(var.name.clone(), var);
        }
        Ok(())
    }

    pub(crate) fn into_vars(self) -> impl Iterator<Item = Var> {
        self.0.into_values()
    }
}

/// Marks the objects that vars take their values from.
pub(crate) fn mark_sources(resources: &mut ResMap, vars: &[Var]) -> Result<(), VarError> {
    for var in vars {
        let wanted = id_of(var);
        let fits = |id: ResId<'_>| {
            let same = id.gvk == wanted.gvk && id.name == wanted.name;
            same && (wanted.namespace.is_empty() || wanted.same_namespace(id))
        };
        let matches: Vec<_> = resources
            .iter()
            .enumerate()
            .filter(|(_, resource)| resource.any_id(fits))
            .map(|(at, _)| at)
            .collect();
        match matches[..] {
            [] => {}
            [at] => resources.list_mut()[at].var_names.push(var.name.clone()),
            _ => {
                return Err(VarError::Ambiguous {
                    name: var.name.clone(),
                    source_type: wanted.gvk.to_string(),
                    count: matches.len(),
                });
            }
        }
    }
    Ok(())
}

fn id_of(var: &Var) -> ResId<'_> {
    let target = &var.objref;
    let given = GvkRef { group: &target.group, version: &target.version, kind: &target.kind };
    let gvk = match target.api_version.split_once('/') {
        _ if target.api_version.is_empty() => given,
        Some((group, version)) => GvkRef { group, version, ..given },
        None => GvkRef { version: &target.api_version, ..given },
    };
    ResId { gvk, name: &target.name, namespace: &target.namespace }
}

/// Writes the values of all vars into the fields of the configuration.
pub(crate) fn resolve(resources: &mut ResMap, vars: &VarSet, specs: &[FieldSpec]) -> Result<(), VarError> {
    let mut values = BTreeMap::new();
    for var in vars.0.values() {
        values.insert(var.name.as_str(), value_of(resources, var)?);
    }
    if values.is_empty() {
        return Ok(());
    }
    let fields = Fields::new(specs);
    for resource in resources.list_mut() {
        fields.for_each(&mut resource.node, None, &mut |node| expand(node, &values))?;
        resource.sync_twins();
    }
    Ok(())
}

/// The value as a scalar; `None` for lists and mappings, which replace nothing.
fn value_of(resources: &ResMap, var: &Var) -> Result<Option<Scalar>, VarError> {
    let field = if var.fieldref.field_path.is_empty() { "metadata.name" } else { &var.fieldref.field_path };
    let source = resources.iter().find(|resource| resource.var_names.contains(&var.name));
    let source = source.ok_or_else(|| VarError::NoSource {
        name: var.name.clone(),
        source_type: id_of(var).gvk.to_string(),
        field: field.to_owned(),
    })?;
    let found = path::split_bracketed(field, '.').iter().flat_map(|part| index_parts(part)).try_fold(
        &source.node,
        |node, part| match (node, part.parse::<usize>()) {
            (Node::Sequence(list), Ok(at)) => list.items.get(at),
            (Node::Sequence(list), Err(_)) => element(&list.items, &part),
            (node, _) => node.get(&part),
        },
    );
    match found {
        Some(node) => Ok(node.as_scalar().cloned()),
        None => Err(VarError::NoField {
            name: var.name.clone(),
            source_type: id_of(var).gvk.to_string(),
            field: field.to_owned(),
        }),
    }
}

/// `a[0]` is `a`, then `0`.
fn index_parts(part: &str) -> Vec<String> {
    let split = part.strip_suffix(']').and_then(|part| part.rsplit_once('['));
    match split.filter(|(_, index)| index.parse::<usize>().is_ok()) {
        Some(("", index)) => vec![index.to_owned()],
        Some((name, index)) => vec![name.to_owned(), index.to_owned()],
        None => vec![part.to_owned()],
    }
}

/// `[key=value]`: the element whose field has the value.
fn element<'n>(items: &'n [Node], part: &str) -> Option<&'n Node> {
    let (key, value) = part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')?;
    items.iter().find(|item| item.get(key).and_then(Node::text) == Some(value))
}

type Values<'v> = BTreeMap<&'v str, Option<Scalar>>;

fn expand(node: &mut Node, values: &Values<'_>) -> Result<(), FieldError> {
    match node {
        Node::Scalar(scalar) => expand_scalar(scalar, values),
        Node::Mapping(mapping) => {
            for entry in &mut mapping.entries {
                if entry.key.tag != Tag::Str {
                    let key = &entry.key.value;
                    return Err(FieldError::Step(format!("invalid map key: value='{key}'")));
                }
                if let Node::Scalar(scalar) = &mut entry.value {
                    expand_scalar(scalar, values);
                }
            }
        }
        Node::Sequence(list) => {
            for item in &mut list.items {
                match item {
                    Node::Scalar(scalar) if scalar.tag == Tag::Str => expand_scalar(scalar, values),
                    _ => return Err(FieldError::Step("invalid value type expect a string".into())),
                }
            }
        }
    }
    Ok(())
}

fn expand_scalar(scalar: &mut Scalar, values: &Values<'_>) {
    if scalar.tag != Tag::Str || !scalar.value.contains('$') {
        return;
    }
    let whole = scalar.value.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
    if let Some(Some(value)) = whole.and_then(|name| values.get(name)) {
        // The var alone keeps its type.
        *scalar = Scalar { twin: scalar.twin, ..Scalar::new(value.value.clone(), value.tag) };
        return;
    }
    *scalar = Scalar { twin: scalar.twin, ..Scalar::string(expanded(&scalar.value, values)) };
}

/// `$(NAME)` becomes the value, if there is one, `$$` becomes `$`.
fn expanded(text: &str, values: &Values<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            match values.get(name) {
                Some(Some(value)) => out.push_str(&value.value),
                _ => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use manifest::yaml::Scalar;

    use super::{Values, expanded};

    #[test]
    fn expands_known_vars_and_keeps_others() {
        let mut values = Values::new();
        values.insert("A", Some(Scalar::string("1")));
        for (text, expect) in
            [("x$(A)y", "x1y"), ("$(B)$(A)", "$(B)1"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$(A", "$(A")]
        {
            assert_eq!(expanded(text, &values), expect, "{text}");
        }
    }
}
