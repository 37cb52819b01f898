//! The repository of the demo: a small web application with two overlays.

/// Path and text of every file of the first commit.
pub(super) const FIRST: [(&str, &str); 9] = [
    ("README.md", "# The demo's repository\n\n`base` is the application, `overlays` its two environments.\n"),
    ("base/kustomization.yaml", BASE),
    ("base/deployment.yaml", DEPLOYMENT),
    ("base/service.yaml", SERVICE),
    ("overlays/staging/kustomization.yaml", STAGING),
    ("overlays/staging/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: staging\n"),
    ("overlays/staging/preview.yaml", PREVIEW),
    ("overlays/production/kustomization.yaml", PRODUCTION),
    (
        "overlays/production/namespace.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: production\n",
    ),
];

/// Staging's overlay at an image tag, with or without the preview.
pub(super) fn staging(tag: &str, preview: bool) -> String {
    let text = STAGING.replace("newTag: \"1.0\"", &format!("newTag: \"{tag}\""));
    if preview { text } else { text.replace("- preview.yaml\n", "") }
}

/// Production's overlay at an image tag and a number of replicas.
pub(super) fn production(tag: &str, replicas: u32) -> String {
    PRODUCTION
        .replace("newTag: \"1.0\"", &format!("newTag: \"{tag}\""))
        .replace("count: 2", &format!("count: {replicas}"))
}

const BASE: &str = r"apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- deployment.yaml
- service.yaml
configMapGenerator:
- name: web-settings
  literals:
  - GREETING=hello
labels:
- pairs:
    app.kubernetes.io/name: web
";

const DEPLOYMENT: &str = r"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: example.com/web
        envFrom:
        - configMapRef:
            name: web-settings
        ports:
        - containerPort: 8080
";

const SERVICE: &str = r"apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
    targetPort: 8080
";

const PREVIEW: &str = r"apiVersion: v1
kind: ConfigMap
metadata:
  name: preview
data:
  banner: this is staging
";

const STAGING: &str = r#"apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: staging
resources:
- namespace.yaml
- ../../base
- preview.yaml
images:
- name: example.com/web
  newTag: "1.0"
"#;

const PRODUCTION: &str = r#"apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: production
resources:
- namespace.yaml
- ../../base
images:
- name: example.com/web
  newTag: "1.0"
replicas:
- name: web
  count: 2
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_an_overlay_changes_its_text() {
        assert!(staging("2.0", true).contains("newTag: \"2.0\""));
        assert!(!staging("2.0", false).contains("preview"));
        assert!(production("2.0", 3).contains("count: 3"));
    }
}
