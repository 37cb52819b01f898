//! What the chain reads: a chart, a repository with image markers, and the objects that join them.
use anyhow::Result;
use serde_json::{Value, json};
use testkit::{OciArtifact, Registry};

use crate::manifests::{git_repository, kustomization, object, secret};

/// The token of both Receivers.
pub(super) const TOKEN: &str = "chain-token";

/// Objects with a Ready condition; all of them are Ready before the first release.
pub(super) const RECONCILED: [(&str, &str); 9] = [
    ("GitRepository", "apps"),
    ("OCIRepository", "chart"),
    ("ImageRepository", "app"),
    ("ImagePolicy", "app"),
    ("ImageUpdateAutomation", "apps"),
    ("Kustomization", "apps"),
    ("HelmRelease", "released"),
    ("Receiver", "push"),
    ("Receiver", "image"),
];

const CHART: &str = "apiVersion: v2\nname: released\nversion: 0.1.0\n";
const VALUES: &str = "image: {}\n";
const TEMPLATE: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: 1
  selector:
    matchLabels: { app: {{ .Release.Name | quote }} }
  template:
    metadata:
      labels: { app: {{ .Release.Name | quote }} }
    spec:
      containers:
        - name: main
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
"#;
/// A hook that leaves a trace: one Job a revision, so that a second run of the same hook cannot hide.
const HOOK: &str = r#"apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-before-{{ .Release.Revision }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: "hook:1.0" }]
"#;

/// What the released chart brings beside its Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// A Job before each install and upgrade: it takes a second of the pretended node, and shows what ran twice.
    WithHook,
    /// Nothing: the times of the chain are its own.
    Plain,
}

pub(super) async fn push_chart(registry: &Registry, chart: Chart) -> Result<()> {
    let mut files =
        vec![("Chart.yaml", CHART), ("values.yaml", VALUES), ("templates/deployment.yaml", TEMPLATE)];
    if chart == Chart::WithHook {
        files.push(("templates/hook.yaml", HOOK));
    }
    let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    registry.push("charts/released", "0.1.0", &OciArtifact::chart(&files)?).await.map(drop)
}

/// The repository: a Deployment and a HelmRelease, each with a marker behind its image. Comments and quotes are there to
/// be kept.
pub(super) fn files(ns: &str, registry: &str) -> Vec<(&'static str, String)> {
    let web = format!(
        r#"# The web front.
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
    replicas: 1   # four spaces, on purpose
    selector: {{ matchLabels: {{ app: web }} }}
    template:
        metadata: {{ labels: {{ app: web }} }}
        spec:
            containers:
            - name: main
              image: "{registry}/app:1.0.0" # {{"$imagepolicy": "{ns}:app"}}
"#
    );
    let release = format!(
        r#"apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: released
spec:
  interval: 10m
  chartRef: {{ kind: OCIRepository, name: chart }}
  values:
    image:
      repository: {registry}/app
      tag: 1.0.0 # {{"$imagepolicy": "{ns}:app:tag"}}
"#
    );
    vec![("apps/web.yaml", web), ("apps/release.yaml", release)]
}

pub(super) fn objects(ns: &str, git: &str, registry: &str, forge: &str) -> Vec<Value> {
    let mut objects = vec![
        secret(ns, "token", json!({ "token": TOKEN })),
        secret(ns, "forge", json!({ "token": "forge-token" })),
        git_repository(ns, "apps", git),
        object(
            ns,
            "source.toolkit.fluxcd.io/v1",
            "OCIRepository",
            "chart",
            json!({
                "interval": "10m", "insecure": true, "url": format!("oci://{registry}/charts/released"),
                "ref": { "semver": "*" },
                "layerSelector": {
                    "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy",
                },
            }),
        ),
        kustomization(ns, "apps", "apps", "./apps", json!({ "wait": true, "timeout": "2m" })),
    ];
    objects.extend(images(ns, registry));
    objects.extend(notifications(ns, forge));
    objects
}

fn images(ns: &str, registry: &str) -> Vec<Value> {
    let image = |kind, name, spec| object(ns, "image.toolkit.fluxcd.io/v1", kind, name, spec);
    vec![
        image(
            "ImageRepository",
            "app",
            json!({ "image": format!("{registry}/app"), "interval": "10m", "insecure": true }),
        ),
        image(
            "ImagePolicy",
            "app",
            json!({
                "imageRepositoryRef": { "name": "app" }, "policy": { "semver": { "range": ">=1.0.0" } },
            }),
        ),
        image(
            "ImageUpdateAutomation",
            "apps",
            json!({
                "interval": "10m",
                "sourceRef": { "kind": "GitRepository", "name": "apps" },
                "git": {
                    "checkout": { "ref": { "branch": "main" } },
                    "commit": {
                        "author": { "name": "bot", "email": "bot@example.com" },
                        "messageTemplate": "{{ range .Changed.Changes }}{{ .OldValue }} -> {{ .NewValue }}\n{{ end }}",
                    },
                    "push": { "branch": "main" },
                },
                "update": { "path": "./apps", "strategy": "Setters" },
            }),
        ),
    ]
}

fn notifications(ns: &str, forge: &str) -> Vec<Value> {
    let provider = |name, spec| object(ns, "notification.toolkit.fluxcd.io/v1beta3", "Provider", name, spec);
    let alert = |name, spec| object(ns, "notification.toolkit.fluxcd.io/v1beta3", "Alert", name, spec);
    let receiver = |name, spec| object(ns, "notification.toolkit.fluxcd.io/v1", "Receiver", name, spec);
    let sources = json!([{ "kind": "Kustomization", "name": "*" }, { "kind": "HelmRelease", "name": "*" }]);
    vec![
        provider("chat", json!({ "type": "generic", "address": format!("{forge}/chat") })),
        provider(
            "status",
            json!({ "type": "github", "address": format!("{forge}/org/apps"), "secretRef": { "name": "forge" } }),
        ),
        alert(
            "chat",
            json!({ "providerRef": { "name": "chat" }, "eventSeverity": "info", "eventSources": sources }),
        ),
        alert(
            "status",
            json!({
                "providerRef": { "name": "status" }, "eventSeverity": "info",
                "eventSources": [{ "kind": "Kustomization", "name": "*" }],
            }),
        ),
        receiver("push", hook("push", "GitRepository", "apps")),
        receiver("image", hook("package", "ImageRepository", "app")),
    ]
}

fn hook(event: &str, kind: &str, name: &str) -> Value {
    json!({
        "type": "github", "events": [event], "secretRef": { "name": "token" },
        "resources": [{ "kind": kind, "name": name }],
    })
}
