//! Events: what is answered, what is delivered, what the Alert is told.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http;
use crate::rig::{NAMESPACE, Rig, SOON};
use crate::sink::Seen;

/// How long nothing more must come.
const QUIET: Duration = Duration::from_millis(250);

/// Plays one recording; its form is told by its name.
pub(crate) async fn play(rig: &Rig, name: &str, recording: &Value) -> Result<Vec<String>> {
    let differences = match name.split('-').next() {
        Some("duplicates") => duplicates(rig, name, recording).await?,
        Some("http") => over_http(rig, name, recording).await?,
        Some("metadata") => metadata(rig, name, recording).await?,
        Some("filter") => rows(rig, name, recording, &recording["alert_as_stored"]).await?,
        _ => sources(rig, name, recording).await?,
    };
    rig.cluster.delete("notification.toolkit.fluxcd.io/v1beta3/Alert", NAMESPACE, name).await?;
    Ok(differences)
}

/// Applies an Alert and gives the watch the time to show it: there is no status that would tell.
async fn alert(rig: &Rig, name: &str, spec: &Value) -> Result<()> {
    let mut spec = spec.clone();
    spec["providerRef"] = json!({"name": "es"});
    if spec["eventSources"].is_null() {
        spec["eventSources"] = ["Kustomization", "GitRepository", "HelmRelease"]
            .map(|kind| json!({"kind": kind, "name": "*"}))
            .into();
    }
    let object = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
    rig.cluster.apply(&object).await?;
    tokio::time::sleep(Duration::from_millis(400)).await;
    Ok(())
}

async fn post(rig: &Rig, event: &Value) -> Result<http::Answer> {
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    http::send(&rig.controller.service_url(), "POST", "/", &headers, event.to_string().as_bytes()).await
}

/// What arrived, once so many came or the time is over, and nothing more comes.
async fn delivered(rig: &Rig, expected: usize) -> Vec<Seen> {
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while rig.sink.seen().len() < expected && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(QUIET).await;
    rig.sink.seen()
}

fn event(kind: &str, namespace: &str, name: &str, severity: &str, message: &str) -> Value {
    json!({
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name, "uid": "u",
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "resourceVersion": "1"},
        "severity": severity, "timestamp": "2026-01-02T03:04:05Z", "message": message, "reason": "R",
        "metadata": {"kustomize.toolkit.fluxcd.io/revision": "main@sha1:4f2a8e0c9b1d3f5a7c6e8d0b2a4c6e8f01234567"},
        "reportingController": "kustomize-controller", "reportingInstance": "kustomize-controller-0",
    })
}

