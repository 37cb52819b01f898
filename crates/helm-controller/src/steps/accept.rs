//! Refuses what cannot be carried out, before anything is read.

use api::helm::v2::HelmRelease;
use api::meta::{self, Reason};
use kstatus::{ExprSpec, HealthExprs};
use ssa::IgnoreRules;

use crate::status::TERMINAL;
use crate::work::Accepted;

/// Why a HelmRelease is refused for good.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Reason of the conditions.
    pub reason: Reason,
    /// Message of the conditions.
    pub message: String,
    /// Message of the event.
    pub event: String,
}

/// Compiles what can be compiled.
///
/// # Errors
/// For everything that only a change of the spec can mend.
pub(crate) fn accept(object: &HelmRelease) -> Result<Accepted, Refusal> {
    let refused =
        |reason, text: String| Refusal { reason, message: format!("{TERMINAL}: {text}"), event: text };
    if object.spec.kube_config.is_some() {
        let text = "spec.kubeConfig is not supported by this version of the controller".to_owned();
        return Err(refused(Reason::FeatureGateDisabled, text));
    }
    let specs: Vec<ExprSpec<'_>> = object.spec.health_check_exprs.iter().map(expression).collect();
    let exprs = HealthExprs::compile(&specs)
        .map_err(|error| refused(Reason::InvalidCELExpression, error.to_string()))?;
    let drift = object.spec.drift_detection.as_ref();
    let rules: Vec<ssa::IgnoreRule> =
        drift.into_iter().flat_map(|drift| &drift.ignore).map(ignore_rule).collect();
    let ignore = IgnoreRules::compile(&rules)
        .map_err(|error| refused(Reason::ReconciliationFailed, error.to_string()))?;
    Ok(Accepted { exprs, ignore })
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
    use serde_json::json;

    #[test]
    fn another_cluster_and_bad_expressions_are_refused() {
        let refused = |spec: serde_json::Value| {
            let object = serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).unwrap();
            accept(&object).unwrap_err()
        };
        let other = refused(json!({"kubeConfig": {"secretRef": {"name": "x"}}}));
        assert!(other.message.contains("spec.kubeConfig"), "{}", other.message);
        let bad = refused(json!({"healthCheckExprs": [{"apiVersion": "v1", "kind": "A", "current": "((("}]}));
        assert_eq!(bad.reason, Reason::InvalidCELExpression);
    }
}
