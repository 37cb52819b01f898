//! `dependsOn` (decision D6): what a dependency must be.

use api::meta::{ConditionType, DependencyReference, FluxObject, FluxStatus};
use expr::{CompileError, Env, EvalError, Output, Program};
use runtime::conditions::find;
use runtime::{Change, Key};
use serde_json::{Map, Value};

/// Why `readyExpr` does not let an object go on. Texts are Flux's.
#[derive(Debug, thiserror::Error)]
pub enum ReadyExprError {
    /// It says no.
    #[error("dependency '{0}' is not ready according to readyExpr eval")]
    No(Key),
    /// An object that cannot be shown to it.
    #[error("dependency '{0}' is not ready")]
    Unreadable(Key),
    /// It failed on these objects.
    #[error(transparent)]
    Evaluation(#[from] EvalError),
    /// It cannot be used at all.
    #[error("terminal error: failed to evaluate dependency {name}: {cause}")]
    Expression {
        /// Name of the dependency.
        name: String,
        /// What is wrong.
        cause: CompileError,
    },
}

/// Whether `readyExpr` says that a dependency is ready; false when there is no expression. With `locked_down`
/// (`--no-cross-namespace-refs`) it sees of a dependency of another namespace its readiness alone.
///
/// # Errors
/// When it says no, or cannot say.
pub fn says_ready<K: FluxObject>(
    object: &K,
    dependency: &K,
    reference: &DependencyReference,
    key: &Key,
    locked_down: bool,
) -> Result<bool, ReadyExprError> {
    let Some(text) = reference.ready_expr.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(false);
    };
    let env = Env::with_variables(&["self", "dep"]).giving(Output::Bool);
    let program = Program::compile(text, &env)
        .map_err(|cause| ReadyExprError::Expression { name: key.name.clone(), cause })?;
    let object_namespace = object.meta().namespace.as_deref();
    let values = [serde_json::to_value(object), serde_json::to_value(dependency)];
    let [Ok(object), Ok(mut dependency)] = values else {
        return Err(ReadyExprError::Unreadable(key.clone()));
    };
    if locked_down && object_namespace != Some(key.namespace.as_str()) {
        dependency = readiness(&dependency);
    }
    match program.eval_bool(&[("self", &object), ("dep", &dependency)])? {
        true => Ok(true),
        false => Err(ReadyExprError::No(key.clone())),
    }
}

/// What shows of an object to those who may not read it: its name, its generation, and the types, status and reasons of
/// its conditions.
fn readiness(object: &Value) -> Value {
    let part = |of: &Value, fields: &[&str]| -> Value {
        let known = |field: &&str| Some(((*field).to_owned(), of.get(*field)?.clone()));
        fields.iter().filter_map(known).collect::<Map<_, _>>().into()
    };
    let mut shown = part(object, &["apiVersion", "kind"]);
    shown["metadata"] = part(&object["metadata"], &["name", "namespace", "generation"]);
    shown["status"] = part(&object["status"], &["observedGeneration"]);
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let fields = ["type", "status", "reason", "observedGeneration"];
    shown["status"]["conditions"] = conditions.map(|condition| part(condition, &fields)).collect();
    shown
}

/// Ready=True at the generation of the spec.
pub fn is_ready<K: FluxObject>(object: &K) -> bool {
    let Some(status) = object.status() else { return false };
    let ready = find(status.conditions(), ConditionType::Ready);
    Some(status.observed_generation()) == object.meta().generation
        && ready.is_some_and(|ready| ready.status == "True")
}

/// Whether a change is one that `dependsOn` looks at: of status, generation, labels or annotations.
pub fn speaks_to_dependants<K: FluxObject>(change: &Change<K>) -> bool {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return true };
    let (before, after) = (old.meta(), new.meta());
    old.status() != new.status()
        || before.generation != after.generation
        || before.labels != after.labels
        || before.annotations != after.annotations
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use api::helm::v2::HelmRelease;
    use serde_json::json;

    use super::*;

    fn dependency(ready: &str, observed: i64) -> HelmRelease {
        serde_json::from_value(json!({
            "metadata": {"name": "dep", "namespace": "ns", "generation": 2, "labels": {"ok": "yes"}},
            "spec": {"interval": "1m"},
            "status": {"observedGeneration": observed, "conditions": [
                {"type": "Ready", "status": ready, "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        }))
        .unwrap()
    }

    fn evaluated(text: &str) -> Result<bool, ReadyExprError> {
        evaluated_in("ns", text)
    }

    fn evaluated_in(own: &str, text: &str) -> Result<bool, ReadyExprError> {
        let reference: DependencyReference =
            serde_json::from_value(json!({"name": "dep", "readyExpr": text})).unwrap();
        let own: HelmRelease =
            serde_json::from_value(json!({"metadata": {"name": "own", "namespace": own}, "spec": {}}))
                .unwrap();
        says_ready(&own, &dependency("False", 1), &reference, &Key::new("ns", "dep"), true)
    }

    #[test]
    fn a_dependency_is_ready_at_its_generation() {
        assert!(is_ready(&dependency("True", 2)));
        assert!(!is_ready(&dependency("True", 1)) && !is_ready(&dependency("False", 2)));
        assert!(!is_ready(&HelmRelease::default()));
    }

    #[test]
    fn an_expression_says_yes_or_no_or_cannot_be_used() {
        assert!(evaluated("dep.metadata.labels['ok'] == 'yes'").unwrap());
        assert!(!evaluated("").unwrap());
        assert!(matches!(evaluated("dep.metadata.name == 'x'"), Err(ReadyExprError::No(_))));
        assert_eq!(
            evaluated("'text'").unwrap_err().to_string(),
            "terminal error: failed to evaluate dependency dep: CEL expression output type mismatch: expected bool, got string"
        );
    }

    #[test]
    fn of_another_namespace_an_expression_sees_readiness_alone() {
        let ready = "dep.status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'False')";
        assert!(evaluated_in("other", ready).unwrap());
        assert!(evaluated_in("other", "dep.metadata.generation != dep.status.observedGeneration").unwrap());
        for hidden in ["dep.metadata.labels['ok'] == 'yes'", "has(dep.spec)"] {
            assert!(evaluated(hidden).unwrap(), "{hidden}");
            assert!(!evaluated_in("other", hidden).is_ok_and(|ready| ready), "{hidden}");
        }
    }

    #[test]
    fn dependants_hear_of_status_generation_and_marks_and_of_nothing_else() {
        let change = |new: HelmRelease| Change {
            key: Key::new("ns", "dep"),
            old: Some(Arc::new(dependency("True", 2))),
            new: Some(Arc::new(new)),
            initial: false,
        };
        assert!(speaks_to_dependants(&change(dependency("False", 2))));
        let mut touched = dependency("True", 2);
        touched.metadata.resource_version = Some("2".to_owned());
        assert!(!speaks_to_dependants(&change(touched.clone())));
        touched.metadata.labels = None;
        assert!(speaks_to_dependants(&change(touched)));
    }
}
