//! Acts 9 and 10: a chart from a registry, and an image that commits itself.

use anyhow::{Context, Result};
use testkit::OciArtifact;

use super::{
    files::staging,
    judge::{get, runs, until},
    screen::say,
    stage::Stage,
};

const RELEASE: &str = r#"apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: { name: shop, namespace: shop }
spec:
  interval: 1m
  insecure: true
  url: oci://REGISTRY/charts/shop
  ref: { semver: "*" }
  layerSelector: { mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy }
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: shop, namespace: shop }
spec:
  interval: 1m
  timeout: 6s
  chartRef: { kind: OCIRepository, name: shop }
  upgrade:
    remediation: { remediateLastFailure: true }
"#;

const IMAGES: &str = r#"apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: { name: web, namespace: flux-system }
spec: { interval: 1m, insecure: true, image: REGISTRY/web }
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: { name: web, namespace: flux-system }
spec:
  imageRepositoryRef: { name: web }
  policy: { semver: { range: ">=2.0.0" } }
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: { name: demo, namespace: flux-system }
spec:
  interval: 1m
  sourceRef: { kind: GitRepository, name: demo }
  git:
    checkout: { ref: { branch: main } }
    commit:
      author: { name: Image Bot, email: bot@example.com }
      messageTemplate: "{{ range .Changed.Changes }}web {{ .OldValue }} -> {{ .NewValue }}{{ end }}"
    push: { branch: main }
  update: { path: ./overlays, strategy: Setters }
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: { name: chat, namespace: flux-system }
spec: { type: generic, address: CHAT }
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: { name: chat, namespace: flux-system }
spec:
  providerRef: { name: chat }
  eventSources:
  - { kind: Kustomization, name: staging }
"#;

/// A HelmRelease from an OCI chart: the new version of the chart cannot start, and the release rolls back by itself.
pub(super) fn rollback(stage: &Stage) -> Result<()> {
    say("  a chart is pushed to the registry; kubectl apply: one OCIRepository, one HelmRelease");
    stage.push_oci("charts/shop", "1.0.0", &chart("1.0.0", "1.0")?)?;
    stage.apply("shop.yaml", &RELEASE.replace("REGISTRY", stage.registry.address()))?;
    until("deployment/web of the release runs web:1.0", || {
        runs(&stage.plane, "shop", "example.com/web:1.0", 1)
    })?;
    say("  version 2.0.0 of the chart is pushed; its image does not exist");
    stage.push_oci("charts/shop", "2.0.0", &chart("2.0.0", "2.0-does-not-exist")?)?;
    stage.tell("shop", "ocirepositories.source.toolkit.fluxcd.io/shop", "chart 2.0.0")?;
    until("Helm's own records say: 2 failed, 3 deployed", || {
        let second = helm_status(stage, 2)?;
        let third = helm_status(stage, 3)?;
        Ok((second != "failed" || third != "deployed").then(|| format!("2 is {second:?}, 3 is {third:?}")))
    })?;
    until("deployment/web runs web:1.0 again", || runs(&stage.plane, "shop", "example.com/web:1.0", 1))
}

/// The status of a revision as Helm stores it: a label of its Secret.
fn helm_status(stage: &Stage, revision: u32) -> Result<String> {
    let secret = get(&stage.plane, "shop", "secret", &format!("sh.helm.release.v1.shop.v{revision}"))?;
    let secret = secret.unwrap_or_default();
    Ok(secret["metadata"]["labels"]["status"].as_str().unwrap_or("not there").to_owned())
}

/// A pushed tag becomes a commit, the commit goes live, and the chat is told.
pub(super) fn image_update(stage: &Stage) -> Result<()> {
    stage.push_oci("web", "2.0.0", &OciArtifact::image("2.0.0")?)?;
    let marked = staging("2.0.0", false)
        .replace("newTag: \"2.0.0\"", "newTag: \"2.0.0\" # {\"$imagepolicy\": \"flux-system:web:tag\"}");
    stage.push(
        &[("overlays/staging/kustomization.yaml", &marked)],
        "staging: the image policy sets the tag",
    )?;
    let objects = IMAGES.replace("REGISTRY", stage.registry.address()).replace("CHAT", &stage.chat.url());
    stage.apply("images.yaml", &objects)?;
    until("the policy has chosen 2.0.0, and staging runs it", || {
        let policy = get(&stage.plane, "flux-system", "imagepolicies.image.toolkit.fluxcd.io", "web")?;
        let chosen = policy.unwrap_or_default()["status"]["latestRef"]["tag"].clone();
        let objection = (chosen != "2.0.0").then(|| format!("the policy says {chosen}"));
        Ok(objection.or(runs(&stage.plane, "staging", "example.com/web:2.0.0", 1)?))
    })?;
    say("  web:2.1.0 is pushed to the registry, and nobody commits");
    stage.push_oci("web", "2.1.0", &OciArtifact::image("2.1.0")?)?;
    stage.tell("flux-system", "imagerepositories.image.toolkit.fluxcd.io/web", "web 2.1.0")?;
    until("main has a commit by Image Bot", || {
        let (author, subject) = last_commit(stage)?;
        if author != "Image Bot" {
            return Ok(Some(format!("the last commit is {subject:?} by {author}")));
        }
        say(&format!("  says: {subject}"));
        Ok(None)
    })?;
    stage.tell("flux-system", "gitrepositories.source.toolkit.fluxcd.io/demo", "a push by Image Bot")?;
    until("staging runs web:2.1.0", || runs(&stage.plane, "staging", "example.com/web:2.1.0", 1))?;
    until("the chat (a fake one) was told of the Kustomization", || {
        let told = stage.chat.posted().into_iter().find(|posted| {
            let message = posted.body["message"].as_str().unwrap_or_default();
            message.contains("Reconciliation finished") || message.contains("configured")
        });
        let Some(told) = told else { return Ok(Some("nothing was posted".into())) };
        say(&format!("  says: {}", told.body["message"].as_str().unwrap_or_default()));
        Ok(None)
    })
}

fn last_commit(stage: &Stage) -> Result<(String, String)> {
    let text = stage.repo.served(&["log", "-1", "--format=%an%x09%s", "main"])?;
    let (author, subject) = text.trim().split_once('\t').context("git log printed no commit")?;
    Ok((author.into(), subject.into()))
}

/// A chart of one Deployment `web` with this image tag.
fn chart(version: &str, tag: &str) -> Result<OciArtifact> {
    let template = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      containers:
      - { name: web, image: "example.com/web:{{ .Values.tag }}" }
"#;
    let files = [
        ("Chart.yaml", format!("apiVersion: v2\nname: shop\nversion: {version}\n")),
        ("values.yaml", format!("tag: \"{tag}\"\n")),
        ("templates/web.yaml", template.to_owned()),
    ];
    OciArtifact::chart(&files.map(|(path, text)| (path.to_owned(), text)).into())
}
