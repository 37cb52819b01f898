//! `dependsOn`: what must be ready first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use api::kustomize::v1::{Kustomization, KustomizationStatus};
use api::meta::{ConditionType, Reason};
use applier::{Options, ReadyExprError, is_ready, says_ready};
use runtime::Key;
use runtime::conditions::find;

use crate::sources::{SourceKey, referred};
use crate::status::{Failure, Retry, Telling};

/// Why a dependency does not let a Kustomization go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DependencyError {
    /// There is none of that name. The text is Flux's.
    #[error("dependency '{0}' not found: kustomizations.kustomize.toolkit.fluxcd.io \"{name}\" not found", name = .0.name)]
    NotFound(Key),
    /// It is not ready at its generation.
    #[error("dependency '{0}' is not ready")]
    NotReady(Key),
    /// It has not applied the revision of now of the source they share.
    #[error("dependency '{0}' revision is not up to date")]
    Outdated(Key),
    /// `readyExpr` does not let it.
    #[error(transparent)]
    ByExpression(#[from] ReadyExprError),
}

impl DependencyError {
    /// What it means for the pass. `retry` is the fallback requeue as Flux prints it.
    pub(crate) fn failure(&self, retry: &str) -> Failure {
        match self {
            Self::ByExpression(ReadyExprError::Expression { .. }) => {
                Failure { knows_source: true, ..Failure::terminal(Reason::InvalidCELExpression, self) }
            }
            _ => Failure {
                knows_source: true,
                event: Some(format!("Dependencies do not meet ready condition, retrying in {retry}")),
                ..Failure::before(
                    Reason::DependencyNotReady,
                    self.to_string(),
                    Retry::Dependency,
                    Telling::Normal,
                )
            },
        }
    }
}

/// Most Kustomizations of a way through dependencies that is followed to find a cycle.
const LONGEST: usize = 10_000;

/// The way by which a Kustomization depends on itself, in words; each Kustomization is looked at once.
pub(crate) fn cycle(own: &Key, lookup: impl Fn(&Key) -> Option<Arc<Kustomization>>) -> Option<String> {
    let mut before: HashMap<Key, Key> = HashMap::new();
    let mut next = vec![own.clone()];
    while let Some(key) = next.pop().filter(|_| before.len() < LONGEST) {
        let Some(object) = lookup(&key) else { continue };
        for reference in &object.spec.depends_on {
            let far = Key::new(reference.namespace_or(&key.namespace), reference.name.clone());
            if far == *own {
                return Some(way(own, &key, &before));
            }
            if let Entry::Vacant(entry) = before.entry(far.clone()) {
                entry.insert(key.clone());
                next.push(far);
            }
        }
    }
    None
}

/// Most names of a cycle that are told.
const TOLD: usize = 8;

fn way(own: &Key, last: &Key, before: &HashMap<Key, Key>) -> String {
    let mut names = vec![own.to_string()];
    let mut at = last;
    while at != own {
        names.push(at.to_string());
        let Some(key) = before.get(at) else { break };
        at = key;
    }
    names.push(own.to_string());
    names.reverse();
    if names.len() > TOLD {
        names.splice(TOLD / 2..names.len() - TOLD / 2, ["...".to_owned()]);
    }
    format!("Cycle: {}; none of them can start until one dependsOn goes", names.join(" -> "))
}

/// Checks all dependencies in their order. `revision` is the source's of now.
///
/// # Errors
/// At the first dependency that is not ready.
pub(crate) fn check(
    object: &Kustomization,
    revision: &str,
    options: &Options,
    lookup: impl Fn(&Key) -> Option<Arc<Kustomization>>,
) -> Result<(), DependencyError> {
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    for reference in &object.spec.depends_on {
        let key = Key::new(reference.namespace_or(own), reference.name.clone());
        let dependency = lookup(&key).ok_or_else(|| DependencyError::NotFound(key.clone()))?;
        let asked = says_ready(object, &*dependency, reference, &key, options.no_cross_namespace_refs)?;
        if !asked || options.additive_ready_expr {
            by_rules(object, &dependency, revision, &key)?;
        }
    }
    Ok(())
}

