use std::borrow::Cow;

use expr::{CompileError, Env, EvalError, Program};
use manifest::{Gvk, Object};
use serde_json::Value;

use crate::{
    compute::{ComputeError, compute},
    field::at,
    status::{Health, Status},
};

/// One entry of `spec.healthCheckExprs`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExprSpec<'a> {
    /// API version; only its group counts.
    pub api_version: &'a str,
    /// Kind; empty for all kinds of the group.
    pub kind: &'a str,
    /// True when the object is healthy. Mandatory.
    pub current: &'a str,
    /// True while it is on its way; empty for none.
    pub in_progress: &'a str,
    /// True when it has failed; empty for none.
    pub failed: &'a str,
}

/// Health expressions, compiled once, by the kinds they judge.
#[derive(Clone, Debug, Default)]
pub struct HealthExprs(Vec<Judge>);

#[derive(Clone, Debug)]
struct Judge {
    group: String,
    kind: String,
    in_progress: Option<Program>,
    failed: Option<Program>,
    current: Program,
}

/// Why the expressions of a spec are not accepted; Flux stalls on it (`InvalidCELExpression`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprsError {
    /// `current` is empty.
    #[error(
        "failed to create custom status evaluator for healthchecks[{index}]: expression Current not specified"
    )]
    NoCurrent {
        /// Position in the list.
        index: usize,
    },
    /// An expression does not compile.
    #[error(
        "failed to create custom status evaluator for healthchecks[{index}]: failed to parse the expression {field}: {cause}"
    )]
    Compile {
        /// Position in the list.
        index: usize,
        /// `Current`, `Failed` or `InProgress`.
        field: &'static str,
        /// What is wrong with it.
        cause: CompileError,
    },
    /// Two entries for the same group and kind.
    #[error("duplicate custom health check for GroupKind {group_kind} at healthchecks[{index}]")]
    Duplicate {
        /// Position of the second one.
        index: usize,
        /// `Kind.group`.
        group_kind: String,
    },
}

/// Why an object could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HealthError {
    /// By the rules.
    #[error(transparent)]
    Rules(#[from] ComputeError),
    /// By an expression: a field it names is missing, or its result is no boolean.
    #[error("{object}: {cause}")]
    Expression {
        /// `Kind/namespace/name`.
        object: String,
        /// What went wrong.
        cause: EvalError,
    },
}

impl HealthExprs {
    /// Compiles all entries.
    ///
    /// # Errors
    /// At the first entry without `current`, with an expression that does not compile, or for a group and
    /// kind that an earlier one is for.
    pub fn compile(specs: &[ExprSpec<'_>]) -> Result<Self, ExprsError> {
        let mut judges: Vec<Judge> = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let group = Gvk::new(spec.api_version, spec.kind).group;
            if judges.iter().any(|judge| judge.group == group && judge.kind == spec.kind) {
                let group_kind = format!("{}.{group}", spec.kind);
                return Err(ExprsError::Duplicate { index, group_kind });
            }
            judges.push(Judge::compile(index, group, spec)?);
        }
        Ok(Self(judges))
    }

    /// Whether there is no expression.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an expression judges this kind, so that the rules do not.
    #[must_use]
    pub fn covers(&self, gvk: &Gvk) -> bool {
        self.judge_of(gvk).is_some()
    }

    /// Judges an object: by its expressions, or else by the rules. `now` as for [`compute`].
    ///
    /// # Errors
    /// When an expression cannot be evaluated (a missing field is an error, not false), or the object cannot
    /// be judged by the rules.
    pub fn health(&self, object: &Object, now: i64) -> Result<Health, HealthError> {
        match self.judge_of(&object.gvk()) {
            None => Ok(compute(object, now)?),
            Some(judge) => judge
                .health(&without_data(object))
                .map_err(|cause| HealthError::Expression { object: object.id().subject(), cause }),
        }
    }

    fn judge_of(&self, gvk: &Gvk) -> Option<&Judge> {
        let of_kind = |kind: &str| self.0.iter().find(|judge| judge.group == gvk.group && judge.kind == kind);
        of_kind(&gvk.kind).or_else(|| of_kind(""))
    }
}

/// What expressions see of an object: of a Secret not what it holds, which the text of an error could show.
fn without_data(object: &Object) -> Cow<'_, Value> {
    if object.gvk() != Gvk::new("v1", "Secret") {
        return Cow::Borrowed(object.value());
    }
    let mut shown = object.value().clone();
    if let Some(fields) = shown.as_object_mut() {
        fields.retain(|field, _| !matches!(field.as_str(), "data" | "stringData"));
    }
    Cow::Owned(shown)
}

impl Judge {
    fn compile(index: usize, group: String, spec: &ExprSpec<'_>) -> Result<Self, ExprsError> {
        if spec.current.is_empty() {
            return Err(ExprsError::NoCurrent { index });
        }
        let compile = |field, text: &str| {
            Program::compile(text, &Env::open()).map_err(|cause| ExprsError::Compile { index, field, cause })
        };
        let optional =
            |field, text: &str| if text.is_empty() { Ok(None) } else { compile(field, text).map(Some) };
        Ok(Self {
            group,
            kind: spec.kind.to_owned(),
            current: compile("Current", spec.current)?,
            failed: optional("Failed", spec.failed)?,
            in_progress: optional("InProgress", spec.in_progress)?,
        })
    }

    /// The order of RFC 0009.
    fn health(&self, value: &Value) -> Result<Health, EvalError> {
        let verdict = |status| Health::new(status, "");
        if is_behind(value) {
            return Ok(verdict(Status::InProgress));
        }
        let asked = [
            (self.in_progress.as_ref(), Status::InProgress),
            (self.failed.as_ref(), Status::Failed),
            (Some(&self.current), Status::Current),
        ];
        for (program, status) in asked {
            if let Some(program) = program
                && program.eval_bool_on(value)?
            {
                return Ok(verdict(status));
            }
        }
        Ok(verdict(Status::InProgress))
    }
}

/// Whether the controller has not seen the object's generation; a generation that is no number is not
/// looked at (some CRDs have it as a string).
fn is_behind(value: &Value) -> bool {
    let int = |path: [&str; 2]| at(value, &path).and_then(Value::as_i64);
    match (int(["status", "observedGeneration"]), int(["metadata", "generation"])) {
        (Some(observed), Some(generation)) => observed != generation,
        _ => false,
    }
}
