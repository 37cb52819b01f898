//! `helmCharts` and `HelmChartInflationGenerator`: which chart, with which values. What renders it comes from the
//! caller, so that nothing is executed.

use manifest::yaml::{Dialect, DuplicateKeys, Limits, YamlError, parse_nodes, to_yaml};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    load::{LoadError, Loader},
    path,
    resource::{Resource, parse_limits, parse_resources},
    target::BuildError,
};

/// Renders charts as `helm template` does. Without one, charts are refused.
pub trait ChartRenderer {
    /// What `helm template` prints.
    ///
    /// # Errors
    /// When the chart cannot be rendered, in Helm's words.
    fn render(&self, chart: &ChartRequest) -> Result<String, String>;

    /// The files of a chart that is not part of the source, from a chart repository or an OCI registry.
    ///
    /// # Errors
    /// When it cannot be had; by default always.
    fn pull(&self, repository: &str, name: &str, version: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let _ = repository;
        Err(format!(
            "chart {name} {version} is not part of the source, and charts are not pulled by this build"
        ))
    }
}

/// A chart and how it is to be rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChartRequest {
    /// Path in the chart and content, `Chart.yaml` among them.
    pub files: Vec<(String, Vec<u8>)>,
    /// Texts of values files; later ones win.
    pub values: Vec<String>,
    /// The release's name; none is for one that Helm makes up.
    pub release_name: Option<String>,
    /// `--name-template`, or empty.
    pub name_template: String,
    /// The release's namespace; empty is `default`.
    pub namespace: String,
    /// More API versions for `.Capabilities`.
    pub api_versions: Vec<String>,
    /// The version for `.Capabilities.KubeVersion`; empty is Helm's own.
    pub kube_version: String,
    /// The chart's `crds` come first.
    pub include_crds: bool,
    /// Without test hooks.
    pub skip_tests: bool,
    /// Without any hooks.
    pub skip_hooks: bool,
}

/// Why a chart gives no resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// No renderer. What names the chart is said: its name, repository, version.
    #[error("helmCharts are not inflated by this build; render them with a HelmRelease: {0}")]
    Refused(String),
    /// No name.
    #[error("chart name cannot be empty")]
    NoName,
    /// `valuesMerge` is something else.
    #[error("valuesMerge must be one of [merge override replace]")]
    ValuesMerge,
    /// Not part of the source, and no repository is named.
    #[error("no repo specified for pull, no chart found at '/{0}'")]
    NotFound(String),
    /// A file of values is not there.
    #[error("could not load {what}: {source}")]
    Values {
        /// `values file` or `additionalValuesFile`.
        what: &'static str,
        /// Why.
        source: LoadError,
    },
    /// A file of values is no YAML.
    #[error("could not parse values file into rnode: {0}")]
    Yaml(YamlError),
    /// The renderer or puller failed.
    #[error("unable to render chart {name}: {message}")]
    Render {
        /// The chart.
        name: String,
        /// In Helm's words.
        message: String,
    },
}

/// `helmGlobals`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct HelmGlobals {
    pub(crate) chart_home: String,
    /// For the program Helm only.
    pub(crate) config_home: String,
}

/// An entry of `helmCharts`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct HelmChart {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) repo: String,
    pub(crate) release_name: String,
    pub(crate) namespace: String,
    pub(crate) additional_values_files: Vec<String>,
    pub(crate) values_file: String,
    pub(crate) values_inline: Map<String, Value>,
    pub(crate) values_merge: String,
    #[serde(rename = "includeCRDs")]
    pub(crate) include_crds: bool,
    pub(crate) skip_hooks: bool,
    pub(crate) api_versions: Vec<String>,
    pub(crate) kube_version: String,
    pub(crate) name_template: String,
    pub(crate) skip_tests: bool,
    /// For the program Helm only.
    pub(crate) debug: bool,
    /// For the program Helm only.
    pub(crate) devel: bool,
}

/// An entry of the older `helmChartInflationGenerator`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct HelmChartArgs {
    chart_name: String,
    chart_version: String,
    chart_repo_url: String,
    chart_home: String,
    chart_repo_name: String,
    helm_bin: String,
    helm_home: String,
    values: String,
    values_local: Map<String, Value>,
    values_merge: String,
    release_name: String,
    release_namespace: String,
    extra_args: Vec<String>,
}

impl HelmChart {
    /// What names the chart, for messages.
    pub(crate) fn describe(&self) -> String {
        let fields = [("name", &self.name), ("repo", &self.repo), ("version", &self.version)];
        let given = fields.iter().filter(|(_, text)| !text.is_empty());
        given.map(|(field, text)| format!("{field} '{text}'")).collect::<Vec<_>>().join(", ")
    }
}

impl HelmChartArgs {
    /// The same in today's words; the last home that is named counts for all.
    pub(crate) fn modern(self, globals: &mut HelmGlobals) -> HelmChart {
        if !self.chart_home.is_empty() {
            globals.chart_home = self.chart_home;
        }
        if !self.helm_home.is_empty() {
            globals.config_home = self.helm_home;
        }
        HelmChart {
            name: self.chart_name,
            version: self.chart_version,
            repo: self.chart_repo_url,
            values_file: self.values,
            values_inline: self.values_local,
            values_merge: self.values_merge,
            release_name: self.release_name,
            ..HelmChart::default()
        }
    }
}

