use manifest::yaml::{DuplicateKeys, Limits, parse_value};
use serde_json::{Map, Value};

use super::{Config, ConfigError, FieldSpec, NameReferences, merge_one};
use crate::{load::Loader, resid::Gvk, target::BuildError};

/// References followed at most, so that a circle ends.
const MAX_DEPTH: usize = 32;

/// The configuration that the OpenAPI definitions of `crds` imply, by their `x-kubernetes-…` marks.
pub(crate) fn load_crds(loader: &Loader<'_>, files: &[String]) -> Result<Config, BuildError> {
    let mut config = Config::default();
    for file in files {
        let text = loader.load_text(file)?;
        let value = parse_value(file, &text, DuplicateKeys::LastWins, &Limits::default())?;
        let Value::Object(types) = value else { continue };
        for (name, definition) in &types {
            if is_kubernetes_type(definition) {
                let kind = name.rsplit('.').next().unwrap_or(name);
                read_type(&mut config, kind, &types, name, &mut Vec::new())?;
            }
        }
    }
    config.sort();
    Ok(config)
}

fn properties(definition: &Value) -> Option<&Map<String, Value>> {
    definition.get("Schema")?.get("properties")?.as_object()
}

fn is_kubernetes_type(definition: &Value) -> bool {
    let Some(properties) = properties(definition) else { return false };
    ["kind", "apiVersion", "metadata"].iter().all(|field| properties.contains_key(*field))
}

fn read_type(
    config: &mut Config,
    kind: &str,
    types: &Map<String, Value>,
    name: &str,
    path: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let Some(properties) = types.get(name).and_then(properties) else { return Ok(()) };
    if path.len() > MAX_DEPTH {
        return Ok(());
    }
    for (field, property) in properties {
        path.push(field.clone());
        read_property(config, kind, property, path)?;
        if let Some(reference) = property.get("$ref").and_then(Value::as_str) {
            read_type(config, kind, types, reference, path)?;
        }
        path.pop();
    }
    Ok(())
}

fn read_property(
    config: &mut Config,
    kind: &str,
    property: &Value,
    path: &[String],
) -> Result<(), ConfigError> {
    let mark = |name: &str| property.get(name).and_then(Value::as_str);
    let spec = FieldSpec::new(("", "", kind), path.join("/"), false);
    if mark("x-kubernetes-annotation").is_some() {
        merge_one(&mut config.common_annotations, &spec)?;
    }
    if mark("x-kubernetes-label-selector").is_some() {
        merge_one(&mut config.common_labels, &spec)?;
    }
    if mark("x-kubernetes-identity").is_some() {
        merge_one(&mut config.name_prefix, &spec)?;
    }
    let target = mark("x-kubernetes-object-ref-api-version").zip(mark("x-kubernetes-object-ref-kind"));
    if let Some((version, target)) = target {
        let key = mark("x-kubernetes-object-ref-name-key").unwrap_or("name");
        let spec = FieldSpec::new(("", "", kind), format!("{}/{key}", spec.path), false);
        config.absorb_references(&NameReferences::new(Gvk::new("", version, target), vec![spec]))?;
    }
    Ok(())
}
