//! `dependsOn`: what must be ready first.

use std::sync::Arc;

use api::helm::v2::HelmRelease;
use api::meta::{ConditionType, DependencyReference, Reason};
use expr::{CompileError, Env, EvalError, Output, Program};
use kube::Api;
use runtime::conditions::find;
use runtime::{Event, Key, Set};
use serde_json::Value;

use crate::status::TERMINAL;
use crate::work::{Retry, Stop, Work};

/// Why a dependency does not let a HelmRelease go on. Texts are Flux's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DependencyError {
    /// There is none of that name.
    #[error("unable to get '{0}' dependency: helmreleases.helm.toolkit.fluxcd.io \"{name}\" not found", name = .0.name)]
    NotFound(Key),
    /// It cannot be read.
    #[error("unable to get '{0}' dependency: {1}")]
    Unreadable(Key, Box<kube::Error>),
    /// It is not ready at its generation.
    #[error("dependency '{0}' is not ready")]
    NotReady(Key),
    /// `readyExpr` says no.
    #[error("dependency '{0}' is not ready according to readyExpr eval")]
    ByExpression(Key),
    /// `readyExpr` failed on these objects.
    #[error(transparent)]
    Evaluation(#[from] EvalError),
    /// `readyExpr` cannot be used at all.
    #[error("terminal error: failed to evaluate dependency {name}: {cause}")]
    Expression {
        /// Name of the dependency.
        name: String,
        /// What is wrong.
        cause: CompileError,
    },
}

/// Checks all dependencies in their order.
///
/// # Errors
/// Ends the run when one is not ready.
pub(crate) async fn depend(work: &Work<'_>) -> Result<(), Stop> {
    let result = check(work).await;
    work.app.memories.with(&work.run.key, |memory| memory.blocked = result.is_err());
    match result {
        Ok(()) => {
            work.ledger.overcome(&[Reason::DependencyNotReady.as_str()]);
            Ok(())
        }
        Err(error @ DependencyError::Expression { .. }) => {
            work.run.emit(Event::error(Reason::InvalidCELExpression, error.to_string()));
            Err(work.stall(Reason::InvalidCELExpression, format!("{TERMINAL}: {error}")))
        }
        Err(error) => {
            let text = error.to_string();
            work.ledger.set(Set::no(ConditionType::Ready, Reason::DependencyNotReady, text.clone()));
            work.run.emit(Event::info(Reason::DependencyNotReady, text.clone()));
            Err(Stop::Failed(Retry::After(work.app.options.requeue_dependency), text))
        }
    }
}

async fn check(work: &Work<'_>) -> Result<(), DependencyError> {
    let object = &work.run.object;
    for reference in &object.spec.depends_on {
        let key = Key::new(reference.namespace_or(&work.run.key.namespace), reference.name.clone());
        let dependency = read(work, &key).await?;
        let asked = by_expression(object, &dependency, reference, &key)?;
        if (!asked || work.app.options.additive_ready_expr) && !is_ready(&dependency) {
            return Err(DependencyError::NotReady(key));
        }
    }
    Ok(())
}

/// Read live, past the watch.
async fn read(work: &Work<'_>, key: &Key) -> Result<Arc<HelmRelease>, DependencyError> {
    let api: Api<HelmRelease> = Api::namespaced(work.app.client.clone(), &key.namespace);
    let found = api.get_opt(&key.name).await;
    let found = found.map_err(|cause| DependencyError::Unreadable(key.clone(), Box::new(cause)))?;
    found.map(Arc::new).ok_or_else(|| DependencyError::NotFound(key.clone()))
}

/// False when there is no expression.
fn by_expression(
    object: &HelmRelease,
    dependency: &HelmRelease,
    reference: &DependencyReference,
    key: &Key,
) -> Result<bool, DependencyError> {
    let Some(text) = reference.ready_expr.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(false);
    };
    let env = Env::with_variables(&["self", "dep"]).giving(Output::Bool);
    let program = Program::compile(text, &env)
        .map_err(|cause| DependencyError::Expression { name: key.name.clone(), cause })?;
    let values: [Result<Value, _>; 2] = [serde_json::to_value(object), serde_json::to_value(dependency)];
    let [Ok(object), Ok(dependency)] = values else { return Err(DependencyError::NotReady(key.clone())) };
    match program.eval_bool(&[("self", &object), ("dep", &dependency)])? {
        true => Ok(true),
        false => Err(DependencyError::ByExpression(key.clone())),
    }
}

/// Ready=True at the generation of the spec.
fn is_ready(object: &HelmRelease) -> bool {
    let Some(status) = &object.status else { return false };
    let ready = find(&status.conditions, ConditionType::Ready);
    Some(status.observed_generation) == object.metadata.generation
        && ready.is_some_and(|ready| ready.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dependency(ready: &str, observed: i64) -> HelmRelease {
        serde_json::from_value(json!({
            "metadata": {"name": "dep", "namespace": "ns", "generation": 2, "labels": {"ok": "yes"}},
            "spec": {},
            "status": {"observedGeneration": observed, "conditions": [
                {"type": "Ready", "status": ready, "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        }))
        .unwrap()
    }

    fn evaluated(text: &str) -> Result<bool, DependencyError> {
        let reference: DependencyReference =
            serde_json::from_value(json!({"name": "dep", "readyExpr": text})).unwrap();
        by_expression(&HelmRelease::default(), &dependency("False", 1), &reference, &Key::new("ns", "dep"))
    }

    #[test]
    fn a_dependency_is_ready_at_its_generation() {
        assert!(is_ready(&dependency("True", 2)));
        assert!(!is_ready(&dependency("True", 1)) && !is_ready(&dependency("False", 2)));
    }

    #[test]
    fn an_expression_replaces_the_rules_and_a_bad_one_stalls() {
        assert!(evaluated("dep.metadata.labels['ok'] == 'yes'").unwrap());
        assert!(!evaluated("").unwrap());
        assert!(matches!(evaluated("dep.metadata.name == 'x'"), Err(DependencyError::ByExpression(_))));
        assert_eq!(
            evaluated("'text'").unwrap_err().to_string(),
            "terminal error: failed to evaluate dependency dep: CEL expression output type mismatch: expected bool, got string"
        );
    }
}
