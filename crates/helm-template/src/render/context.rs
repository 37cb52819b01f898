//! What a template sees as `.`.
use std::borrow::Cow;

use gotemplate::{Map, Numbers, Type, Value};
use serde_json::{Map as JsonMap, Value as Json};

use super::{
    ReleaseOptions,
    files::FilesObject,
    structs::{chart_struct, import_value},
    table::values_type,
};
use crate::{
    capabilities::{Capabilities, HelmMajor, capabilities_value},
    chart::{Chart, Dependency, Maintainer, Metadata},
};

/// A template with its data.
pub(super) struct Page<'c> {
    /// Path with the charts it lies in: `chart/charts/sub/templates/x.yaml`.
    pub(super) name: String,
    /// The `templates` folder it lies in.
    pub(super) base: String,
    pub(super) text: Cow<'c, str>,
    /// Shared by all templates of a chart.
    pub(super) data: Map,
}

impl Page<'_> {
    /// Files whose name begins with `_` are only included from others.
    pub(super) fn is_partial(&self) -> bool {
        self.name.rsplit('/').next().is_some_and(|name| name.starts_with('_'))
    }
}

/// All templates, in the order Helm parses and executes them: deep paths first, and the alphabet backwards.
pub(super) fn pages<'c>(
    chart: &'c Chart,
    values: JsonMap<String, Json>,
    release: &ReleaseOptions,
    capabilities: &Capabilities,
) -> Vec<Page<'c>> {
    let helm = capabilities.helm_version.major();
    let top = Map::of(values_type(helm));
    for (key, value) in values {
        top.insert(key, Value::from_json(&value, Numbers::Keep));
    }
    let shared =
        Shared { release: release_value(release), capabilities: capabilities_value(capabilities), helm };
    let mut pages = Vec::new();
    collect(chart, chart.name(), top, true, &shared, &mut pages);
    let depth = |page: &Page<'_>| page.name.bytes().filter(|byte| *byte == b'/').count();
    let mut deep: Vec<(usize, Page<'c>)> = pages.into_iter().map(|page| (depth(&page), page)).collect();
    deep.sort_by(|(a_depth, a), (b_depth, b)| (b_depth, &b.name).cmp(&(a_depth, &a.name)));
    deep.into_iter().map(|(_, page)| page).collect()
}

struct Shared {
    release: Value,
    capabilities: Value,
    helm: HelmMajor,
}

fn collect<'c>(
    chart: &'c Chart,
    path: &str,
    values: Map,
    root: bool,
    shared: &Shared,
    pages: &mut Vec<Page<'c>>,
) -> Map {
    let data = Map::new();
    let children = Map::new();
    let values_type = values_type(shared.helm);
    data.insert(
        "Chart",
        match shared.helm {
            HelmMajor::Three => chart_struct(chart.metadata(), root),
            HelmMajor::Four => chart_value(chart.metadata(), root),
        },
    );
    data.insert("Files", Value::object(FilesObject::new(chart.files(), shared.helm)));
    data.insert("Release", shared.release.clone());
    data.insert("Capabilities", shared.capabilities.clone());
    data.insert("Values", Value::Map(values.clone()));
    data.insert("Subcharts", Value::Map(children.clone()));
    for child in chart.dependencies() {
        let own = match values.get(child.name()) {
            Some(Value::Map(own)) => own.retyped(values_type),
            _ => Map::of(values_type),
        };
        let inner = format!("{path}/charts/{}", child.name());
        let child_data = collect(child, &inner, own, false, shared, pages);
        children.insert(child.name(), Value::Map(child_data));
    }
    let library = chart.is_library();
    let base = format!("{path}/templates");
    for file in chart.templates() {
        let page = Page {
            name: format!("{path}/{}", file.name),
            base: base.clone(),
            text: file.text(),
            data: data.retyped(values_type),
        };
        if !library || page.is_partial() {
            pages.push(page);
        }
    }
    data
}

fn release_value(release: &ReleaseOptions) -> Value {
    Value::map([
        ("Name", Value::string(&release.name)),
        ("Namespace", Value::string(&release.namespace)),
        ("IsUpgrade", Value::Bool(release.is_upgrade)),
        ("IsInstall", Value::Bool(release.is_install)),
        ("Revision", Value::Int(release.revision)),
        ("Service", Value::string("Helm")),
    ])
}

/// `.Chart`: the fields of Go's struct as a map.
fn chart_value(metadata: &Metadata, root: bool) -> Value {
    let text = |text: &str| Value::string(text);
    let annotations = match metadata.annotations.as_slice() {
        [] => Map::nil(Type::StringMap),
        entries => {
            let map = Map::of(Type::StringMap);
            for (key, value) in entries {
                map.insert(key, text(value));
            }
            map
        }
    };
    Value::map([
        ("Name", text(&metadata.name)),
        ("Home", text(&metadata.home)),
        ("Sources", texts(&metadata.sources)),
        ("Version", text(&metadata.version)),
        ("Description", text(&metadata.description)),
        ("Keywords", texts(&metadata.keywords)),
        ("Maintainers", Value::list(metadata.maintainers.iter().map(maintainer_value).collect())),
        ("Icon", text(&metadata.icon)),
        ("APIVersion", text(&metadata.api_version)),
        ("Condition", text(&metadata.condition)),
        ("Tags", text(&metadata.tags)),
        ("AppVersion", text(&metadata.app_version)),
        ("Deprecated", Value::Bool(metadata.deprecated)),
        ("Annotations", Value::Map(annotations)),
        ("KubeVersion", text(&metadata.kube_version)),
        ("Dependencies", Value::list(metadata.dependencies.iter().flatten().map(dependency_value).collect())),
        ("Type", text(&metadata.kind)),
        ("IsRoot", Value::Bool(root)),
    ])
}

fn texts(texts: &[String]) -> Value {
    Value::list(texts.iter().map(Value::string).collect())
}

fn maintainer_value(person: &Maintainer) -> Value {
    Value::map([
        ("Name", Value::string(&person.name)),
        ("Email", Value::string(&person.email)),
        ("URL", Value::string(&person.url)),
    ])
}

fn dependency_value(dependency: &Dependency) -> Value {
    Value::map([
        ("Name", Value::string(&dependency.name)),
        ("Version", Value::string(&dependency.version)),
        ("Repository", Value::string(&dependency.repository)),
        ("Condition", Value::string(&dependency.condition)),
        ("Tags", texts(&dependency.tags)),
        ("Enabled", Value::Bool(dependency.enabled)),
        ("ImportValues", Value::list(dependency.import_values.iter().map(import_value).collect())),
        ("Alias", Value::string(&dependency.alias)),
    ])
}
