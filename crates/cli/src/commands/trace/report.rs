//! The report in the form of `flux trace`: one block for each step of the way, labels padded.
use std::fmt::Write;

use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::Owner;
use crate::{
    CommandError,
    cluster::Cluster,
    kinds::Kind,
    value::{at, condition, name, namespace, or, text},
};

/// Columns before the values, of the two reports.
const KUSTOMIZATION: usize = 17;
const RELEASE: usize = 16;
/// A chart's Git repository stands one column to the left there.
const RELEASE_GIT: usize = 15;

/// Lines with their labels padded to a width.
struct Block {
    out: String,
    width: usize,
}

impl Block {
    fn new(width: usize) -> Self {
        Self { out: String::new(), width }
    }

    fn line(&mut self, label: &str, value: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{:<width$}{value}", format!("{label}:"), width = self.width);
    }

    fn some(&mut self, label: &str, value: &str) {
        if !value.is_empty() {
            self.line(label, value);
        }
    }

    /// Kind and namespace, behind a rule.
    fn head(&mut self, object: &Value) {
        self.out.push_str("---\n");
        self.line(text(object, &["kind"]), name(object));
        self.line("Namespace", namespace(object));
    }

    /// What Ready says; failure is only told of sources.
    fn ready(&mut self, object: &Value, tells_failure: bool) {
        let Some(ready) = condition(object, "Ready") else { return self.line("Status", "Unknown") };
        let failed = tells_failure && text(ready, &["status"]) == "False";
        let verb = if failed { "reconciliation failed" } else { "reconciled" };
        self.line("Status", &format!("Last {verb} at {}", local_time(text(ready, &["lastTransitionTime"]))));
        self.line("Message", text(ready, &["message"]));
    }
}

/// The whole report on one object.
pub(crate) async fn report(cluster: &Cluster, object: &Value, owner: &Owner) -> Result<String, CommandError> {
    let found = cluster.need(&owner.kind.resource, &owner.namespace, &owner.name).await;
    let applier = found.map_err(|error| error.context(&format!("failed to find {}", owner.kind.kind)))?;
    let is_release = owner.kind.kind == "HelmRelease";
    let width = if is_release { RELEASE } else { KUSTOMIZATION };
    let mut block = Block::new(width);
    block.out.push('\n');
    block.line("Object", &format!("{}/{}", text(object, &["kind"]), name(object)));
    block.some("Namespace", namespace(object));
    block.line("Status", "Managed by Flux");
    let mut text = block.out;
    text += &if is_release { release(&applier) } else { kustomization(&applier) };
    for source in sources(cluster, &applier).await? {
        text += &source_block(&source, is_release);
    }
    Ok(text)
}

fn kustomization(object: &Value) -> String {
    let mut block = Block::new(KUSTOMIZATION);
    block.head(object);
    block.some("Target", text(object, &["spec", "targetNamespace"]));
    block.line("Path", text(object, &["spec", "path"]));
    block.line("Revision", text(object, &["status", "lastAppliedRevision"]));
    block.ready(object, false);
    block.out
}

fn release(object: &Value) -> String {
    let mut block = Block::new(RELEASE);
    block.head(object);
    block.some("Target", text(object, &["spec", "targetNamespace"]));
    block.line("Revision", text(object, &["status", "lastAttemptedRevision"]));
    block.ready(object, false);
    block.out
}

/// The chart, if any, and where it or the manifests come from.
pub(crate) async fn sources(cluster: &Cluster, applier: &Value) -> Result<Vec<Value>, CommandError> {
    let own = namespace(applier);
    let mut found = Vec::new();
    if let Some((place, chart)) = text(applier, &["status", "helmChart"]).split_once('/') {
        found.push(source(cluster, "HelmChart", place, chart).await?);
    }
    let paths: [&[&str]; 3] =
        [&["spec", "sourceRef"], &["spec", "chartRef"], &["spec", "chart", "spec", "sourceRef"]];
    if let Some(reference) = paths.into_iter().find_map(|path| at(applier, path)) {
        let place = or(text(reference, &["namespace"]), own);
        let kind = text(reference, &["kind"]);
        if kind != "HelmChart" && kind != "Bucket" {
            found.push(source(cluster, kind, place, text(reference, &["name"])).await?);
        }
    }
    Ok(found)
}

async fn source(cluster: &Cluster, kind: &str, place: &str, name: &str) -> Result<Value, CommandError> {
    let known =
        Kind::named(kind).ok_or_else(|| CommandError::failed(format!("unknown source kind {kind}")))?;
    let found = cluster.need(&known.resource, place, name).await;
    found.map_err(|error| error.context(&format!("failed to find {kind}")))
}

fn source_block(object: &Value, of_release: bool) -> String {
    let kind = text(object, &["kind"]);
    let width = match (kind, of_release) {
        ("GitRepository", true) => RELEASE_GIT,
        ("HelmChart" | "HelmRepository", true) => RELEASE,
        _ => KUSTOMIZATION,
    };
    let mut block = Block::new(width);
    block.head(object);
    match kind {
        "HelmChart" => {
            block.line("Chart", text(object, &["spec", "chart"]));
            block.line("Version", text(object, &["spec", "version"]));
        }
        "ExternalArtifact" => {
            let part = |key| text(object, &["spec", "sourceRef", key]);
            block.line("Source", &format!("{}/{}/{}", part("kind"), part("namespace"), part("name")));
        }
        _ => block.line("URL", text(object, &["spec", "url"])),
    }
    reference(&mut block, object);
    block.some("Revision", text(object, &["status", "artifact", "revision"]));
    if !of_release {
        origin(&mut block, object);
    }
    block.ready(object, !matches!(kind, "HelmChart" | "HelmRepository"));
    block.out
}

/// Which reference of the source is taken.
fn reference(block: &mut Block, object: &Value) {
    let all = [("Tag", "tag"), ("Tag", "semver"), ("Branch", "branch"), ("Digest", "digest")];
    let found = all.into_iter().map(|(label, key)| (label, text(object, &["spec", "ref", key])));
    if let Some((label, value)) = found.into_iter().find(|(_, value)| !value.is_empty()) {
        block.line(label, value);
    }
}

/// What an OCI artifact says of the Git repository it was made from.
fn origin(block: &mut Block, object: &Value) {
    let metadata = |key| text(object, &["status", "artifact", "metadata", key]);
    let revision = metadata("org.opencontainers.image.revision");
    let source = metadata("org.opencontainers.image.source");
    if !revision.is_empty() {
        block.line("Origin Revision", revision);
    }
    if !source.is_empty() {
        block.line("Origin Source", source);
    }
}

/// As Go prints a time: `2026-11-21 10:00:00 +0000 UTC`.
fn local_time(text: &str) -> String {
    let Ok(time) = text.parse::<Timestamp>() else { return text.to_owned() };
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}
