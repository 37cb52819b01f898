//! Charts of this machine, and what their templates may ask of the world: clock and randomness, no cluster.
use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use gotemplate::FuncError;
use helm_template::{
    Chart, HelmMajor, Host, KubeVersion, Limits, SprigHost, TemplateOptions, Values, template_output,
};
use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use kustomize::{ChartRenderer, ChartRequest};
use rand::Rng;
use serde_json::{Value, json};

use crate::CommandError;

/// Folders within folders of a chart.
const DEPTH: usize = 64;

/// A world without a cluster.
pub(crate) struct Offline {
    now: Timestamp,
}

impl Offline {
    /// All templates see the time of this call.
    pub(crate) fn new() -> Self {
        Self { now: Timestamp::now() }
    }
}

impl SprigHost for Offline {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), FuncError> {
        rand::rng().fill_bytes(buffer);
        Ok(())
    }

    fn time_zone(&self, name: &str) -> Option<TimeZone> {
        TimeZone::get(name).ok()
    }

    fn local_zone(&self) -> TimeZone {
        TimeZone::system()
    }
}

impl Host for Offline {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Value, String> {
        Ok(json!({}))
    }
}

/// Renders the charts of a kustomization that lie beside it; none is fetched.
pub(crate) struct Inflation;

impl ChartRenderer for Inflation {
    fn render(&self, request: &ChartRequest) -> Result<String, String> {
        let chart = Chart::from_directory(request.files.clone(), &Limits::default());
        let chart = chart.map_err(|error| error.to_string())?;
        let mut values = Values::new();
        for text in &request.values {
            values.merge(&Values::parse(text).map_err(|error| error.to_string())?);
        }
        let mut options = TemplateOptions {
            include_crds: request.include_crds,
            no_hooks: request.skip_hooks,
            skip_tests: request.skip_tests,
            ..TemplateOptions::default()
        };
        options.capabilities.api_versions.extend(request.api_versions.iter().cloned());
        if !request.kube_version.is_empty() {
            let version = KubeVersion::parse(&request.kube_version);
            options.capabilities.kube_version = version.map_err(|error| error.to_string())?;
        }
        if let Some(name) = &request.release_name {
            options.name.clone_from(name);
        }
        if !request.namespace.is_empty() {
            options.namespace.clone_from(&request.namespace);
        }
        template_output(&chart, &values, Rc::new(Offline::new()), &options).map_err(|error| error.to_string())
    }
}

/// The chart of a folder or of a `.tgz`, as a Helm reads it.
pub(crate) fn chart_at(path: &Path, helm: HelmMajor) -> Result<Chart, CommandError> {
    let shown = path.display();
    let failed = |error: helm_template::ChartError| CommandError::failed(error.to_string());
    let about = fs::metadata(path)
        .map_err(|error| CommandError::failed(format!("path \"{shown}\" not found: {error}")))?;
    if about.is_dir() {
        let mut files = Vec::new();
        let mut budget = Limits::default();
        walk(path, "", &mut budget, DEPTH, &mut files)?;
        return Chart::from_directory_as(files, &Limits::default(), helm).map_err(failed);
    }
    let limits = Limits::default();
    if about.len() > limits.archive_bytes {
        return Err(CommandError::failed(format!("{shown} is larger than {} bytes", limits.archive_bytes)));
    }
    Chart::from_archive_as(&fs::read(path)?, &limits, helm).map_err(failed)
}

/// Files with their paths below the chart; links are followed, as Helm does.
fn walk(
    dir: &Path,
    below: &str,
    budget: &mut Limits,
    depth: usize,
    found: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), CommandError> {
    let too_much = |what: &str| CommandError::failed(format!("{}: the chart has {what}", dir.display()));
    if depth == 0 {
        return Err(too_much("folders nested too deep, or a link that leads in a circle"));
    }
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(dir)? {
        entries.push(entry?.path());
    }
    entries.sort();
    for place in entries {
        let Some(name) = place.file_name().and_then(|name| name.to_str()) else { continue };
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let about = fs::metadata(&place)?;
        if about.is_dir() {
            walk(&place, &path, budget, depth - 1, found)?;
        } else if about.is_file() {
            budget.files = budget.files.checked_sub(1).ok_or_else(|| too_much("too many files"))?;
            budget.chart_bytes =
                budget.chart_bytes.checked_sub(about.len()).ok_or_else(|| too_much("too many bytes"))?;
            found.push((path, fs::read(&place)?));
        }
    }
    Ok(())
}