/// Where charts are looked for by default.
const CHART_HOME: &str = "charts";

/// The resources of a chart.
pub(crate) fn inflate(
    chart: &HelmChart,
    globals: &HelmGlobals,
    loader: &Loader<'_>,
) -> Result<Vec<Resource>, BuildError> {
    let renderer = loader.charts().ok_or_else(|| ChartError::Refused(chart.describe()))?;
    let home = home(chart, globals)?;
    let dir = path::join_loose(&home, &chart.name);
    let additional: Vec<String> = chart
        .additional_values_files
        .iter()
        .map(|file| load_values(loader, file, "additionalValuesFile"))
        .collect::<Result<_, _>>()?;
    let failed = |message| ChartError::Render { name: chart.name.clone(), message };
    let files = match loader.files_below(&dir)? {
        Some(files) => files,
        None if chart.repo.is_empty() => return Err(ChartError::NotFound(loader.absolute(&dir)).into()),
        None => renderer.pull(&chart.repo, &chart.name, &chart.version).map_err(failed)?,
    };
    let mut values = vec![values(chart, &files, loader)?];
    values.extend(additional);
    let request = ChartRequest {
        files,
        values,
        release_name: Some(chart.release_name.clone()).filter(|name| !name.is_empty()),
        name_template: chart.name_template.clone(),
        namespace: chart.namespace.clone(),
        api_versions: chart.api_versions.clone(),
        kube_version: chart.kube_version.clone(),
        include_crds: chart.include_crds,
        skip_tests: chart.skip_tests,
        skip_hooks: chart.skip_hooks,
    };
    let text = renderer.render(&request).map_err(failed)?;
    let mut resources = parse_resources(&text, &parse_limits())?;
    resources.iter_mut().for_each(|resource| resource.helm_generated = true);
    Ok(resources)
}

/// Checks what can be checked without files; answers the directory of the chart's folder.
fn home(chart: &HelmChart, globals: &HelmGlobals) -> Result<String, ChartError> {
    if chart.name.is_empty() {
        return Err(ChartError::NoName);
    }
    if !["", "merge", "override", "replace"].contains(&chart.values_merge.as_str()) {
        return Err(ChartError::ValuesMerge);
    }
    let home = if globals.chart_home.is_empty() { CHART_HOME } else { &globals.chart_home };
    if chart.version.is_empty() || chart.repo.is_empty() {
        return Ok(home.to_owned());
    }
    Ok(path::join_loose(home, &format!("{}-{}", chart.name, chart.version)))
}

fn load_values(loader: &Loader<'_>, file: &str, what: &'static str) -> Result<String, ChartError> {
    loader.load_text(file).map_err(|source| ChartError::Values { what, source })
}

/// The text of the first values file: the chart's own or `valuesFile`, with `valuesInline` merged as told.
fn values(chart: &HelmChart, files: &[(String, Vec<u8>)], loader: &Loader<'_>) -> Result<String, ChartError> {
    let text = if chart.values_file.is_empty() {
        let own = files.iter().find(|(path, _)| path == "values.yaml");
        own.map(|(_, data)| String::from_utf8_lossy(data).into_owned()).unwrap_or_default()
    } else {
        load_values(loader, &chart.values_file, "values file")?
    };
    if chart.values_inline.is_empty() {
        return Ok(text);
    }
    let inline = Value::Object(chart.values_inline.clone());
    if chart.values_merge == "replace" {
        return Ok(to_yaml(&inline));
    }
    let own = read_values(&text).map_err(ChartError::Yaml)?;
    let merged = if chart.values_merge == "merge" { merged(inline, own) } else { merged(own, inline) };
    Ok(to_yaml(&merged))
}

/// As kyaml reads them, for which `y` is no boolean.
fn read_values(text: &str) -> Result<Value, YamlError> {
    match parse_nodes("", text, Dialect::Kyaml, &Limits::default())?.into_iter().next() {
        Some(node) => node.into_json(DuplicateKeys::LastWins),
        None => Ok(Value::Null),
    }
}

/// What kyaml's merge makes of values: mappings are merged, everything else is replaced, null removes.
fn merged(below: Value, above: Value) -> Value {
    let (mut below, above) = match (below, above) {
        (Value::Object(below), Value::Object(above)) => (below, above),
        (_, above) => return above,
    };
    for (key, value) in above {
        match below.get_mut(&key) {
            _ if value.is_null() => drop(below.shift_remove(&key)),
            Some(old) => {
                let before = old.take();
                *old = merged(before, value);
            }
            None => drop(below.insert(key, value)),
        }
    }
    Value::Object(below)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merged;

    #[test]
    fn mappings_merge_and_null_removes() {
        let below = json!({"a": {"b": 1, "c": [1]}, "d": 1});
        assert_eq!(
            merged(below, json!({"a": {"c": [2]}, "d": null, "e": 5})),
            json!({"a": {"b": 1, "c": [2]}, "e": 5})
        );
    }
}
