use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{
    CommonArgs, Made,
    fields::Fields,
    reference::{Reference, dependency},
};
use crate::{CommandError, choice::one_of, duration};

/// A Kustomization.
#[derive(Args, Debug)]
pub(crate) struct KustomizationArgs {
    name: String,
    /// [KIND/]NAME[.NAMESPACE] of an OCIRepository, GitRepository, Bucket or ExternalArtifact
    #[arg(long)]
    source: String,
    /// Folder in the source
    #[arg(long, default_value = "./")]
    path: String,
    /// Delete what leaves the source
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true, action = clap::ArgAction::Set)]
    prune: bool,
    /// Wait until all that is applied is ready
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// KIND/NAME.NAMESPACE of a workload to wait for
    #[arg(long, value_delimiter = ',')]
    health_check: Vec<String>,
    /// How long to wait
    #[arg(long, value_parser = duration::parse, default_value = "2m0s")]
    health_check_timeout: Duration,
    /// Kustomizations that must be ready before: NAME or NAMESPACE/NAME
    #[arg(long, value_delimiter = ',')]
    depends_on: Vec<String>,
    /// ServiceAccount to apply as
    #[arg(long, default_value = "", hide_default_value = true)]
    service_account: String,
    /// What decrypts
    #[arg(long, value_parser = one_of(&["sops"]), default_value = "", hide_default_value = true)]
    decryption_provider: String,
    /// Secret with the keys
    #[arg(long, default_value = "", hide_default_value = true)]
    decryption_secret: String,
    /// Namespace for all objects
    #[arg(long, default_value = "", hide_default_value = true)]
    target_namespace: String,
    /// Secret with the kubeconfig of another cluster
    #[arg(long, default_value = "", hide_default_value = true)]
    kubeconfig_secret_ref: String,
    /// When to try again after a failure
    #[arg(long, value_parser = duration::parse)]
    retry_interval: Option<Duration>,
}

const SOURCES: [&str; 4] = ["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"];
/// Workloads that may be named; others are waited for with --wait.
const WORKLOADS: [&str; 4] = ["Deployment", "DaemonSet", "StatefulSet", "HelmRelease"];

impl KustomizationArgs {
    /// The object.
    pub(crate) fn made(self, common: &CommonArgs) -> Result<Made, CommandError> {
        if !self.path.starts_with("./") {
            return Err(CommandError::usage("path must begin with ./"));
        }
        let source = Reference::of_kinds(&self.source, &SOURCES, "GitRepository")?;
        let checks = if self.wait { Vec::new() } else { self.checks()? };
        let waits = self.wait || !checks.is_empty();
        let decryption_secret =
            if self.decryption_provider.is_empty() { "" } else { &self.decryption_secret };
        let spec = Fields::default()
            .duration(&["interval"], Some(common.interval))
            .text(&["path"], &self.path)
            .value(&["prune"], self.prune.into())
            .value(&["sourceRef"], source.value())
            .text(&["targetNamespace"], &self.target_namespace)
            .list(&["dependsOn"], self.depends_on.iter().map(|one| dependency(one)).collect())
            .text(&["kubeConfig", "secretRef", "name"], &self.kubeconfig_secret_ref)
            .list(&["healthChecks"], checks)
            .flag(&["wait"], self.wait)
            .duration(&["timeout"], waits.then_some(self.health_check_timeout))
            .text(&["serviceAccountName"], &self.service_account)
            .text(&["decryption", "provider"], &self.decryption_provider)
            .text(&["decryption", "secretRef", "name"], decryption_secret)
            .duration(&["retryInterval"], self.retry_interval);
        Ok(Made { kind: "Kustomization", name: self.name, spec: spec.done() })
    }

    fn checks(&self) -> Result<Vec<Value>, CommandError> {
        self.health_check.iter().map(|text| check(text)).collect()
    }
}

fn check(text: &str) -> Result<Value, CommandError> {
    let read = Reference::parse(text);
    if read.kind.is_empty() || read.name.is_empty() || read.namespace.is_empty() {
        return Err(CommandError::usage(format!(
            "invalid health check '{text}' must be in the format 'kind/name.namespace'"
        )));
    }
    if !WORKLOADS.contains(&read.kind.as_str()) {
        return Err(CommandError::usage(format!(
            "invalid health check kind '{}' can be HelmRelease, Deployment, DaemonSet or StatefulSet",
            read.kind
        ))
        .hint("--wait waits for everything that is applied"));
    }
    let mut value = read.value();
    if read.kind == "HelmRelease" {
        value["apiVersion"] = "helm.toolkit.fluxcd.io/v2".into();
    }
    Ok(value)
}
