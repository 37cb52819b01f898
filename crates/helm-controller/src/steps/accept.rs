//! Refuses what cannot be carried out, before anything is read.

use api::helm::v2::HelmRelease;
use api::meta::Reason;
use applier::Rules;

use crate::status::TERMINAL;

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
pub(crate) fn accept(object: &HelmRelease) -> Result<Rules, Refusal> {
    let refused =
        |reason, text: String| Refusal { reason, message: format!("{TERMINAL}: {text}"), event: text };
    if object.spec.kube_config.is_some() {
        let text = "spec.kubeConfig is not supported by this version of the controller".to_owned();
        return Err(refused(Reason::FeatureGateDisabled, text));
    }
    let ignored = object.spec.drift_detection.as_ref().map(|drift| &*drift.ignore).unwrap_or_default();
    Rules::compile(&object.spec.health_check_exprs, ignored)
        .map_err(|error| refused(error.reason(), error.to_string()))
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
