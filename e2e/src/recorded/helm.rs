//! Steps made by the real `helm`, and releases as they are stored.
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use testkit::ControlPlane;

/// Runs `helm ARGS` in a namespace.
pub(crate) fn helm(plane: &ControlPlane, namespace: &str, args: &[&str]) -> Result<String> {
    let home = tempfile::tempdir()?;
    let done = Command::new(testkit::program("helm")?)
        .args(args)
        .args(["--namespace", namespace])
        .env("KUBECONFIG", plane.kubeconfig())
        .env("HOME", home.path())
        .output()
        .context("running helm")?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(done.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(text)
}

/// `helm upgrade app <chart 1.0.0> --set v=byhand`: the chart is written to a file from the steps before. Where Helm
/// refuses to take fields from helm-controller, a failed release is what the step leaves.
pub(crate) fn step(plane: &ControlPlane, namespace: &str, verb: &str, steps: &[Value]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    // The recorder's helm patched from its own side.
    let mut args: Vec<String> =
        verb.starts_with("helm upgrade ").then(|| "--server-side=false".into()).into_iter().collect();
    let mut words = verb.trim_start_matches("helm ").split_whitespace();
    while let Some(word) = words.next() {
        if word != "<chart" {
            args.push(word.to_owned());
            continue;
        }
        let version = words.next().context("version")?.trim_end_matches('>');
        let pushed = steps.iter().find(|step| step["tag"] == version).context("chart of that version")?;
        let files: testkit::ChartFiles = serde_json::from_value(pushed["files"].clone())?;
        let file = dir.path().join("chart.tgz");
        std::fs::write(&file, testkit::chart_archive(&files)?)?;
        args.push(file.display().to_string());
    }
    match helm(plane, namespace, &args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Err(error) if format!("{error:#}").contains("conflict occurred while applying object") => Ok(()),
        done => done.map(drop),
    }
}

/// `create release Secret NEW: copy of v1 with version 2 and status pending-upgrade`.
pub(crate) fn copy_secret(
    verb: &str,
    kubectl: impl Fn(&[&str], Option<&str>) -> Result<String>,
) -> Result<()> {
    let rest = verb.strip_prefix("create release Secret ").context("step")?;
    let (name, how) = rest.split_once(": copy of v1 with version ").context("step")?;
    let (version, status) = how.split_once(" and status ").context("step")?;
    let (release, _) = name.rsplit_once(".v").context("name of a release Secret")?;
    let mut secret: Value =
        serde_json::from_str(&kubectl(&["get", "secret", &format!("{release}.v1"), "-o", "json"], None)?)?;
    let mut stored = decode(&secret)?;
    stored["version"] = json!(version.parse::<i64>()?);
    stored["info"]["status"] = json!(status);
    secret["metadata"] = json!({ "name": name, "labels": secret["metadata"]["labels"] });
    secret["metadata"]["labels"]["version"] = json!(version);
    secret["metadata"]["labels"]["status"] = json!(status);
    secret["data"]["release"] = json!(STANDARD.encode(STANDARD.encode(stored.to_string())));
    kubectl(&["create", "-f", "-"], Some(&secret.to_string())).map(drop)
}

/// What a release Secret holds. Helm takes JSON that is not compressed, too.
fn decode(secret: &Value) -> Result<Value> {
    use std::io::Read;
    let text = secret["data"]["release"].as_str().context("no release")?;
    let packed = STANDARD.decode(STANDARD.decode(text)?)?;
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return Ok(serde_json::from_slice(&packed)?);
    }
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Whether a verb is one of these steps.
pub(crate) fn is_step(verb: &str) -> bool {
    verb.starts_with("helm ") || verb.starts_with("create release Secret ")
}

/// Releases of a namespace in the recorder's shape: what of them is no time.
pub(crate) fn storage(secrets: &Value) -> Result<Value> {
    let mut seen = Vec::new();
    for secret in secrets["items"].as_array().into_iter().flatten() {
        let Ok(stored) = decode(secret) else { bail!("{} holds no release", secret["metadata"]["name"]) };
        let info = &stored["info"];
        seen.push(json!({
            "name": secret["metadata"]["name"], "labels": secret["metadata"]["labels"],
            "release": {
                "name": stored["name"], "namespace": stored["namespace"], "version": stored["version"],
                "status": info["status"], "description": info["description"], "config": stored["config"],
                "apply_method": stored["apply_method"], "manifest": stored["manifest"], "hooks": stored["hooks"],
            },
        }));
    }
    seen.sort_by_key(|one| one["release"]["version"].as_i64());
    Ok(comparable(&seen))
}

/// Without what is Go's or a time: empty fields, phases of hooks that have not run, managers.
pub(crate) fn comparable(releases: &[Value]) -> Value {
    releases
        .iter()
        .map(|one| {
            let mut one = one.clone();
            one.as_object_mut().map(|map| map.remove("managers"));
            for key in ["createdAt", "modifiedAt"] {
                one["labels"].as_object_mut().map(|labels| labels.remove(key));
            }
            for key in ["notes", "labels", "chart"] {
                one["release"].as_object_mut().map(|release| release.remove(key));
            }
            for hook in one["release"]["hooks"].as_array_mut().into_iter().flatten() {
                hook.as_object_mut().map(|hook| hook.remove("manifest"));
            }
            without_empty(&one)
        })
        .collect()
}

fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, inner)| (key.clone(), without_empty(inner)));
            let is_empty = |inner: &Value| {
                inner.is_null()
                    || inner == ""
                    || inner == 0
                    || inner.as_object().is_some_and(serde_json::Map::is_empty)
                    || inner.as_array().is_some_and(Vec::is_empty)
            };
            Value::Object(kept.filter(|(_, inner)| !is_empty(inner)).collect())
        }
        Value::Array(list) => list.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}
