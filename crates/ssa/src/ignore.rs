use manifest::{Gvk, LabelSelector, Object, ParseSelectorError};
use regex::Regex;
use serde_json::Value;

/// Largest compiled size of one target expression.
const MAX_REGEX: usize = 1 << 20;

/// `spec.ignore` of a Kustomization, compiled.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    paths: Vec<String>,
    target: Target,
}

/// One rule as it is written: which fields, of which objects. Empty texts match everything; the first five
/// are regular expressions anchored at both ends, the last two are selectors.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRule {
    /// JSON pointers; the empty one is the whole object.
    pub paths: Vec<String>,
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Selector over labels.
    pub label_selector: String,
    /// Selector over annotations.
    pub annotation_selector: String,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IgnoreError {
    /// A target is no regular expression.
    #[error("failed to create ignore rule selector: invalid {field} regex: {cause}")]
    Regex {
        /// Which field of the target.
        field: &'static str,
        /// What the parser says.
        cause: String,
    },
    /// A selector cannot be read.
    #[error("failed to create ignore rule selector: invalid {field} selector: {source}")]
    Selector {
        /// `label` or `annotation`.
        field: &'static str,
        /// Why.
        source: ParseSelectorError,
    },
}

#[derive(Clone, Debug)]
struct Target {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: LabelSelector,
    annotations: LabelSelector,
}

impl IgnoreRules {
    /// Compiles rules.
    ///
    /// # Errors
    /// At the first expression or selector that cannot be read.
    pub fn compile(rules: &[IgnoreRule]) -> Result<Self, IgnoreError> {
        rules.iter().map(Rule::compile).collect::<Result<_, _>>().map(Self)
    }

    /// JSON pointers to leave alone in this object.
    #[must_use]
    pub fn paths_of(&self, object: &Object) -> Vec<String> {
        self.paths(object.value()).into_iter().map(str::to_owned).collect()
    }

    /// A version of an object without the fields to leave alone in it: what is left is compared.
    #[must_use]
    pub fn strip(&self, object: &Object, version: &Value) -> Value {
        let paths = self.paths(object.value());
        if paths.contains(&"") { Value::Null } else { without(version, &paths) }
    }

    /// JSON pointers to leave alone in this object.
    pub(crate) fn paths(&self, object: &Value) -> Vec<&str> {
        let matching = self.0.iter().filter(|rule| rule.target.matches(object));
        matching.flat_map(|rule| rule.paths.iter().map(String::as_str)).collect()
    }
}

impl Rule {
    fn compile(rule: &IgnoreRule) -> Result<Self, IgnoreError> {
        let selector = |field, text: &str| {
            LabelSelector::parse(text).map_err(|source| IgnoreError::Selector { field, source })
        };
        let target = Target {
            group: anchored("group", &rule.group)?,
            version: anchored("version", &rule.version)?,
            kind: anchored("kind", &rule.kind)?,
            name: anchored("name", &rule.name)?,
            namespace: anchored("namespace", &rule.namespace)?,
            labels: selector("label", &rule.label_selector)?,
            annotations: selector("annotation", &rule.annotation_selector)?,
        };
        Ok(Self { paths: rule.paths.clone(), target })
    }
}

fn anchored(field: &'static str, text: &str) -> Result<Option<Regex>, IgnoreError> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut builder = regex::RegexBuilder::new(&format!("^(?:{text})$"));
    let built = builder.size_limit(MAX_REGEX).build();
    built.map(Some).map_err(|e| IgnoreError::Regex { field, cause: e.to_string() })
}

impl Target {
    fn matches(&self, object: &Value) -> bool {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let meta = |field: &str| object.get("metadata").and_then(|m| m.get(field));
        let name = |field: &str| meta(field).and_then(Value::as_str).unwrap_or_default();
        let gvk = Gvk::new(text("apiVersion"), text("kind"));
        fits(self.group.as_ref(), &gvk.group)
            && fits(self.version.as_ref(), &gvk.version)
            && fits(self.kind.as_ref(), &gvk.kind)
            && fits(self.name.as_ref(), name("name"))
            && fits(self.namespace.as_ref(), name("namespace"))
            && selects(&self.labels, meta("labels"))
            && selects(&self.annotations, meta("annotations"))
    }
}

fn selects(selector: &LabelSelector, entries: Option<&Value>) -> bool {
    selector.matches(|key| entries?.get(key)?.as_str())
}

fn fits(regex: Option<&Regex>, text: &str) -> bool {
    regex.is_none_or(|regex| regex.is_match(text))
}

/// Takes the fields at these pointers out of a copy: what is compared for drift.
pub(crate) fn without(object: &Value, paths: &[&str]) -> Value {
    let mut copy = object.clone();
    for path in paths {
        remove(&mut copy, path);
    }
    copy
}

/// What is sent for an object whose ignored fields differ from the live ones: a field of another applier is
/// left out, any other gets the live value, so that the apply changes neither.
pub(crate) fn adapt(desired: &mut Object, live: &Value, result: &Value, paths: &[&str], manager: &str) {
    for path in paths {
        let (have, would) = (live.pointer(path), result.pointer(path));
        if have == would {
            continue;
        }
        match have {
            Some(value) if !applied_by_other(live, path, manager) => {
                if let Some(slot) = desired.value_mut().pointer_mut(path) {
                    *slot = value.clone();
                }
            }
            _ => remove(desired.value_mut(), path),
        }
    }
}

