//! HelmReleases whose chart lies in the repository, rendered with the values that are there.
use std::rc::Rc;

use helm_release::{ValuesRef, compose_values};
use helm_template::{Chart, Limits, TemplateOptions, Values, template_output};
use kustomize::{BuildOptions, LoadRestriction, MemoryTree, build_yaml};
use manifest::yaml::parse_documents;
use serde_json::{Value, json};

use super::{files::Repository, index::Index, sources::Sources, units::clean, variables::plain};
use crate::{
    chart_files::Offline,
    sops::is_masked,
    value::{at, flag, list, name, namespace, or, text},
};

/// Key of the values where none is named.
const DEFAULT_KEY: &str = "values.yaml";

/// The file that a post-renderer is given.
const OUTPUT: &str = "helm-output.yaml";

/// What became of a release.
pub(super) enum Rendered {
    /// Its chart is not in this repository.
    Elsewhere,
    /// Values that are not in this repository; nothing was rendered.
    Incomplete(String),
    /// Its objects.
    Objects(Vec<Value>),
    /// It fails, and why.
    Failed(String),
}

/// A HelmRelease, and the file that says what it is.
#[derive(Clone, Copy)]
pub(super) struct Release<'a> {
    pub(super) object: &'a Value,
    pub(super) file: &'a str,
}

/// Renders a HelmRelease.
pub(super) fn rendered(
    repository: &Repository,
    index: &Index,
    sources: &Sources,
    of: Release<'_>,
) -> Rendered {
    let release = of.object;
    let template = |key: &str| text(release, &["spec", "chart", "spec", key]);
    let source = at(release, &["spec", "chart", "spec", "sourceRef"]).unwrap_or(&Value::Null);
    if !sources.may_be(release, source) {
        return Rendered::Elsewhere;
    }
    let files = clean("", template("chart")).and_then(|folder| repository.chart(&folder));
    let Some(files) = files else { return Rendered::Elsewhere };
    let values = match values(index, of) {
        Ok(values) => values,
        Err(incomplete) => return incomplete,
    };
    match render(repository, release, files, &values) {
        Ok(objects) => Rendered::Objects(objects),
        Err(error) if error.contains("missing in charts/ directory") => {
            Rendered::Incomplete(format!("{error}: source-controller fetches them; not rendered"))
        }
        Err(error) => Rendered::Failed(error),
    }
}

/// From ConfigMaps and Secrets in order, then inline.
fn values(index: &Index, of: Release<'_>) -> Result<Values, Rendered> {
    let release = of.object;
    let mut found = Vec::new();
    for reference in list(release, &["spec", "valuesFrom"]) {
        let (kind, wanted) = (text(reference, &["kind"]), text(reference, &["name"]));
        let key = or(text(reference, &["valuesKey"]), DEFAULT_KEY);
        let object = index.data(kind, release, wanted, of.file);
        let content = object.and_then(|object| plain(object.value).into_iter().find(|(own, _)| own == key));
        match content {
            Some((_, content)) if is_masked(&content) => {
                let message =
                    format!("valuesFrom {kind}/{wanted} with key '{key}' is encrypted: not rendered");
                return Err(Rendered::Incomplete(message));
            }
            Some((_, content)) => found.push((reference, content)),
            None if flag(reference, &["optional"]) => {}
            None => {
                let message = format!(
                    "valuesFrom {kind}/{wanted} with key '{key}' is not in this repository: not rendered"
                );
                return Err(Rendered::Incomplete(message));
            }
        }
    }
    let target = |reference: &'_ Value| text(reference, &["targetPath"]).to_owned();
    let targets: Vec<String> = found.iter().map(|(reference, _)| target(reference)).collect();
    let references: Vec<ValuesRef<'_>> = found
        .iter()
        .zip(&targets)
        .map(|((reference, content), target)| ValuesRef {
            content,
            target_path: Some(target.as_str()).filter(|path| !path.is_empty()),
            literal: flag(reference, &["literal"]),
        })
        .collect();
    let inline = at(release, &["spec", "values"]).and_then(Value::as_object).cloned().unwrap_or_default();
    compose_values(&Values::from_json(inline), &references)
        .map_err(|(_, error)| Rendered::Failed(error.to_string()))
}

