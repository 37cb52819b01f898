//! What `helm template` prints.
use std::rc::Rc;

use crate::{
    capabilities::{Capabilities, HelmMajor},
    chart::Chart,
    dependencies::ResolveError,
    glob::path_match,
    manifests::{SortError, Sorted, push_source, split_as},
    render::{Host, ReleaseOptions, RenderError, RenderOptions, RenderSortError, render_sorted},
    values::{CoalesceError, Values},
};

/// The flags of `helm template`.
#[derive(Clone, Debug)]
pub struct TemplateOptions {
    /// `NAME`; Helm's default is `release-name`.
    pub name: String,
    /// `--namespace`; Helm's default is `default`.
    pub namespace: String,
    /// `--is-upgrade`
    pub is_upgrade: bool,
    /// `--include-crds`
    pub include_crds: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--skip-tests`
    pub skip_tests: bool,
    /// `--show-only`, patterns of paths below the chart.
    pub show_only: Vec<String>,
    /// `--kube-version` and `--api-versions` (added to the default ones).
    pub capabilities: Capabilities,
    /// `--skip-schema-validation` and limits.
    pub render: RenderOptions,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            name: "release-name".to_owned(),
            namespace: "default".to_owned(),
            is_upgrade: false,
            include_crds: false,
            no_hooks: false,
            skip_tests: false,
            show_only: Vec::new(),
            capabilities: Capabilities::default(),
            render: RenderOptions::default(),
        }
    }
}

/// Why nothing is printed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The chart is of a format that Helm 4 does not know.
    #[error("unsupported chart version")]
    ApiVersion,
    /// Dependencies and values do not fit.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The values of a sub-chart are no map, in the words of Helm 3.
    #[error(transparent)]
    Values(CoalesceError),
    /// The chart needs another that is not under `charts/`.
    #[error(
        "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {0}"
    )]
    Missing(String),
    /// As [`TemplateError::Missing`], in the words of Helm 3.
    #[error(
        "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {0}"
    )]
    MissingInHelm3(String),
    /// A library chart has nothing to render.
    #[error("library charts are not installable")]
    Library,
    /// A template failed, or the chart does not take these values.
    #[error("{0}{hint}", hint = hint(.0))]
    Render(#[from] RenderError),
    /// A template made no YAML.
    #[error("{0}{NO_DEBUG}")]
    Sort(#[from] SortError),
    /// `--show-only` names nothing.
    #[error("could not find template {0} in chart")]
    ShowOnly(String),
}

impl From<RenderSortError> for TemplateError {
    fn from(error: RenderSortError) -> Self {
        match error {
            RenderSortError::Render(error) => error.into(),
            RenderSortError::Sort(error) => error.into(),
        }
    }
}

/// Helm ends the errors of rendering with this hint.
const NO_DEBUG: &str = "\n\nUse --debug flag to render out invalid YAML";

fn hint(error: &RenderError) -> &'static str {
    match error {
        RenderError::Values(_) | RenderError::Schema(_) => "",
        RenderError::KubeVersion { .. } | RenderError::Parse(_) | RenderError::Execute(_) => NO_DEBUG,
    }
}

/// Renders a chart and prints it exactly as `helm template` does.
///
/// # Errors
/// Where `helm template` fails, in its words.
pub fn template_output(
    chart: &Chart,
    values: &Values,
    host: Rc<dyn Host>,
    options: &TemplateOptions,
) -> Result<String, TemplateError> {
    let helm = options.capabilities.helm_version.major();
    check_chart(chart, helm)?;
    let resolved = chart.resolve(values).map_err(|error| resolve_error(error, helm))?;
    let release = ReleaseOptions {
        name: options.name.clone(),
        namespace: options.namespace.clone(),
        revision: 1,
        is_install: !options.is_upgrade,
        is_upgrade: options.is_upgrade,
    };
    let (sorted, _) =
        render_sorted(&resolved, values, &release, &options.capabilities, host, &options.render)?;
    let mut printed = String::new();
    if options.include_crds {
        for crd in resolved.crds() {
            push_source(&mut printed, &crd.path, &crd.text);
        }
    }
    sorted.push_manifest(&mut printed);
    printed.truncate(printed.trim_end().len());
    printed.push('\n');
    if !options.no_hooks {
        push_hooks(&mut printed, &sorted, options);
    }
    if options.show_only.is_empty() { Ok(printed) } else { only(&printed, &options.show_only, helm) }
}

fn check_chart(chart: &Chart, helm: HelmMajor) -> Result<(), TemplateError> {
    // Helm 3 takes any, and so does what Flux loads charts with.
    if helm == HelmMajor::Four && !["", "v1", "v2"].contains(&chart.metadata().api_version.as_str()) {
        return Err(TemplateError::ApiVersion);
    }
    if chart.is_library() {
        return Err(TemplateError::Library);
    }
    let wanted = chart.metadata().dependencies.iter().flatten();
    let missing: Vec<&str> = wanted
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !chart.dependencies().iter().any(|child| child.name() == *name))
        .collect();
    match (missing.join(", "), helm) {
        _ if missing.is_empty() => Ok(()),
        (names, HelmMajor::Three) => Err(TemplateError::MissingInHelm3(names)),
        (names, HelmMajor::Four) => Err(TemplateError::Missing(names)),
    }
}

/// Helm 3 does not say what it was about.
fn resolve_error(error: ResolveError, helm: HelmMajor) -> TemplateError {
    match error {
        ResolveError::Values(cause) if helm == HelmMajor::Three => TemplateError::Values(cause),
        error => TemplateError::Resolve(error),
    }
}

fn push_hooks(out: &mut String, sorted: &Sorted, options: &TemplateOptions) {
    for hook in &sorted.hooks {
        let test = hook.events.iter().any(|event| event == "test");
        if !(options.skip_tests && test) {
            push_source(out, &hook.path, &hook.manifest);
        }
    }
}

fn only(printed: &str, patterns: &[String], helm: HelmMajor) -> Result<String, TemplateError> {
    let documents = split_as(printed, helm);
    let mut out = String::new();
    for pattern in patterns {
        let before = out.len();
        for document in &documents {
            if source(document).is_some_and(|path| path_match(pattern, path)) {
                out.push_str(&format!("---\n{document}\n"));
            }
        }
        if out.len() == before {
            return Err(TemplateError::ShowOnly(pattern.clone()));
        }
    }
    Ok(out)
}

/// The path of the template below the chart, as the comment of a document names it.
fn source(document: &str) -> Option<&str> {
    let mut rest = document;
    while let Some(at) = rest.find("# Source: ") {
        rest = &rest[at + "# Source: ".len()..];
        let line = rest.lines().next().unwrap_or_default();
        if let Some((chart, path)) = line.split_once('/')
            && !chart.is_empty()
            && !path.is_empty()
        {
            return Some(path);
        }
    }
    None
}
