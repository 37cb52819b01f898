//! Refuses what cannot be carried out, before anything is read: fields that come later, expressions and rules that
//! cannot be used.

use api::kustomize::v1::{Kustomization, KustomizationSpec};
use api::meta::Reason;
use applier::Rules;

use crate::status::Failure;

/// Compiles what can be compiled.
///
/// # Errors
/// A failure without retry for everything that only a change of the spec can mend.
pub(crate) fn accept(object: &Kustomization) -> Result<Rules, Failure> {
    let spec = &object.spec;
    if let Some(field) = unsupported(spec) {
        let message = format!("{field} is not supported by this version of the controller");
        return Err(Failure::terminal(Reason::FeatureGateDisabled, message));
    }
    Rules::compile(&spec.health_check_exprs, &spec.ignore)
        .map_err(|error| Failure::terminal(error.reason(), error))
}

/// Fields that would change what is applied, or where, and that nothing acts on yet.
fn unsupported(spec: &KustomizationSpec) -> Option<&'static str> {
    if spec.kube_config.is_some() {
        return Some("spec.kubeConfig");
    }
    spec.decryption.is_some().then_some("spec.decryption")
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
