//! Variables put into the YAML text of each resource. The text is the canonical one, in which `'${A}'` has
//! no quotes any more: a value such as `1` or `true` becomes a number or a boolean, as in Flux.

use std::collections::{BTreeMap, HashSet};

use envsubst::{Unset, is_variable_name, substitute};
use manifest::{
    Gvk, Object,
    yaml::{DuplicateKeys, Limits, YamlCause, YamlError, parse_value, to_yaml},
};
use serde_json::Value;

use crate::{
    error::{BuildError, PostBuildError},
    spec::Substitute,
};

/// Label or annotation that exempts an object.
const MARK: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Puts the variables into all objects that are not exempt.
pub(crate) fn substitute_all(objects: &mut [Object], given: &Substitute) -> Result<(), BuildError> {
    if given.vars.is_empty() && !given.always {
        return Ok(());
    }
    let vars = given.vars.iter().map(|(name, value)| (name.as_str(), value.replace('\n', ""))).collect();
    let variables = Variables { vars, unset: if given.strict { Unset::Fail } else { Unset::Empty } };
    for object in objects.iter_mut().filter(|object| !is_exempt(object)) {
        match variables.put_into(object) {
            Ok(Some(changed)) => *object = changed,
            Ok(None) => {}
            Err(cause) => return Err(post_build(object, cause)),
        }
    }
    refuse_duplicates(objects)
}

fn is_exempt(object: &Object) -> bool {
    object.label(MARK) == Some("disabled") || object.annotation(MARK) == Some("disabled")
}

fn post_build(object: &Object, cause: PostBuildError) -> BuildError {
    BuildError::PostBuild { resource: format!("{}/{}", gvk(&object.gvk()), object.name()), cause }
}

/// `ConfigMap.v1.[noGrp]`, as kustomize prints it.
fn gvk(gvk: &Gvk) -> String {
    let group = if gvk.group.is_empty() { "[noGrp]" } else { &gvk.group };
    format!("{}.{}.{group}", gvk.kind, gvk.version)
}

fn refuse_duplicates(objects: &[Object]) -> Result<(), BuildError> {
    let mut seen = HashSet::with_capacity(objects.len());
    match objects.iter().find(|object| !seen.insert((object.gvk(), object.namespace(), object.name()))) {
        None => Ok(()),
        Some(object) => Err(post_build(object, PostBuildError::Duplicate(object.id().subject()))),
    }
}

struct Variables<'v> {
    vars: BTreeMap<&'v str, String>,
    unset: Unset,
}

impl Variables<'_> {
    /// The object with the values in it; `None` when it holds no reference.
    fn put_into(&self, object: &Object) -> Result<Option<Object>, PostBuildError> {
        if let Some(name) = self.vars.keys().find(|name| !is_variable_name(name)) {
            return Err(PostBuildError::VariableName((*name).to_owned()));
        }
        if !has_dollar(object.value()) {
            return Ok(None);
        }
        let before = to_yaml(object.value());
        let after = substitute(&before, |name| self.vars.get(name).map(String::as_str), self.unset)?;
        let value = parse_value("", &after, DuplicateKeys::LastWins, &Limits::default())
            .map_err(|error| not_yaml(&error, &before))?;
        Object::from_value(value).map(Some).map_err(PostBuildError::NotAnObject)
    }
}

fn has_dollar(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('$'),
        Value::Array(items) => items.iter().any(has_dollar),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('$') || has_dollar(value)),
        _ => false,
    }
}

/// Words of the parser that quote nothing: a value may be secret.
fn not_yaml(error: &YamlError, before: &str) -> PostBuildError {
    let words = match &error.cause {
        YamlCause::Syntax(words) => words.clone(),
        YamlCause::Limit { .. } | YamlCause::Aliasing | YamlCause::Merge | YamlCause::Key(_) => {
            error.cause.to_string()
        }
        _ => "a value has no meaning in YAML here".to_owned(),
    };
    // Values hold no line breaks, so that lines are those of the text before.
    let line = before.lines().nth((error.line as usize).saturating_sub(1)).unwrap_or_default();
    PostBuildError::Yaml { line: error.line, words, variables: names_in(line) }
}

fn names_in(line: &str) -> Vec<String> {
    let names = line.split("${").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    names.filter(|name| !name.is_empty()).collect()
}
