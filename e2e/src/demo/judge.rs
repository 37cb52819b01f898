//! Asks kubectl until it says what is claimed; never silent for ten seconds.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testkit::ControlPlane;

use super::screen::say;

/// An act that takes longer than this has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// How often to say that it still waits.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Asks again until `verdict` has nothing to object to; what it objects is the text of the failure.
pub(super) fn until(claim: &str, mut verdict: impl FnMut() -> Result<Option<String>>) -> Result<()> {
    let (begun, limit) = (Instant::now(), testkit::patience(LIMIT));
    let mut spoken = Instant::now();
    say(&format!("  judged by kubectl: {claim}"));
    loop {
        let objection = match verdict() {
            Ok(None) => return Ok(()),
            Ok(Some(objection)) => objection,
            Err(error) => format!("{error:#}"),
        };
        if begun.elapsed() > limit {
            bail!("not so after {} s: {claim}; {objection}", limit.as_secs());
        }
        if spoken.elapsed() > SIGN_OF_LIFE {
            spoken = Instant::now();
            say(&format!("    not yet: {objection}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// `kubectl get … -o json`; nothing when it does not exist.
pub(super) fn get(plane: &ControlPlane, namespace: &str, kind: &str, name: &str) -> Result<Option<Value>> {
    let args = ["get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found"];
    let text = plane.kubectl_ok(&args)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&text).map(Some).context("kubectl printed no JSON")
}

/// Objects to a Deployment `web` that does not run this image with this many ready replicas.
pub(super) fn runs(
    plane: &ControlPlane,
    namespace: &str,
    image: &str,
    replicas: u64,
) -> Result<Option<String>> {
    let Some(web) = get(plane, namespace, "deployment", "web")? else {
        return Ok(Some(format!("there is no deployment/web in {namespace}")));
    };
    let shown = &web["spec"]["template"]["spec"]["containers"][0]["image"];
    let wanted = &web["spec"]["replicas"];
    let status = &web["status"];
    let counts = [&status["updatedReplicas"], &status["availableReplicas"], &status["replicas"]];
    let current = status["observedGeneration"] == web["metadata"]["generation"];
    if shown == image && wanted == replicas && current && counts.iter().all(|count| **count == replicas) {
        return Ok(None);
    }
    Ok(Some(format!(
        "deployment/web in {namespace}: image {shown}, {} of {wanted} replicas available",
        status["availableReplicas"].as_u64().unwrap_or(0)
    )))
}

/// Status and message of a Kustomization's Ready condition.
pub(super) fn ready(plane: &ControlPlane, name: &str) -> Result<(String, String)> {
    let kustomization = get(plane, "flux-system", "kustomizations.kustomize.toolkit.fluxcd.io", name)?;
    let kustomization = kustomization.unwrap_or_default();
    let ready = testkit::condition(&kustomization, "Ready").cloned().unwrap_or_default();
    let text = |field: &str| ready[field].as_str().unwrap_or("").to_string();
    Ok((text("status"), text("message")))
}

/// The messages of the events that stand on an object.
pub(super) fn events(plane: &ControlPlane, namespace: &str, kind: &str, name: &str) -> Result<Vec<String>> {
    let selector = format!("involvedObject.kind={kind},involvedObject.name={name}");
    let text =
        plane.kubectl_ok(&["get", "events", "-n", namespace, "--field-selector", &selector, "-o", "json"])?;
    let list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    Ok(items.iter().filter_map(|event| event["message"].as_str().map(String::from)).collect())
}
