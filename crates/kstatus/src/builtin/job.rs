//! Jobs as Flux waits for them: kstatus calls a running Job Current, Flux waits until it completes.

use serde_json::Value;

use crate::{
    field::{at, conditions, int, text},
    status::Health,
};

pub(crate) fn judge(value: &Value) -> Health {
    if at(value, &["spec", "suspend"]).and_then(Value::as_bool) == Some(true) {
        return Health::current("Job is suspended");
    }
    let parallelism = int(value, &["spec", "parallelism"], 1);
    let completions = int(value, &["spec", "completions"], parallelism);
    let count = |field| int(value, &["status", field], 0);
    let (active, succeeded, failed) = (count("active"), count("succeeded"), count("failed"));
    for condition in conditions(value) {
        if condition.is("Complete", "True") {
            return Health::current(format!("Job Completed. succeeded: {succeeded}/{completions}"));
        }
        if condition.is("Failed", "True") {
            return Health::failed(format!("Job Failed. failed: {failed}/{completions}"));
        }
    }
    if text(value, &["status", "startTime"], "").is_empty() {
        return Health::in_progress(format!("Job not started. active: 0/{parallelism}"));
    }
    Health::in_progress(format!("Job in progress. success:{succeeded}, active: {active}, failed: {failed}"))
}
