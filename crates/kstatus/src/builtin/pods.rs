use manifest::Object;
use serde_json::Value;

use crate::{
    compute::ComputeError,
    field::{at, conditions, seconds, text},
    status::Health,
};

/// Seconds a Pod may be unschedulable before it counts as failed: a node may be on its way.
const SCHEDULE_WINDOW: i64 = 15;

pub(crate) fn judge(object: &Object, now: i64) -> Result<Health, ComputeError> {
    let value = object.value();
    Ok(match text(value, &["status", "phase"], "") {
        "Succeeded" => Health::current("Pod has completed successfully"),
        "Failed" => Health::current("Pod has completed, but not successfully"),
        "Running" => running(value),
        "Pending" => pending(value, now),
        "" => Health::in_progress("Pod phase not available"),
        phase => {
            let object = object.id().subject();
            return Err(ComputeError::UnknownPhase { object, phase: phase.to_owned() });
        }
    })
}

fn running(value: &Value) -> Health {
    if conditions(value).any(|condition| condition.is("Ready", "True")) {
        return Health::current("Pod is Ready");
    }
    let crashing = crash_looping(value);
    if crashing.is_empty() {
        return Health::in_progress("Pod is running but is not Ready");
    }
    Health::failed(format!("Containers in CrashLoop state: {}", crashing.join(",")))
}

fn crash_looping(value: &Value) -> Vec<&str> {
    let states = at(value, &["status", "containerStatuses"]).and_then(Value::as_array);
    let waiting = |state: &&Value| text(state, &["state", "waiting", "reason"], "") == "CrashLoopBackOff";
    states.into_iter().flatten().filter(waiting).filter_map(|state| state.get("name")?.as_str()).collect()
}

fn pending(value: &Value, now: i64) -> Health {
    let unscheduled = conditions(value).find(|condition| condition.is("PodScheduled", "False"));
    if unscheduled.is_none_or(|condition| condition.reason != "Unschedulable") {
        return Health::in_progress("Pod is in the Pending phase");
    }
    let created = seconds(text(value, &["metadata", "creationTimestamp"], "")).unwrap_or(0);
    if now.saturating_sub(SCHEDULE_WINDOW) < created {
        return Health::in_progress("Pod has not been scheduled");
    }
    Health::failed("Pod could not be scheduled")
}
