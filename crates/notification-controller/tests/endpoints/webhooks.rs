//! Receivers: their status, and what a call is answered and wakes.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http;
use crate::rig::{NAMESPACE, Rig, SOON};

const KIND: &str = "notification.toolkit.fluxcd.io/v1/Receiver";
const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

/// Plays one recording.
pub(crate) async fn play(rig: &Rig, recording: &Value) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let name = recording["receiver_name"].as_str().context("receiver_name")?;
    apply(rig, name, recording).await?;
    let expected = &recording["receiver_status"];
    if let Err(error) = settled(rig, name, expected).await {
        differences.push(format!("{error:#}\n  flux: {expected}"));
        return Ok(differences);
    }
    if recording["request"]["method"].is_null() {
        return Ok(differences);
    }
    let before = [requested(rig, "target").await?, requested(rig, "target2").await?];
    let answer = call(rig, recording).await?;
    let mut check = |what: &str, flux: String, ours: String| {
        if flux != ours {
            differences.push(format!("{what}\n  flux: {flux}\n  ours: {ours}"));
        }
    };
    let response = &recording["response"];
    check("status", response["status"].to_string(), answer.status.to_string());
    check("body", response["body"].as_str().unwrap_or_default().to_owned(), answer.body.clone());
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        let ours = answer.headers.get(&name.to_lowercase()).cloned().unwrap_or_default();
        check(name, value.as_str().unwrap_or_default().to_owned(), ours);
    }
    let after = [requested(rig, "target").await?, requested(rig, "target2").await?];
    let changed = [before[0] != after[0], before[1] != after[1]];
    let flux = match &recording["requested_at_changed"] {
        Value::Bool(first) => [*first, false],
        both => [both["target"] == true, both["target2"] == true],
    };
    check("woken", format!("{flux:?}"), format!("{changed:?}"));
    Ok(differences)
}

async fn requested(rig: &Rig, name: &str) -> Result<Value> {
    let object = rig.cluster.get("GitRepository", NAMESPACE, name).await?;
    Ok(object["metadata"]["annotations"][REQUESTED].clone())
}

/// A Receiver that is closed but has a path was open before.
async fn apply(rig: &Rig, name: &str, recording: &Value) -> Result<()> {
    let spec = &recording["receiver"];
    let secret = spec["secretRef"]["name"].as_str();
    if let (Some(secret), Some(keys)) = (secret, recording["secret_keys"].as_object()) {
        let object = json!({"apiVersion": "v1", "kind": "Secret", "stringData": keys,
            "metadata": {"name": secret, "namespace": NAMESPACE}});
        if secret == "absent" {
            rig.cluster.delete("Secret", NAMESPACE, secret).await?;
        } else {
            rig.cluster.apply(&object).await?;
        }
    }
    let status = &recording["receiver_status"];
    let ready = status["conditions"].as_array().is_some_and(|all| {
        all.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    });
    if status["webhookPath"].is_string() && (!ready || spec["suspend"] == true) {
        let mut open = spec.clone();
        open["suspend"] = false.into();
        open.as_object_mut().context("spec")?.remove("resourceFilter");
        rig.cluster.apply(&receiver(name, &open)).await?;
        rig.cluster.wait_ready((KIND, NAMESPACE, name), "True", SOON).await?;
    }
    rig.cluster.apply(&receiver(name, spec)).await?;
    Ok(())
}

fn receiver(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
}

/// Waits for the recorded status: path, and every condition by type, status, reason and message.
async fn settled(rig: &Rig, name: &str, expected: &Value) -> Result<Value> {
    rig.cluster.wait((KIND, NAMESPACE, name), SOON, |object| same(object, expected)).await
}

fn same(object: &Value, expected: &Value) -> bool {
    let (status, generation) = (&object["status"], &object["metadata"]["generation"]);
    let ready = expected["conditions"].is_array();
    let observed = match expected["observedGeneration"].as_i64() {
        Some(-1) => status["observedGeneration"] == -1,
        _ => status["observedGeneration"] == *generation,
    };
    let simple = |conditions: &Value| {
        let all = conditions.as_array().into_iter().flatten();
        let mut all: Vec<_> = all.map(shown).collect();
        all.sort();
        all
    };
    let finalized = object["metadata"]["finalizers"] == json!(["finalizers.fluxcd.io"]);
    status["webhookPath"] == expected["webhookPath"]
        && (observed || !ready)
        && finalized
        && simple(&status["conditions"]) == simple(&expected["conditions"])
}

/// The parser's own words about a syntax error are its own.
fn shown(condition: &Value) -> String {
    let text = |key: &str| condition[key].as_str().unwrap_or_default();
    let message = text("message");
    let message = message.split_once("': ERROR:").map_or(message, |(start, _)| start);
    let message = match message.split_once("failed to parse the CEL expression '") {
        Some((start, rest)) => format!("{start}{}", rest.split('\'').next().unwrap_or_default()),
        None => message.to_owned(),
    };
    format!("{} {} {} {message}", text("type"), text("status"), text("reason"))
}

async fn call(rig: &Rig, recording: &Value) -> Result<http::Answer> {
    let request = &recording["request"];
    let mut headers = Vec::new();
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let mut value = value.as_str().unwrap_or_default().to_owned();
        if value.contains("<JWT>") {
            value = value.replace("<JWT>", &rig.keys.token(&recording["bearer_token"])?);
        }
        headers.push((name.clone(), value));
    }
    let body = body(request["body"].as_str().unwrap_or_default());
    let method = request["method"].as_str().context("method")?;
    let path = request["path"].as_str().context("path")?;
    http::send(&rig.controller.receiver_url(), method, path, &headers, &body).await
}

/// Bodies of megabytes are described by their size.
fn body(text: &str) -> Vec<u8> {
    let size = text.strip_prefix('<').and_then(|rest| rest.split_once(" bytes: {\"pad\":"));
    match size.and_then(|(size, _)| size.parse::<usize>().ok()) {
        Some(size) => format!("{{\"pad\":\"{}\"}}", "x".repeat(size - 10)).into_bytes(),
        None => text.as_bytes().to_vec(),
    }
}
