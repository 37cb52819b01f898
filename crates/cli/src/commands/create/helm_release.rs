use std::{path::PathBuf, time::Duration};

use clap::Args;
use manifest::yaml::{DuplicateKeys, Limits, parse_value};
use serde_json::{Map, Value};

use super::{
    CommonArgs, Made,
    fields::Fields,
    reference::{Reference, dependency},
    source::file_of,
};
use crate::{CommandError, choice::one_of, duration};

/// A HelmRelease.
#[derive(Args, Debug)]
pub(crate) struct HelmReleaseArgs {
    name: String,
    /// Name of the release in Helm's storage
    #[arg(long, default_value = "", hide_default_value = true)]
    release_name: String,
    /// KIND/NAME[.NAMESPACE] of a HelmRepository, GitRepository or Bucket
    #[arg(long, default_value = "", hide_default_value = true)]
    source: String,
    /// Name of the chart, or its folder
    #[arg(long, default_value = "", hide_default_value = true)]
    chart: String,
    /// Version or range of versions
    #[arg(long, default_value = "", hide_default_value = true)]
    chart_version: String,
    /// KIND/NAME[.NAMESPACE] of an OCIRepository, HelmChart or ExternalArtifact
    #[arg(long, default_value = "", hide_default_value = true)]
    chart_ref: String,
    /// How often to look for a new chart
    #[arg(long, value_parser = duration::parse)]
    chart_interval: Option<Duration>,
    /// When there is a new chart
    #[arg(long, value_parser = ["ChartVersion", "Revision"], default_value = "ChartVersion")]
    reconcile_strategy: String,
    /// Releases that must be ready before: NAME or NAMESPACE/NAME
    #[arg(long, value_delimiter = ',')]
    depends_on: Vec<String>,
    /// Namespace to install into
    #[arg(long, default_value = "", hide_default_value = true)]
    target_namespace: String,
    /// Namespace of Helm's storage
    #[arg(long, default_value = "", hide_default_value = true)]
    storage_namespace: String,
    /// Create the target namespace
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", require_equals = true, action = clap::ArgAction::Set)]
    create_target_namespace: bool,
    /// ServiceAccount to act as
    #[arg(long, default_value = "", hide_default_value = true)]
    service_account: String,
    /// Files with values; a later one wins
    #[arg(long, value_delimiter = ',')]
    values: Vec<PathBuf>,
    /// KIND/NAME of a Secret or ConfigMap with values
    #[arg(long, value_delimiter = ',')]
    values_from: Vec<String>,
    /// What upgrades do with CustomResourceDefinitions
    #[arg(long, value_parser = one_of(&["Skip", "Create", "CreateReplace"]), default_value = "", hide_default_value = true)]
    crds: String,
    /// Secret with the kubeconfig of another cluster
    #[arg(long, default_value = "", hide_default_value = true)]
    kubeconfig_secret_ref: String,
}

const SOURCES: [&str; 3] = ["HelmRepository", "GitRepository", "Bucket"];
const CHARTS: [&str; 3] = ["OCIRepository", "HelmChart", "ExternalArtifact"];

impl HelmReleaseArgs {
    /// The object.
    pub(crate) fn made(self, common: &CommonArgs) -> Result<Made, CommandError> {
        let storage =
            if self.storage_namespace.is_empty() { &self.target_namespace } else { &self.storage_namespace };
        let install_crds = if self.crds.is_empty() { "" } else { "Create" };
        let spec = Fields::default()
            .duration(&["interval"], Some(common.interval))
            .text(&["releaseName"], &self.release_name)
            .text(&["targetNamespace"], &self.target_namespace)
            .text(&["storageNamespace"], storage)
            .list(&["dependsOn"], self.depends_on.iter().map(|one| dependency(one)).collect())
            .text(&["kubeConfig", "secretRef", "name"], &self.kubeconfig_secret_ref)
            .flag(&["install", "createNamespace"], self.create_target_namespace)
            .text(&["install", "crds"], install_crds)
            .text(&["upgrade", "crds"], &self.crds)
            .text(&["serviceAccountName"], &self.service_account)
            .list(&["valuesFrom"], self.values_from()?);
        let spec = self.with_chart(spec)?;
        let spec = if self.values.is_empty() { spec } else { spec.value(&["values"], self.values()?) };
        Ok(Made { kind: "HelmRelease", name: self.name, spec: spec.done() })
    }

    fn with_chart(&self, spec: Fields) -> Result<Fields, CommandError> {
        match (self.chart.is_empty(), self.chart_ref.is_empty()) {
            (true, true) => Err(CommandError::usage("chart or chart-ref is required")),
            (false, false) => Err(CommandError::usage("cannot use --chart in combination with --chart-ref")),
            (true, false) => {
                Ok(spec.value(&["chartRef"], Reference::of_kinds(&self.chart_ref, &CHARTS, "")?.value()))
            }
            (false, true) => Ok(spec
                .text(&["chart", "spec", "chart"], &self.chart)
                .text(&["chart", "spec", "version"], &self.chart_version)
                .text(&["chart", "spec", "reconcileStrategy"], &self.reconcile_strategy)
                .duration(&["chart", "spec", "interval"], self.chart_interval)
                .value(
                    &["chart", "spec", "sourceRef"],
                    Reference::of_kinds(&self.source, &SOURCES, "")?.value(),
                )),
        }
    }

    fn values_from(&self) -> Result<Vec<Value>, CommandError> {
        let value = |text: &String| {
            let (kind, name) = text.split_once('/').unwrap_or(("", text));
            let whole = Reference { kind: kind.into(), name: name.into(), namespace: String::new() };
            let kinds = ["Secret", "ConfigMap"];
            let known = kinds.iter().find(|known| known.eq_ignore_ascii_case(&whole.kind));
            known.map(|kind| Reference { kind: (*kind).into(), ..whole }.value()).ok_or_else(|| {
                CommandError::usage(format!(
                    "invalid reference '{text}', must be Secret/<name> or ConfigMap/<name>"
                ))
            })
        };
        self.values_from.iter().map(value).collect()
    }

    fn values(&self) -> Result<Value, CommandError> {
        let mut merged = Map::new();
        for file in &self.values {
            let shown = file.display().to_string();
            let read = parse_value(&shown, &file_of(file)?, DuplicateKeys::LastWins, &Limits::default());
            match read.map_err(|error| CommandError::failed(error.to_string()))? {
                Value::Object(values) => merge(&mut merged, values),
                Value::Null => {}
                _ => {
                    return Err(CommandError::failed(format!(
                        "{}: values must be a mapping",
                        file.display()
                    )));
                }
            }
        }
        Ok(Value::Object(merged))
    }
}

/// Mappings are merged, everything else is replaced.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(more)) => merge(there, more),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::merge;

    #[test]
    fn later_values_win_and_lists_are_replaced() {
        let Value::Object(mut into) = json!({ "a": { "b": 1, "c": [1] }, "d": 1 }) else { unreachable!() };
        let Value::Object(from) = json!({ "a": { "c": [2], "e": null }, "d": {} }) else { unreachable!() };
        merge(&mut into, from);
        assert_eq!(Value::Object(into), json!({ "a": { "b": 1, "c": [2], "e": null }, "d": {} }));
    }
}