async fn rows(rig: &Rig, name: &str, recording: &Value, spec: &Value) -> Result<Vec<String>> {
    alert(rig, name, spec).await?;
    let mut differences = Vec::new();
    for row in recording["rows"].as_array().context("rows")? {
        rig.sink.reset([]);
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let sent = event("Kustomization", NAMESPACE, "app", text("severity"), text("message"));
        let answer = post(rig, &sent).await?;
        let expected = row["delivered"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let count = delivered(rig, expected).await.len();
        if row["status"] != answer.status || count != expected {
            differences.push(format!("{row}\n  ours: {} delivered {count}", answer.status));
        }
    }
    differences.extend(told(rig, name, recording).await?);
    Ok(differences)
}

/// `Kustomization rec-notify/app (...)` in each row.
async fn sources(rig: &Rig, name: &str, recording: &Value) -> Result<Vec<String>> {
    alert(rig, name, &json!({"eventSources": recording["eventSources"]})).await?;
    let mut differences = Vec::new();
    for (index, row) in recording["rows"].as_array().context("rows")?.iter().enumerate() {
        rig.sink.reset([]);
        let object = row["event_object"].as_str().context("event_object")?;
        let mut words = object.split_whitespace();
        let (kind, place) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (namespace, object_name) = place.split_once('/').context("object")?;
        let message = format!("{name} {index}");
        let answer = post(rig, &event(kind, namespace, object_name, "info", &message)).await?;
        let expected = row["delivered"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let count = delivered(rig, expected).await.len();
        if row["status"] != answer.status || count != expected {
            differences.push(format!("{object}: {row}\n  ours: {} delivered {count}", answer.status));
        }
    }
    differences.extend(told(rig, name, recording).await?);
    Ok(differences)
}

async fn metadata(rig: &Rig, name: &str, recording: &Value) -> Result<Vec<String>> {
    alert(rig, name, &recording["alert"]).await?;
    rig.sink.reset([]);
    let answer = post(rig, &recording["event"]).await?;
    let mut differences = compare_delivered(rig, &recording["delivered"]).await;
    if recording["status"] != answer.status {
        differences.push(format!("status {} instead of {}", answer.status, recording["status"]));
    }
    differences.extend(told(rig, name, recording).await?);
    Ok(differences)
}

async fn over_http(rig: &Rig, name: &str, recording: &Value) -> Result<Vec<String>> {
    alert(rig, name, &json!({})).await?;
    rig.sink.reset([]);
    let request = &recording["request"];
    let text = |key: &str| request[key].as_str().unwrap_or_default();
    let headers: Vec<_> = request["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let body = body(request);
    let answer =
        http::send(&rig.controller.service_url(), text("method"), text("path"), &headers, &body).await?;
    let mut differences = compare_answer(recording, "response_headers", "response_body", &answer);
    differences.extend(compare_delivered(rig, &recording["delivered"]).await);
    Ok(differences)
}

/// Bodies of kilobytes are described by their size.
fn body(request: &Value) -> Vec<u8> {
    let text = request["body"].as_str().unwrap_or_default();
    let Some(size) =
        text.strip_suffix(" bytes>").and_then(|size| size.strip_prefix('<')?.parse::<usize>().ok())
    else {
        return text.as_bytes().to_vec();
    };
    let mut filled = event("Kustomization", NAMESPACE, "app", "info", "");
    let rest = size.saturating_sub(filled.to_string().len());
    filled["message"] = "x".repeat(rest).into();
    filled.to_string().into_bytes()
}

fn compare_answer(recording: &Value, headers: &str, body: &str, answer: &http::Answer) -> Vec<String> {
    let mut differences = Vec::new();
    let text = recording[body].as_str().unwrap_or(&answer.body);
    if recording["status"] != answer.status || text != answer.body {
        differences.push(format!("flux: {} {}\n  ours: {answer:?}", recording["status"], recording[body]));
    }
    for (name, value) in recording[headers].as_object().into_iter().flatten() {
        let ours = answer.headers.get(&name.to_lowercase()).map(String::as_str);
        let time = matches!(name.as_str(), "X-Ratelimit-Reset" | "Retry-After");
        if (time && ours.is_none()) || (!time && value.as_str() != ours) {
            differences.push(format!("{name}: flux {value}, ours {ours:?}"));
        }
    }
    differences
}

async fn compare_delivered(rig: &Rig, expected: &Value) -> Vec<String> {
    let expected = expected.as_array().cloned().unwrap_or_default();
    let seen = delivered(rig, expected.len()).await;
    if seen.len() != expected.len() {
        return vec![format!("{} delivered instead of {}", seen.len(), expected.len())];
    }
    let mut differences = Vec::new();
    for (expected, seen) in expected.iter().zip(&seen) {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let described = expected["body"].as_str().is_some_and(|text| text.starts_with("<event, "));
        if expected["path"] != seen.path.as_str() || (!described && expected["body"] != body) {
            differences.push(format!(
                "delivered\n  flux: {} {}\n  ours: {} {body}",
                expected["path"], expected["body"], seen.path
            ));
        }
    }
    differences
}

/// The warnings on the Alert, with their annotations.
async fn told(rig: &Rig, name: &str, recording: &Value) -> Result<Vec<String>> {
    let mut expected: Vec<_> = recording["k8s_events"].as_array().into_iter().flatten().map(shown).collect();
    expected.sort();
    expected.dedup();
    let mut ours = Vec::new();
    let end = tokio::time::Instant::now() + testkit::patience(SOON);
    while tokio::time::Instant::now() < end {
        let all = rig.cluster.list("Event", NAMESPACE).await?;
        ours = all
            .iter()
            .filter(|event| {
                event["involvedObject"]["name"] == name && event["involvedObject"]["kind"] == "Alert"
            })
            .map(|event| {
                let annotations = event["metadata"]["annotations"].clone();
                shown(&json!({"type": event["type"], "reason": event["reason"], "message": event["message"],
                    "annotations": annotations}))
            })
            .collect::<Vec<_>>();
        ours.sort();
        ours.dedup();
        if ours == expected {
            return Ok(Vec::new());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(vec![format!("warnings\n  flux: {expected:#?}\n  ours: {ours:#?}")])
}

fn shown(event: &Value) -> String {
    let mut annotations: Vec<_> = event["annotations"].as_object().into_iter().flatten().collect();
    annotations.sort_by_key(|(key, _)| key.as_str());
    format!("{} {} {} {annotations:?}", event["type"], event["reason"], event["message"])
}

async fn duplicates(rig: &Rig, name: &str, recording: &Value) -> Result<Vec<String>> {
    let alerted = name == "duplicates";
    if alerted {
        alert(rig, name, &json!({})).await?;
    }
    let base = rig.patient().await?;
    let mut differences = Vec::new();
    for step in recording["steps"].as_array().context("steps")? {
        rig.sink.reset([]);
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        let body = step["event"].to_string();
        let answer = http::send(&base, "POST", "/", &headers, body.as_bytes()).await?;
        for difference in compare_answer(step, "response_headers", "response_body", &answer) {
            differences.push(format!("{}: {difference}", step["step"]));
        }
        if let Some(expected) = step["delivered"].as_u64().and_then(|count| usize::try_from(count).ok()) {
            let count = delivered(rig, expected).await.len();
            if count != expected {
                differences.push(format!("{}: {count} delivered instead of {expected}", step["step"]));
            }
        }
    }
    Ok(differences)
}