fn by_rules(
    object: &Kustomization,
    dependency: &Kustomization,
    revision: &str,
    key: &Key,
) -> Result<(), DependencyError> {
    if !is_ready(dependency) {
        return Err(DependencyError::NotReady(key.clone()));
    }
    let applied = dependency.status.as_ref().and_then(|status| status.last_applied_revision.as_deref());
    if source_of(object) == source_of(dependency) && applied != Some(revision) {
        return Err(DependencyError::Outdated(key.clone()));
    }
    Ok(())
}

/// Ready=True at this generation with this revision applied.
pub(crate) fn is_settled(status: &KustomizationStatus, generation: i64, revision: &str) -> bool {
    let ready = find(&status.conditions, ConditionType::Ready);
    status.observed_generation == generation
        && status.last_applied_revision.as_deref() == Some(revision)
        && ready.is_some_and(|ready| ready.status == "True")
}

/// The source of a Kustomization.
pub(crate) fn source_of(object: &Kustomization) -> SourceKey {
    referred(&object.spec.source_ref, object.metadata.namespace.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dependent(reference: serde_json::Value) -> Kustomization {
        serde_json::from_value(json!({
            "metadata": {"name": "app", "namespace": "ns", "generation": 1},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "repo"}, "dependsOn": [reference]}
        }))
        .unwrap()
    }

    fn dependency(ready: &str, applied: &str) -> Arc<Kustomization> {
        let object = json!({
            "metadata": {"name": "dep", "namespace": "ns", "generation": 2, "labels": {"ok": "yes"}},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "repo"}},
            "status": {"observedGeneration": 2, "lastAppliedRevision": applied, "conditions": [
                {"type": "Ready", "status": ready, "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn said(reference: serde_json::Value, dependency: Option<Arc<Kustomization>>) -> String {
        let result = check(&dependent(reference), "r1", &Options::default(), |_| dependency.clone());
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_dependency_must_exist_be_ready_and_have_the_revision() {
        let plain = json!({"name": "dep"});
        assert_eq!(
            said(plain.clone(), None),
            "dependency 'ns/dep' not found: kustomizations.kustomize.toolkit.fluxcd.io \"dep\" not found"
        );
        assert_eq!(said(plain.clone(), Some(dependency("False", "r1"))), "dependency 'ns/dep' is not ready");
        assert_eq!(
            said(plain.clone(), Some(dependency("True", "r0"))),
            "dependency 'ns/dep' revision is not up to date"
        );
        assert_eq!(said(plain, Some(dependency("True", "r1"))), "");
    }

    #[test]
    fn an_expression_replaces_the_rules() {
        let expr = |text: &str| json!({"name": "dep", "readyExpr": text});
        let labelled = "dep.metadata.labels['ok'] == 'yes' && self.metadata.name == 'app'";
        assert_eq!(said(expr(labelled), Some(dependency("False", "r0"))), "");
        assert_eq!(
            said(expr("dep.metadata.name == 'x'"), Some(dependency("True", "r1"))),
            "dependency 'ns/dep' is not ready according to readyExpr eval"
        );
    }

    #[test]
    fn an_expression_that_is_none_stalls() {
        let object = dependent(json!({"name": "dep", "readyExpr": "'text'"}));
        let error =
            check(&object, "r1", &Options::default(), |_| Some(dependency("True", "r1"))).unwrap_err();
        let failure = error.failure("5s");
        assert_eq!(failure.retry, Retry::Never);
        assert_eq!(
            failure.message,
            "Reconciliation failed terminally due to configuration error: terminal error: failed to evaluate \
             dependency dep: CEL expression output type mismatch: expected bool, got string"
        );
    }
}
