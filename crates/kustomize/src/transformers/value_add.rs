use manifest::yaml::Node;
use serde::Deserialize;

use super::{SetNamespace, Transformer};
use crate::{
    fields::{scalar_mut, set_text},
    kustomization::{ObjectMeta, Selector, from_loose_value},
    load::Loader,
    path,
    resmap::ResMap,
    resource::Resource,
    schema::Schemas,
    selector::ResourceSelector,
    target::BuildError,
};

/// Why a value cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueAddError {
    /// Nothing is named.
    #[error("must specify at least one target")]
    NoTarget,
    /// A target names no field.
    #[error("fieldPath cannot be empty")]
    NoField,
    /// A position is negative.
    #[error("value of FilePathPosition ({0}) cannot be negative")]
    Position(i64),
    /// A file of targets has wrong fields.
    #[error("targets of '{file}': json: {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
}

/// The fields of the `ValueAddTransformer`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddValueArgs {
    value: String,
    targets: Vec<Target>,
    target_file_path: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    selector: Option<Selector>,
    field_path: String,
    file_path_position: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Targets {
    targets: Vec<Target>,
}

/// Writes one value into many fields, as a whole or as a part of a file path.
pub(crate) struct AddValue {
    value: String,
    targets: Vec<(Option<ResourceSelector>, Target)>,
}

impl AddValue {
    pub(crate) fn new(args: &AddValueArgs, loader: &Loader<'_>) -> Result<Self, BuildError> {
        let mut targets = args.targets.clone();
        if !args.target_file_path.is_empty() {
            targets.extend(load_targets(loader, &args.target_file_path)?);
        }
        if targets.is_empty() {
            return Err(ValueAddError::NoTarget.into());
        }
        let value = match args.value.trim() {
            "" => path::base_name(loader.root()),
            value => value,
        };
        let targets = targets.into_iter().map(compile).collect::<Result<_, BuildError>>()?;
        Ok(Self { value: value.to_owned(), targets })
    }
}

fn compile(target: Target) -> Result<(Option<ResourceSelector>, Target), BuildError> {
    if target.field_path.is_empty() {
        return Err(ValueAddError::NoField.into());
    }
    if target.file_path_position < 0 {
        return Err(ValueAddError::Position(target.file_path_position).into());
    }
    Ok((target.selector.as_ref().map(ResourceSelector::new).transpose()?, target))
}

fn load_targets(loader: &Loader<'_>, file: &str) -> Result<Vec<Target>, BuildError> {
    let text = loader.load_text(file)?;
    let limits = manifest::yaml::Limits::default();
    let value = manifest::yaml::parse_value(file, &text, manifest::yaml::DuplicateKeys::LastWins, &limits)?;
    let read: Targets =
        from_loose_value(value).map_err(|message| ValueAddError::File { file: file.to_owned(), message })?;
    Ok(read.targets)
}

impl Transformer for AddValue {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        for (selector, target) in &self.targets {
            let selected = match selector {
                Some(selector) => resources.select(selector)?,
                None => (0..resources.list().len()).collect(),
            };
            for index in selected {
                self.apply(&mut resources.list_mut()[index], target)?;
            }
        }
        Ok(())
    }
}

impl AddValue {
    fn apply(&self, resource: &mut Resource, target: &Target) -> Result<(), BuildError> {
        if target.field_path == "metadata/namespace" {
            let metadata = ObjectMeta { namespace: self.value.clone(), ..ObjectMeta::default() };
            let set = SetNamespace { metadata, ..SetNamespace::default() };
            return Ok(set.apply(resource, &[])?);
        }
        let field = field_at(&mut resource.node, &path::split(&target.field_path, '/'));
        let old = scalar_mut(field)?.value.clone();
        let value = match usize::try_from(target.file_path_position) {
            Ok(position) if position > 0 => insert_part(&old, position - 1, &self.value),
            _ => self.value.clone(),
        };
        Ok(set_text(field, &value)?)
    }
}

/// The field at a path of mappings, made when it is missing.
fn field_at<'n>(mut node: &'n mut Node, parts: &[String]) -> &'n mut Node {
    for (at, part) in parts.iter().enumerate() {
        if node.as_mapping().is_none() {
            *node = Node::mapping();
        }
        let Node::Mapping(mapping) = node else { unreachable!("made a mapping above") };
        let last = at + 1 == parts.len();
        node = mapping.entry(part, || if last { Node::string("") } else { Node::mapping() });
    }
    node
}

/// Puts a part into a file path; an absolute path stays absolute.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let absolute = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{absolute}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::insert_part;

    #[test]
    fn inserts_parts_into_file_paths() {
        for (path, position, expect) in [
            ("", 3, "P"),
            ("/", 0, "/P"),
            ("pie", 0, "P/pie"),
            ("/raw", 9, "/raw/P"),
            ("a/b/c", 2, "a/b/P/c"),
        ] {
            assert_eq!(insert_part(path, position, "P"), expect);
        }
    }
}
