//! What is compiled from a spec before anything is read: expressions of health, fields left to others.

use api::meta::{self, Reason};
use kstatus::{ExprSpec, ExprsError, HealthExprs};
use ssa::{IgnoreError, IgnoreRules};

/// Why the rules of a spec cannot be used: only another spec mends it.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// `healthCheckExprs`.
    #[error(transparent)]
    Expression(#[from] ExprsError),
    /// Rules of fields left alone.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
}

impl RulesError {
    /// Reason of the conditions.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Expression(_) => Reason::InvalidCELExpression,
            Self::Ignore(_) => Reason::ReconciliationFailed,
        }
    }
}

/// The rules of a spec.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// `spec.healthCheckExprs`.
    pub exprs: HealthExprs,
    /// Fields left to others.
    pub ignore: IgnoreRules,
}

impl Rules {
    /// Compiles them.
    ///
    /// # Errors
    /// At the first rule that cannot be used.
    pub fn compile(
        checks: &[meta::CustomHealthCheck],
        ignore: &[meta::IgnoreRule],
    ) -> Result<Self, RulesError> {
        let specs: Vec<ExprSpec<'_>> = checks.iter().map(expression).collect();
        let rules: Vec<ssa::IgnoreRule> = ignore.iter().map(ignore_rule).collect();
        Ok(Self { exprs: HealthExprs::compile(&specs)?, ignore: IgnoreRules::compile(&rules)? })
    }
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
