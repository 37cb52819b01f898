use manifest::{
    Object,
    yaml::{DuplicateKeys, Node, write_yaml},
};
use serde_json::Value;

use crate::{
    charts::ChartRenderer,
    error::BuildError,
    fields::set_entry,
    kustomization::{SortOptions, Strings},
    load::{LoadRestriction, Loader},
    origin::{ORIGIN, TRANSFORMATIONS, transformations_yaml},
    remote::RemoteLoader,
    resource::Resource,
    settle::{fold_next_lines, settle},
    sort::sort,
    target::{Session, Target},
    tree::Tree,
};

/// How a kustomization is built.
#[derive(Clone, Copy, Default)]
pub struct BuildOptions<'a> {
    /// Where files may be read.
    pub load_restriction: LoadRestriction,
    /// Gives remote bases and files; without it, they are refused.
    pub remote: Option<&'a dyn RemoteLoader>,
    /// Renders `helmCharts`; without it, they are refused.
    pub charts: Option<&'a dyn ChartRenderer>,
    /// Where the kustomization says nothing of an order: the legacy one, as the command kustomize prints.
    pub legacy_order: bool,
    /// The kustomization that the build starts at is read as sigs.k8s.io/yaml reads into a type: unknown fields are left out,
    /// numbers and truths become texts. Flux reads it so; the command kustomize refuses both.
    pub loose_root: bool,
    /// What a build may cost.
    pub limits: BuildLimits,
}

/// What a build may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildLimits {
    /// Resources, after lists are taken apart.
    pub resources: usize,
    /// Bases and components, each time one is visited.
    pub bases: usize,
}

impl Default for BuildLimits {
    /// 100 000 resources, 20 000 visits of bases.
    fn default() -> Self {
        Self { resources: 100_000, bases: 20_000 }
    }
}

/// Built resources, in order.
#[derive(Clone, Debug)]
pub struct Resources(Vec<Value>);

impl Resources {
    /// What `kustomize build --reorder none` prints: documents separated by `---`.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        self.0.iter().for_each(|value| write_document(&mut out, value));
        out
    }

    /// The resources as objects. Those without `apiVersion` or `kind`, which the reference tool prints all the same, are
    /// left out.
    #[must_use]
    pub fn objects(&self) -> Vec<Object> {
        self.0.iter().cloned().filter_map(|value| Object::from_value(value).ok()).collect()
    }

    /// The resources as JSON values.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }
}

/// The label that `buildMetadata: [managedByLabel]` sets, and the version this build is equal to.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kustomize-v5.8.1");
const LOCAL: &str = "config.kubernetes.io/local-config";
/// Marks of the reference tool that never leave it.
const INTERNAL: [&str; 8] = [
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];
const INTERNAL_NAMES: [&str; 10] = [
    "previousKinds",
    "previousNames",
    "prefixes",
    "suffixes",
    "previousNamespaces",
    "allowNameChange",
    "allowKindChange",
    "refBy",
    "generatorBehavior",
    "needsHashSuffix",
];

/// Builds the kustomization of a directory, as `kustomize build --reorder none` does.
///
/// # Errors
/// When anything in the kustomization, its bases and files is missing or wrong; the message names file, field and
/// object.
pub fn build(tree: &dyn Tree, path: &str, options: &BuildOptions<'_>) -> Result<Resources, BuildError> {
    let (resources, metadata) = gather(tree, path, options)?;
    let values = resources.into_iter().map(|resource| finished(resource, &metadata));
    Ok(Resources(values.collect::<Result<_, _>>()?))
}

/// What [`Resources::to_yaml`] gives for a [`build`], in less memory and time: each resource is printed and let go before
/// the next one.
///
/// # Errors
/// As [`build`].
pub fn build_yaml(tree: &dyn Tree, path: &str, options: &BuildOptions<'_>) -> Result<String, BuildError> {
    let (resources, metadata) = gather(tree, path, options)?;
    let mut out = String::new();
    for resource in resources {
        write_document(&mut out, &finished(resource, &metadata)?);
    }
    Ok(out)
}

fn write_document(out: &mut String, value: &Value) {
    if !out.is_empty() {
        out.push_str("---\n");
    }
    write_yaml(out, value);
}

/// The resources in their order, and what `buildMetadata` asks for.
fn gather(
    tree: &dyn Tree,
    path: &str,
    options: &BuildOptions<'_>,
) -> Result<(Vec<Resource>, Vec<String>), BuildError> {
    let loader = Loader::new(tree, path, options.load_restriction, options.remote, options.charts)?;
    let session = Session::new(options.limits);
    let target = Target::load_root(&session, loader, options.loose_root)?;
    let metadata = target.kustomization().build_metadata.clone();
    let sort_options = target.kustomization().sort_options.clone();
    let mut resources = target.build()?;
    let legacy = || SortOptions { order: "legacy".to_owned(), legacy_sort_options: None };
    if let Some(sort_options) = sort_options.or_else(|| options.legacy_order.then(legacy)) {
        resources = sort(resources, &sort_options)?;
    }
    Ok((resources, metadata))
}

/// Whether a resource is for this tool alone.
pub(crate) fn is_local(resource: &Resource) -> bool {
    let mark = resource.node.at(&["metadata", "annotations", LOCAL]);
    mark.is_some_and(|mark| mark.text() != Some("false"))
}

fn finished(mut resource: Resource, metadata: &[String]) -> Result<Value, BuildError> {
    let has = |option: &str| metadata.iter().any(|given| given == option);
    if has("managedByLabel") {
        let labels = resource.metadata_mut().entry("labels", Node::mapping);
        set_entry(labels, MANAGED_BY.0, MANAGED_BY.1)?;
    }
    let mut annotations = resource.meta_strings("annotations");
    annotations.retain(|key, _| !is_internal(key));
    set_or_remove(&mut annotations, ORIGIN, has("originAnnotations"), || {
        resource.origin.as_ref().map(|origin| origin.to_yaml())
    });
    set_or_remove(&mut annotations, TRANSFORMATIONS, has("transformerAnnotations"), || {
        (!resource.transformations.is_empty()).then(|| transformations_yaml(&resource.transformations))
    });
    resource.set_meta_strings("annotations", &annotations);
    let id = resource.id().to_string();
    settle(&mut resource.node)
        .and_then(|()| resource.node.into_json(DuplicateKeys::Refuse))
        .and_then(|mut value| fold_next_lines(&mut value).map(|()| value))
        .map_err(|source| BuildError::NotJson { id, source })
}

fn set_or_remove(annotations: &mut Strings, key: &str, wanted: bool, value: impl FnOnce() -> Option<String>) {
    if !wanted {
        annotations.remove(key);
    } else if let Some(value) = value() {
        annotations.insert(key.to_owned(), value);
    }
}

fn is_internal(key: &str) -> bool {
    let name = key.strip_prefix("internal.config.kubernetes.io/");
    INTERNAL.contains(&key) || name.is_some_and(|name| INTERNAL_NAMES.contains(&name))
}
