use manifest::Object;
use serde_json::Value;

use crate::{
    builtin,
    field::{at, conditions},
    status::{Health, Status},
};

/// Why an object cannot be judged by the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// A field every object has is of another type.
    #[error("{object}: field {field} has the wrong type")]
    WrongType {
        /// `Kind/namespace/name`.
        object: String,
        /// The field.
        field: &'static str,
    },
    /// A Pod in a phase this version does not know.
    #[error("{object}: unknown phase {phase}")]
    UnknownPhase {
        /// `Kind/namespace/name`.
        object: String,
        /// The phase.
        phase: String,
    },
}

/// Judges an object by the rules of its kind, or by the conditions it has. `now` is in seconds since 1970;
/// it only matters for Pods that cannot be scheduled, which get 15 seconds.
///
/// # Errors
/// When fields that all objects have are of an unexpected type.
pub fn compute(object: &Object, now: i64) -> Result<Health, ComputeError> {
    let value = object.value();
    // Flux judges Jobs by their own rules alone: neither deletion, generation nor standard conditions are
    // looked at, so that a completed Job being collected stays Current.
    let gvk = object.gvk();
    if gvk.group == "batch" && gvk.kind == "Job" {
        return Ok(builtin::job::judge(value));
    }
    if let Some(verdict) = deletion(object)? {
        return Ok(verdict);
    }
    if let Some(verdict) = generation(object)?.or_else(|| standard_conditions(value)) {
        return Ok(verdict);
    }
    if let Some(verdict) = builtin::judge(object, now) {
        return verdict;
    }
    Ok(ready_condition(value).unwrap_or_else(|| Health::current("Resource is current")))
}

fn deletion(object: &Object) -> Result<Option<Health>, ComputeError> {
    let terminating = || Health::new(Status::Terminating, "Resource scheduled for deletion");
    match at(object.value(), &["metadata", "deletionTimestamp"]) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(time)) => Ok((!time.is_empty()).then(terminating)),
        Some(_) => Err(wrong_type(object, "metadata.deletionTimestamp")),
    }
}

fn generation(object: &Object) -> Result<Option<Health>, ComputeError> {
    let Some(generation) = optional_int(object, &["metadata", "generation"], "metadata.generation")? else {
        return Ok(None);
    };
    let observed = optional_int(object, &["status", "observedGeneration"], "status.observedGeneration")?;
    Ok(observed.filter(|observed| *observed != generation).map(|observed| {
        let kind = object.kind();
        Health::in_progress(format!(
            "{kind} generation is {generation}, but latest observed generation is {observed}"
        ))
    }))
}

fn optional_int(object: &Object, path: &[&str], field: &'static str) -> Result<Option<i64>, ComputeError> {
    match at(object.value(), path) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong_type(object, field)),
    }
}

fn wrong_type(object: &Object, field: &'static str) -> ComputeError {
    ComputeError::WrongType { object: object.id().subject(), field }
}

/// Reconciling and Stalled, the conditions kstatus asks controllers for; they decide before any other rule.
fn standard_conditions(value: &Value) -> Option<Health> {
    conditions(value).find_map(|condition| {
        if condition.is("Reconciling", "True") {
            Some(Health::in_progress(condition.message))
        } else if condition.is("Stalled", "True") {
            Some(Health::failed(condition.message))
        } else {
            None
        }
    })
}

fn ready_condition(value: &Value) -> Option<Health> {
    conditions(value).filter(|condition| condition.kind == "Ready").find_map(|condition| {
        match condition.status {
            "True" => Some(Health::current("Resource is Ready")),
            "False" | "Unknown" => Some(Health::in_progress(condition.message)),
            _ => None,
        }
    })
}
