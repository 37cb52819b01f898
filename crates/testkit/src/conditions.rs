//! The rules that conditions of Flux's kinds keep at every moment (kstatus; fluxcd/pkg `runtime/conditions`).
use anyhow::{Result, bail};
use serde_json::Value;

/// Types that say something is wrong or under way: they exist only while they are true.
const NEGATIVE: [&str; 9] = [
    "Reconciling",
    "Stalled",
    "FetchFailed",
    "StorageOperationFailed",
    "BuildFailed",
    "ArtifactOutdated",
    "IncludeUnavailable",
    "DriftContested",
    "Remediated",
];

/// The condition of this type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

/// Checks one snapshot of an object that a controller has begun to reconcile.
///
/// # Errors
/// Names every rule that is broken: Ready is present, a type occurs once, negative types only while true, each condition
/// has a reason and a time, no observedGeneration is ahead of the generation or behind a final verdict.
pub fn check_conditions(object: &Value) -> Result<()> {
    let mut broken = Vec::new();
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    if condition(object, "Ready").is_none() {
        broken.push("Ready is absent".to_string());
    }
    for (at, one) in conditions.iter().enumerate() {
        let kind = one["type"].as_str().unwrap_or("");
        if conditions[..at].iter().any(|other| other["type"] == one["type"]) {
            broken.push(format!("{kind} occurs twice"));
        }
        one_condition(kind, one, object, &mut broken);
    }
    verdict(object, &mut broken);
    if !broken.is_empty() {
        bail!(
            "{} of {} breaks rules: {}; {:#}",
            object["kind"],
            object["metadata"]["name"],
            broken.join("; "),
            { object["status"].clone() }
        );
    }
    Ok(())
}

fn one_condition(kind: &str, one: &Value, object: &Value, broken: &mut Vec<String>) {
    if NEGATIVE.contains(&kind) && one["status"] != "True" {
        broken.push(format!("{kind} is kept while it is not true"));
    }
    for field in ["reason", "lastTransitionTime"] {
        if one[field].as_str().is_none_or(str::is_empty) {
            broken.push(format!("{kind} has no {field}"));
        }
    }
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    let observed = one["observedGeneration"].as_i64();
    if observed.is_none_or(|observed| observed < 1 || observed > generation) {
        broken.push(format!("{kind} observed generation {observed:?} of {generation}"));
    }
}

/// Ready=True with nothing under way, or Stalled, is a verdict on a generation: that one must be the observed one.
fn verdict(object: &Value, broken: &mut Vec<String>) {
    let ready = condition(object, "Ready").cloned().unwrap_or_default();
    let stalled = condition(object, "Stalled");
    let reconciling = condition(object, "Reconciling").is_some();
    if stalled.is_some() && ready["status"] == "True" {
        broken.push("Stalled and Ready".into());
    }
    if stalled.is_some() && reconciling {
        broken.push("Stalled and Reconciling".into());
    }
    let judged = stalled.or((ready["status"] == "True" && !reconciling).then_some(&ready));
    let observed = &object["status"]["observedGeneration"];
    if let Some(judged) = judged
        && &judged["observedGeneration"] != observed
    {
        broken.push(format!("judged generation {}, observed {observed}", judged["observedGeneration"]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(observed: i64, conditions: Value) -> Value {
        json!({ "kind": "Kustomization", "metadata": { "name": "x", "generation": 2 },
            "status": { "observedGeneration": observed, "conditions": conditions } })
    }

    fn one(kind: &str, status: &str, generation: i64) -> Value {
        json!({ "type": kind, "status": status, "reason": "R", "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": generation })
    }

    #[track_caller]
    fn breaks(object: &Value, rule: &str) {
        let error = check_conditions(object).unwrap_err().to_string();
        assert!(error.contains(rule), "{error}");
    }

    #[test]
    fn a_ready_object_keeps_the_rules() {
        check_conditions(&object(2, json!([one("Ready", "True", 2)]))).unwrap();
    }

    #[test]
    fn an_object_under_way_may_lag_behind() {
        let under_way = json!([one("Reconciling", "True", 2), one("Ready", "Unknown", 2)]);
        check_conditions(&object(1, under_way)).unwrap();
    }

    #[test]
    fn each_rule_is_seen_broken() {
        breaks(&object(2, json!([])), "Ready is absent");
        breaks(&object(2, json!([one("Ready", "True", 2), one("Ready", "True", 2)])), "occurs twice");
        breaks(&object(2, json!([one("Ready", "True", 2), one("Stalled", "False", 2)])), "Stalled is kept");
        breaks(&object(2, json!([one("Ready", "True", 3)])), "observed generation");
        breaks(&object(1, json!([one("Ready", "True", 2)])), "judged generation");
        breaks(&object(2, json!([one("Ready", "True", 2), one("Stalled", "True", 2)])), "Stalled and Ready");
        breaks(
            &object(2, json!([{ "type": "Ready", "status": "True", "observedGeneration": 2 }])),
            "no reason",
        );
    }
}