fn applied_by_other(live: &Value, path: &str, manager: &str) -> bool {
    let others = crate::managed::entries(live)
        .filter(|entry| entry.is_apply() && entry.subresource().is_none() && entry.manager() != manager);
    let keys = field_keys(live, path);
    others.into_iter().any(|entry| crate::fields::contains(entry.fields(), &keys))
}

/// A JSON pointer as keys of fieldsV1; a list index becomes the key `k:{…}` by which some manager names that
/// element, else `i:<index>`.
fn field_keys(live: &Value, path: &str) -> Vec<String> {
    let mut at = Some(live);
    let mut keys = Vec::new();
    for token in tokens(path) {
        keys.push(match at {
            Some(Value::Array(list)) => element_key(live, &keys, list, &token),
            _ => format!("f:{token}"),
        });
        at = match at {
            Some(Value::Array(list)) => token.parse::<usize>().ok().and_then(|index| list.get(index)),
            Some(value) => value.get(&token),
            None => None,
        };
    }
    keys
}

fn element_key(live: &Value, parent: &[String], list: &[Value], token: &str) -> String {
    let element = token.parse::<usize>().ok().and_then(|index| list.get(index)).unwrap_or(&Value::Null);
    let names_it =
        |key: &str| key.strip_prefix("k:").is_some_and(|keys| crate::fields::has_keys(element, keys));
    let below = |set: &Value| -> Option<String> {
        let parent = parent.iter().try_fold(set, |at, key| at.get(key))?;
        parent.as_object()?.keys().find(|key| names_it(key)).cloned()
    };
    crate::managed::entries(live)
        .find_map(|entry| below(entry.fields()))
        .unwrap_or_else(|| format!("i:{token}"))
}

fn remove(value: &mut Value, path: &str) {
    let mut tokens = tokens(path);
    let Some(last) = tokens.pop() else { return };
    let parent = tokens.iter().try_fold(value, |at, token| match at {
        Value::Array(list) => token.parse::<usize>().ok().and_then(|index| list.get_mut(index)),
        other => other.get_mut(token),
    });
    match parent {
        Some(Value::Object(map)) => {
            map.shift_remove(&last);
        }
        Some(Value::Array(list)) => {
            if let Some(index) = last.parse::<usize>().ok().filter(|index| *index < list.len()) {
                list.remove(index);
            }
        }
        _ => {}
    }
}

fn tokens(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(change: impl FnOnce(&mut IgnoreRule)) -> Result<IgnoreRules, IgnoreError> {
        let mut rule = IgnoreRule { paths: vec!["/spec/replicas".into()], ..IgnoreRule::default() };
        change(&mut rule);
        IgnoreRules::compile(&[rule])
    }

    fn deployment() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "ns", "labels": {"tier": "web"}},
            "spec": {"replicas": 1, "paused": false}})
    }

    #[test]
    fn targets_are_anchored_and_an_empty_one_matches_all() {
        let matches =
            |rules: Result<IgnoreRules, IgnoreError>| !rules.unwrap().paths(&deployment()).is_empty();
        assert!(matches(rule(|_| {})));
        assert!(matches(rule(|r| r.kind = "Deploy.*|StatefulSet".into())));
        assert!(!matches(rule(|r| r.kind = "Deploy".into())));
        assert!(matches(rule(|r| r.label_selector = "tier in (web, db), !canary".into())));
        assert!(!matches(rule(|r| r.annotation_selector = "tier=web".into())));
    }

    #[test]
    fn bad_targets_are_refused_with_the_field() {
        let text = |rules: Result<IgnoreRules, IgnoreError>| rules.unwrap_err().to_string();
        assert!(text(rule(|r| r.name = "(".into())).contains("invalid name regex"));
        assert!(text(rule(|r| r.label_selector = "a in (".into())).contains("invalid label selector"));
        assert!(text(rule(|r| r.group = "(a{1000}){1000}".into())).contains("invalid group regex"));
    }

    #[test]
    fn ignored_fields_do_not_count_and_absent_ones_do_not_matter() {
        let without =
            without(&deployment(), &["/spec/replicas", "/spec/none/x", "", "/metadata/labels/a~1b"]);
        assert_eq!(without["spec"], json!({"paused": false}));
    }

    #[test]
    fn the_live_value_is_adopted_unless_another_applier_owns_it() {
        let mut live = deployment();
        live["spec"]["replicas"] = json!(3);
        let mut desired = Object::from_value(deployment()).unwrap();
        adapt(&mut desired, &live, &deployment(), &["/spec/replicas"], "kustomize-controller");
        assert_eq!(desired.value()["spec"]["replicas"], json!(3));

        live["metadata"]["managedFields"] =
            json!([{"manager": "hpa", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
        let mut desired = Object::from_value(deployment()).unwrap();
        adapt(&mut desired, &live, &deployment(), &["/spec/replicas"], "kustomize-controller");
        assert_eq!(desired.value()["spec"].get("replicas"), None);
    }

    #[test]
    fn list_elements_are_found_by_their_merge_key() {
        let live = json!({"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "x"}]}, "metadata": {"managedFields": [
            {"manager": "vpa", "operation": "Apply", "fieldsV1": {"f:spec": {"f:containers": {"k:{\"name\":\"b\"}": {"f:image": {}}}}}}]}});
        assert_eq!(
            field_keys(&live, "/spec/containers/1/image"),
            ["f:spec", "f:containers", "k:{\"name\":\"b\"}", "f:image"]
        );
        assert!(applied_by_other(&live, "/spec/containers/1/image", "kustomize-controller"));
        assert!(!applied_by_other(&live, "/spec/containers/0/image", "kustomize-controller"));
    }
}
