//! Logs of pods: kwok reads them from files, one for each name that a pod may have.
use std::{fs, path::Path};

use anyhow::{Result, bail};

use super::ControlPlane;

/// Pods of these names have logs, in any namespace: those of their containers `manager`.
const PODS: [&str; 5] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "image-automation-controller",
    "notification-controller",
];

/// Documents for kwok's configuration. The files exist from the start: kwok opens them when asked.
pub(super) fn rules(dir: &Path) -> Result<String> {
    let logs = dir.join("logs");
    fs::create_dir_all(&logs)?;
    let mut rules = String::new();
    for pod in PODS {
        let file = logs.join(pod);
        fs::write(&file, "")?;
        rules += &format!(
            "---\napiVersion: kwok.x-k8s.io/v1alpha1\nkind: ClusterLogs\nmetadata: {{ name: {pod} }}\nspec:\n  \
             selector: {{ matchNames: [{pod}] }}\n  logs:\n  - {{ containers: [manager], logsFile: {}, follow: true }}\n",
            file.display()
        );
    }
    Ok(rules)
}

impl ControlPlane {
    /// Makes these lines the log of the pod of that name, in the form in which a container runtime keeps them.
    ///
    /// # Errors
    /// A name that no pod with logs may have: they are those of the controllers.
    pub fn write_pod_log(&self, pod: &str, lines: &str) -> Result<()> {
        if !PODS.contains(&pod) {
            bail!("no pod with logs is called {pod}");
        }
        let written: String =
            lines.lines().map(|line| format!("2026-01-01T00:00:00.000000000Z stdout F {line}\n")).collect();
        Ok(fs::write(self.dir().join("logs").join(pod), written)?)
    }
}
