use std::fmt;

use manifest::Object;
use serde_json::Value;

use crate::field::{at, conditions, text};

/// Bytes of a message taken over; kubelet's can hold whole tracebacks.
const MAX_MESSAGE: usize = 300;

/// Why a Pod does not run: what a person would look for with `kubectl describe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodCause {
    /// Name of the container; `None` when the Pod as a whole is concerned.
    pub container: Option<String>,
    /// One word, such as `ImagePullBackOff`, `CrashLoopBackOff`, `OOMKilled` or `Unschedulable`.
    pub reason: String,
    /// In sentences; may be empty. At most 300 bytes.
    pub message: String,
}

impl fmt::Display for PodCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(container) = &self.container {
            write!(f, "container {container}: ")?;
        }
        f.write_str(&self.reason)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// Finds why a Pod does not run; `None` when it runs, has completed, or is merely starting.
#[must_use]
pub fn pod_cause(pod: &Object) -> Option<PodCause> {
    let value = pod.value();
    if text(value, &["status", "phase"], "") == "Succeeded" {
        return None;
    }
    unscheduled(value)
        .or_else(|| container_cause(value, "initContainerStatuses"))
        .or_else(|| container_cause(value, "containerStatuses"))
        .or_else(|| pod_failure(value))
}

fn unscheduled(value: &Value) -> Option<PodCause> {
    let condition = conditions(value).find(|condition| condition.is("PodScheduled", "False"))?;
    let waiting = condition.reason == "SchedulingGated";
    (!waiting && !condition.reason.is_empty()).then(|| cause(None, condition.reason, condition.message))
}

fn container_cause(value: &Value, field: &str) -> Option<PodCause> {
    let states = at(value, &["status", field]).and_then(Value::as_array)?;
    states.iter().find_map(|state| {
        let name = text(state, &["name"], "");
        waiting(name, state).or_else(|| terminated(name, state))
    })
}

fn waiting(name: &str, state: &Value) -> Option<PodCause> {
    let reason = text(state, &["state", "waiting", "reason"], "");
    if matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
        return None;
    }
    let mut message = text(state, &["state", "waiting", "message"], "").to_owned();
    if reason == "CrashLoopBackOff"
        && let Some(exit) = exit(at(state, &["lastState", "terminated"]))
    {
        message = format!("last exit: {exit}");
    }
    Some(cause(Some(name), reason, &message))
}

fn terminated(name: &str, state: &Value) -> Option<PodCause> {
    let ended = at(state, &["state", "terminated"])?;
    if ended.get("exitCode").and_then(Value::as_i64) == Some(0) {
        return None;
    }
    Some(cause(Some(name), text(ended, &["reason"], "Error"), &exit(Some(ended))?))
}

/// `OOMKilled, code 137: message` of a terminated state.
fn exit(ended: Option<&Value>) -> Option<String> {
    let ended = ended?;
    let code = ended.get("exitCode").and_then(Value::as_i64)?;
    let reason = text(ended, &["reason"], "Error");
    let message = text(ended, &["message"], "").trim();
    Some(if message.is_empty() {
        format!("{reason}, code {code}")
    } else {
        format!("{reason}, code {code}: {message}")
    })
}

/// Failures of the Pod as a whole, such as eviction.
fn pod_failure(value: &Value) -> Option<PodCause> {
    let reason = text(value, &["status", "reason"], "");
    let failed = text(value, &["status", "phase"], "") == "Failed";
    (failed && !reason.is_empty()).then(|| cause(None, reason, text(value, &["status", "message"], "")))
}

fn cause(container: Option<&str>, reason: &str, message: &str) -> PodCause {
    let message = message.trim();
    let end =
        (0..=message.len().min(MAX_MESSAGE)).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    PodCause {
        container: container.filter(|name| !name.is_empty()).map(str::to_owned),
        reason: reason.to_owned(),
        message: message[..end].to_owned(),
    }
}