fn render(
    repository: &Repository,
    release: &Value,
    mut files: Vec<(String, Vec<u8>)>,
    values: &Values,
) -> Result<Vec<Value>, String> {
    if let Some(defaults) = defaults(repository, release)? {
        files.retain(|(path, _)| path != DEFAULT_KEY);
        files.push((DEFAULT_KEY.to_owned(), defaults.to_yaml().into_bytes()));
    }
    let chart = Chart::from_directory(files, &Limits::default()).map_err(|error| error.to_string())?;
    let target = text(release, &["spec", "targetNamespace"]);
    let prefix = if target.is_empty() { String::new() } else { format!("{target}-") };
    let own = format!("{prefix}{}", name(release));
    let options = TemplateOptions {
        name: or(text(release, &["spec", "releaseName"]), &own).to_owned(),
        namespace: or(or(target, namespace(release)), "default").to_owned(),
        include_crds: true,
        ..TemplateOptions::default()
    };
    let printed = template_output(&chart, values, Rc::new(Offline::new()), &options);
    let printed = post_rendered(release, printed.map_err(|error| error.to_string())?)?;
    let all = parse_documents("the rendered chart", &printed, &manifest::yaml::Limits::default());
    Ok(all.map_err(|error| error.to_string())?.into_iter().filter(Value::is_object).collect())
}

/// What `spec.postRenderers` make of it, one after the other.
fn post_rendered(release: &Value, mut printed: String) -> Result<String, String> {
    for kustomize in
        list(release, &["spec", "postRenderers"]).iter().filter_map(|one| at(one, &["kustomize"]))
    {
        let tree: MemoryTree =
            [("kustomization.yaml", kustomization(kustomize).to_string()), (OUTPUT, printed)]
                .into_iter()
                .collect();
        let options = BuildOptions { load_restriction: LoadRestriction::None, ..BuildOptions::default() };
        printed = build_yaml(&tree, "", &options).map_err(|error| format!("postRenderers: {error}"))?;
    }
    Ok(printed)
}

/// The kustomization that a post-renderer stands for.
fn kustomization(spec: &Value) -> Value {
    let mut patches = list(spec, &["patches"]).to_vec();
    let merges = list(spec, &["patchesStrategicMerge"]).iter();
    patches.extend(merges.map(|patch| json!({"patch": patch.to_string()})));
    patches.extend(list(spec, &["patchesJson6902"]).iter().map(|legacy| {
        let operations = at(legacy, &["patch"]).map(Value::to_string).unwrap_or_default();
        json!({"patch": operations, "target": at(legacy, &["target"])})
    }));
    json!({"resources": [OUTPUT], "patches": patches, "images": list(spec, &["images"])})
}

/// The files that stand in for the chart's own values.yaml.
fn defaults(repository: &Repository, release: &Value) -> Result<Option<Values>, String> {
    let wanted = list(release, &["spec", "chart", "spec", "valuesFiles"]);
    let lenient = flag(release, &["spec", "chart", "spec", "ignoreMissingValuesFiles"]);
    let mut merged = Values::new();
    for path in wanted.iter().filter_map(Value::as_str) {
        match clean("", path).and_then(|path| repository.text(&path)) {
            Some(content) => {
                let read = Values::parse(&content).map_err(|error| format!("{path}: {error}"))?;
                merged.merge(&read);
            }
            None if lenient => {}
            None => return Err(format!("values file '{path}' is not in the repository")),
        }
    }
    Ok((!wanted.is_empty()).then_some(merged))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::post_rendered;

    const PRINTED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n";

    #[test]
    fn post_renderers_change_what_is_checked_and_fail_by_their_name() {
        let with = |patch: &str| {
            let kustomize = json!({"patches": [{"target": {"kind": "ConfigMap"}, "patch": patch}]});
            let release = json!({"spec": {"postRenderers": [{"kustomize": kustomize}]}});
            post_rendered(&release, PRINTED.to_owned())
        };
        assert!(with("- {op: add, path: /data/c, value: d}").unwrap().contains("\n  c: d\n"));
        let error = with("- {op: remove, path: /data/none}").unwrap_err();
        assert!(error.starts_with("postRenderers: "), "{error}");
        assert_eq!(post_rendered(&json!({}), PRINTED.to_owned()).unwrap(), PRINTED);
    }
}
