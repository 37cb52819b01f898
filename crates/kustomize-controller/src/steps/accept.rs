//! Refuses what cannot be carried out, before anything is read: fields that come later, expressions and rules that
//! cannot be used.

use api::kustomize::v1::{Kustomization, KustomizationSpec};
use api::meta::{self, Reason};
use kstatus::{ExprSpec, HealthExprs};
use ssa::IgnoreRules;

use crate::status::Failure;

/// What was compiled from the spec.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accepted {
    /// `spec.healthCheckExprs`.
    pub exprs: HealthExprs,
    /// `spec.ignore`.
    pub ignore: IgnoreRules,
}

/// Compiles what can be compiled.
///
/// # Errors
/// A failure without retry for everything that only a change of the spec can mend.
pub(crate) fn accept(object: &Kustomization) -> Result<Accepted, Failure> {
    let spec = &object.spec;
    if let Some(field) = unsupported(spec) {
        let message = format!("{field} is not supported by this version of the controller");
        return Err(Failure::terminal(Reason::FeatureGateDisabled, message));
    }
    let exprs = HealthExprs::compile(&expressions(spec))
        .map_err(|error| Failure::terminal(Reason::InvalidCELExpression, error))?;
    let rules: Vec<ssa::IgnoreRule> = spec.ignore.iter().map(ignore_rule).collect();
    let ignore = IgnoreRules::compile(&rules)
        .map_err(|error| Failure::terminal(Reason::ReconciliationFailed, error))?;
    Ok(Accepted { exprs, ignore })
}

/// Fields that would change what is applied, or where, and that nothing acts on yet.
fn unsupported(spec: &KustomizationSpec) -> Option<&'static str> {
    if spec.kube_config.is_some() {
        return Some("spec.kubeConfig");
    }
    spec.decryption.is_some().then_some("spec.decryption")
}

fn expressions(spec: &KustomizationSpec) -> Vec<ExprSpec<'_>> {
    spec.health_check_exprs.iter().map(expression).collect()
}

fn expression(check: &meta::CustomHealthCheck) -> ExprSpec<'_> {
    ExprSpec {
        api_version: &check.api_version,
        kind: check.kind.as_deref().unwrap_or_default(),
        current: &check.current,
        in_progress: check.in_progress.as_deref().unwrap_or_default(),
        failed: check.failed.as_deref().unwrap_or_default(),
    }
}

fn ignore_rule(rule: &meta::IgnoreRule) -> ssa::IgnoreRule {
    let target = rule.target.clone().unwrap_or_default();
    ssa::IgnoreRule {
        paths: rule.paths.clone(),
        group: target.group.unwrap_or_default(),
        version: target.version.unwrap_or_default(),
        kind: target.kind.unwrap_or_default(),
        name: target.name.unwrap_or_default(),
        namespace: target.namespace.unwrap_or_default(),
        label_selector: target.label_selector.unwrap_or_default(),
        annotation_selector: target.annotation_selector.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Retry;
    use serde_json::json;

    fn refused(spec: serde_json::Value) -> Failure {
        let object: Kustomization =
            serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).unwrap();
        accept(&object).unwrap_err()
    }

    #[test]
    fn what_comes_later_stalls_and_says_so() {
        for (field, spec) in [
            ("spec.kubeConfig", json!({"kubeConfig": {"secretRef": {"name": "x"}}})),
            ("spec.decryption", json!({"decryption": {"provider": "sops"}})),
        ] {
            let failure = refused(spec);
            assert_eq!(failure.retry, Retry::Never);
            assert!(failure.message.contains(field), "{}", failure.message);
        }
    }

    #[test]
    fn expressions_that_do_not_parse_stall_with_their_position() {
        let failure = refused(
            json!({"healthCheckExprs": [{"apiVersion": "v1", "kind": "ConfigMap", "current": "data.a =="}]}),
        );
        assert_eq!(failure.reason, Reason::InvalidCELExpression);
        let start = "Reconciliation failed terminally due to configuration error: failed to create custom status \
                     evaluator for healthchecks[0]: failed to parse the expression Current: ";
        assert!(failure.message.starts_with(start), "{}", failure.message);
    }
}
