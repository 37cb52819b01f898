//! Whether one of our objects is ready, by the rules of `flux create` and `flux resume`.
use std::time::{SystemTime, UNIX_EPOCH};

use kstatus::{Health, Status};
use manifest::Object;
use serde_json::Value;

use crate::{
    CommandError,
    value::{at, condition},
};

/// What kstatus says of an object now.
pub(crate) fn health(object: &Value) -> Result<Health, CommandError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let object =
        Object::from_value(object.clone()).map_err(|error| CommandError::failed(error.to_string()))?;
    kstatus::compute(&object, i64::try_from(now).unwrap_or(i64::MAX))
        .map_err(|error| CommandError::failed(error.to_string()))
}

/// True when the controller has judged this generation of the object and found it ready.
///
/// # Errors
/// When it has found that it cannot become ready.
pub(crate) fn is_ready(object: &Value) -> Result<bool, CommandError> {
    Ok(is_judged(object) && settled(object)?)
}

/// True when kstatus finds the object current.
///
/// # Errors
/// When it has failed.
pub(crate) fn settled(object: &Value) -> Result<bool, CommandError> {
    let health = health(object)?;
    match health.status {
        Status::Current => Ok(true),
        Status::InProgress => Ok(false),
        _ => Err(CommandError::failed(health.message)),
    }
}

/// Ready is there and is about this generation; kinds without observedGeneration in conditions have that of the status.
fn is_judged(object: &Value) -> bool {
    let number = |value: &Value, path: &[&str]| at(value, path).and_then(Value::as_i64).unwrap_or_default();
    let generation = number(object, &["metadata", "generation"]);
    let observed = number(object, &["status", "observedGeneration"]);
    let Some(ready) = condition(object, "Ready").filter(|_| observed >= 1) else { return false };
    match number(ready, &["observedGeneration"]) {
        0 => observed == generation,
        judged => judged == generation,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_ready, settled};

    fn object(generation: i64, judged: i64, observed: i64, status: &str) -> serde_json::Value {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "a", "namespace": "b", "generation": generation },
            "status": { "observedGeneration": observed, "conditions": [
                { "type": "Ready", "status": status, "observedGeneration": judged, "message": "why" }
            ]}
        })
    }

    #[test]
    fn an_older_verdict_does_not_count() {
        assert!(is_ready(&object(2, 2, 2, "True")).unwrap());
        assert!(!is_ready(&object(2, 1, 2, "True")).unwrap());
        assert!(!is_ready(&object(2, 0, 1, "True")).unwrap());
        assert!(is_ready(&object(2, 0, 2, "True")).unwrap());
        assert!(!is_ready(&object(1, 1, -1, "True")).unwrap());
    }

    #[test]
    fn a_stalled_object_is_an_error_that_says_why() {
        let mut stalled = object(1, 1, 1, "False");
        let why = json!({ "type": "Stalled", "status": "True", "message": "wrong URL" });
        stalled["status"]["conditions"].as_array_mut().unwrap().push(why);
        assert!(settled(&stalled).unwrap_err().to_string().contains("wrong URL"));
    }
}
