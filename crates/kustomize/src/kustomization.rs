//! The fields of a kustomization file.

use std::collections::BTreeMap;

use manifest::yaml::{DuplicateKeys, Limits, YamlError, parse_value};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    charts::{HelmChart, HelmChartArgs, HelmGlobals},
    config::FieldSpec,
    fold::{self, Unknown},
    resid::{Gvk, GvkRef, ResId},
    settle::fold_next_lines,
};

/// Why a file is no kustomization.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KustomizationError {
    /// Not YAML.
    #[error("invalid Kustomization: {0}")]
    Yaml(#[from] YamlError),
    /// A field is unknown or of the wrong type.
    #[error("invalid Kustomization: json: {0}")]
    Field(String),
    /// Nothing in it.
    #[error("kustomization.yaml is empty")]
    Empty,
    /// `kind` or `apiVersion` is something else.
    #[error("Failed to read kustomization file under {dir}:\n{problem}")]
    Type {
        /// Directory of the file.
        dir: String,
        /// What it should be.
        problem: String,
    },
}

const VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";
const KIND: &str = "Kustomization";
pub(crate) const COMPONENT_KIND: &str = "Component";

pub(crate) type Strings = BTreeMap<String, String>;

/// A kustomization file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Kustomization {
    pub(crate) kind: String,
    pub(crate) api_version: String,
    pub(crate) metadata: Option<ObjectMeta>,
    pub(crate) openapi: Strings,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) namespace: String,
    pub(crate) common_labels: Strings,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_annotations: Strings,
    pub(crate) patches_strategic_merge: Vec<String>,
    #[serde(rename = "patchesJson6902")]
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) images: Vec<Image>,
    pub(crate) image_tags: Vec<Image>,
    pub(crate) replacements: Vec<ReplacementField>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) vars: Vec<Var>,
    pub(crate) sort_options: Option<SortOptions>,
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) crds: Vec<String>,
    pub(crate) bases: Vec<String>,
    pub(crate) config_map_generator: Vec<GeneratorArgs>,
    pub(crate) secret_generator: Vec<GeneratorArgs>,
    pub(crate) helm_globals: Option<HelmGlobals>,
    pub(crate) helm_charts: Vec<HelmChart>,
    pub(crate) helm_chart_inflation_generator: Vec<HelmChartArgs>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) configurations: Vec<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) transformers: Vec<String>,
    pub(crate) validators: Vec<String>,
    pub(crate) build_metadata: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct ObjectMeta {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: Strings,
    pub(crate) annotations: Strings,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Label {
    pub(crate) pairs: Strings,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    /// Newer than 5.8.1, where `includeTemplates` alone reached claim templates; it still does when this is absent.
    pub(crate) include_volume_claim_templates: Option<bool>,
    pub(crate) fields: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) patch: String,
    pub(crate) target: Option<Selector>,
    pub(crate) options: Option<PatchOptions>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PatchOptions {
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
}

/// Which resources a patch or replacement is for. Fields are regular expressions, except in a source.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Selector {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) annotation_selector: String,
    pub(crate) label_selector: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) new_name: String,
    pub(crate) tag_suffix: String,
    pub(crate) new_tag: String,
    pub(crate) digest: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) count: i64,
}

/// A replacement, or the path of a file that holds some.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ReplacementField {
    pub(crate) path: String,
    pub(crate) source: Option<SourceSelector>,
    pub(crate) targets: Option<Vec<TargetSelector>>,
    pub(crate) source_value: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SourceSelector {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) field_path: String,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct TargetSelector {
    pub(crate) select: Option<Selector>,
    pub(crate) reject: Vec<Selector>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FieldOptions {
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    /// Accepted and without effect, as in the reference tool.
    pub(crate) encoding: String,
    pub(crate) create: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) objref: VarTarget,
    pub(crate) fieldref: VarField,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct VarTarget {
    pub(crate) api_version: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct VarField {
    pub(crate) field_path: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SortOptions {
    pub(crate) order: String,
    pub(crate) legacy_sort_options: Option<LegacySortOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct LegacySortOptions {
    pub(crate) order_first: Vec<String>,
    pub(crate) order_last: Vec<String>,
}

/// One ConfigMap or Secret to generate; `type` is for Secrets alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GeneratorArgs {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) behavior: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) env: String,
    pub(crate) options: Option<GeneratorOptions>,
    #[serde(rename = "type")]
    pub(crate) secret_type: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: Strings,
    pub(crate) annotations: Strings,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

impl Kustomization {
    /// Reads a kustomization file; `dir` is named in errors.
    pub(crate) fn parse_as(
        text: &str,
        dir: &str,
        limits: &Limits,
        unknown: Unknown,
    ) -> Result<Self, KustomizationError> {
        let mut value = parse_value("", text, DuplicateKeys::LastWins, limits)?;
        fold_next_lines(&mut value)?;
        let empty = is_empty(&value);
        if unknown == Unknown::Refuse && types_a_config_map(&value) {
            return Err(KustomizationError::Field("unknown field \"type\"".to_owned()));
        }
        let mut this: Self = read(value, unknown).map_err(KustomizationError::Field)?;
        this.fix();
        if empty {
            return Err(KustomizationError::Empty);
        }
        this.check(dir)?;
        Ok(this)
    }

    /// Moves deprecated fields to where they belong and fills in the type.
    fn fix(&mut self) {
        if self.kind.is_empty() {
            self.kind = KIND.into();
        }
        if self.api_version.is_empty() {
            self.api_version = self.required_version().into();
        }
        self.resources.append(&mut self.bases);
        self.images.append(&mut self.image_tags);
        let old = std::mem::take(&mut self.helm_chart_inflation_generator);
        if !old.is_empty() {
            let globals = self.helm_globals.get_or_insert_default();
            self.helm_charts.extend(old.into_iter().map(|args| args.modern(globals)));
        }
        for replacement in &mut self.replacements {
            // The reference tool hands them on without what is empty.
            replacement.targets.take_if(|targets| targets.is_empty());
        }
        for args in self.config_map_generator.iter_mut().chain(&mut self.secret_generator) {
            if !args.env.is_empty() {
                args.envs.push(std::mem::take(&mut args.env));
            }
        }
    }

    fn required_version(&self) -> &'static str {
        if self.kind == COMPONENT_KIND { COMPONENT_VERSION } else { VERSION }
    }

    fn check(&self, dir: &str) -> Result<(), KustomizationError> {
        let mut problems = Vec::new();
        if self.kind != KIND && self.kind != COMPONENT_KIND {
            problems.push(format!("kind should be {KIND} or {COMPONENT_KIND}"));
        }
        if self.api_version != self.required_version() {
            problems.push(format!("apiVersion for {} should be {}", self.kind, self.required_version()));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(KustomizationError::Type { dir: dir.to_owned(), problem: problems.join("\n") })
    }
}

/// Whether a ConfigMap is given a type: [`GeneratorArgs`] has one for Secrets.
fn types_a_config_map(value: &Value) -> bool {
    let generators = named(value, "configMapGenerator").filter_map(Value::as_array).flatten();
    generators.into_iter().any(|args| named(args, "type").next().is_some())
}

/// The fields of a name in any case.
fn named<'v>(value: &'v Value, name: &'static str) -> impl Iterator<Item = &'v Value> {
    let fields = value.as_object().into_iter().flatten();
    fields.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether a file says nothing but its type. An empty list says something, unless it is of a deprecated field.
fn is_empty(value: &Value) -> bool {
    let moved = ["bases", "imageTags", "helmChartInflationGenerator"];
    let says = |(key, value): (&String, &Value)| match value {
        _ if key == "kind" || key == "apiVersion" => false,
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !(items.is_empty() && moved.contains(&key.as_str())),
        _ => true,
    };
    !value.as_object().is_some_and(|fields| fields.iter().any(says))
}

impl GeneratorOptions {
    /// The options of one generator, completed with those of the file.
    pub(crate) fn merged(local: Option<&Self>, global: Option<&Self>) -> Option<Self> {
        let Some(global) = global else { return local.cloned() };
        let mut merged = local.cloned().unwrap_or_default();
        let fill = |into: &mut Strings, from: &Strings| {
            for (key, value) in from {
                into.entry(key.clone()).or_insert_with(|| value.clone());
            }
        };
        fill(&mut merged.labels, &global.labels);
        fill(&mut merged.annotations, &global.annotations);
        merged.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        merged.immutable |= global.immutable;
        Some(merged)
    }
}

impl Selector {
    /// What is selected, as the reference tool says it.
    pub(crate) fn describe(&self) -> String {
        let gvk = GvkRef { group: &self.group, version: &self.version, kind: &self.kind };
        let id = ResId { gvk, name: &self.name, namespace: &self.namespace };
        format!("{id}:a={}:l={}", self.annotation_selector, self.label_selector)
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(&self.group, &self.version, &self.kind)
    }
}

/// Reads a typed value as Go's `encoding/json` does: nulls are left out, field names match in any case, unknown
/// fields are refused.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    read(value, Unknown::Refuse)
}

/// The same; unknown fields are left out.
pub(crate) fn from_loose_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    read(value, Unknown::Ignore)
}

fn read<T: DeserializeOwned>(value: Value, unknown: Unknown) -> Result<T, String> {
    let value = if value.is_null() { Value::Object(serde_json::Map::new()) } else { value };
    fold::read(value, unknown).map_err(|error| {
        let message = error.to_string();
        if message.starts_with("unknown field") { message } else { format!("cannot unmarshal {message}") }
    })
}

#[cfg(test)]
mod tests {
    use manifest::yaml::Limits;

    use super::Kustomization;
    use crate::fold::Unknown;

    fn fails(text: &str, expect: &str) {
        let message =
            Kustomization::parse_as(text, "/x", &Limits::default(), Unknown::Refuse).unwrap_err().to_string();
        assert!(message.contains(expect), "{message}");
    }

    #[test]
    fn refuses_what_is_no_kustomization() {
        fails("", "kustomization.yaml is empty");
        fails("kind: Kustomization\n", "kustomization.yaml is empty");
        fails("bases: []\nnamePrefix: ''\n", "kustomization.yaml is empty");
        fails("resource: []\n", "invalid Kustomization: json: unknown field \"resource\"");
        fails("resource:\nresources: [a]\n", "unknown field \"resource\"");
        fails(
            "configMapGenerator: [{name: a, type: }]\n",
            "invalid Kustomization: json: unknown field \"type\"",
        );
        fails("images:\n- newTag: 1\n", "invalid Kustomization: json: cannot unmarshal");
        fails("kind: X\nresources: [a]\n", "under /x:\nkind should be Kustomization or Component");
        fails(
            "kind: Component\napiVersion: v1\nresources: [a]\n",
            "should be kustomize.config.k8s.io/v1alpha1",
        );
        fails("a: b: c\n", "mapping values are not allowed in this context");
    }

    #[test]
    fn moves_deprecated_fields() {
        let text =
            "bases: [a]\nresources: [b]\nimageTags: [{name: i}]\nconfigMapGenerator: [{name: c, env: e}]\n";
        let read = Kustomization::parse_as(text, "/", &Limits::default(), Unknown::Refuse).unwrap();
        assert_eq!(read.resources, ["b", "a"]);
        assert_eq!(read.images[0].name, "i");
        assert_eq!(read.config_map_generator[0].envs, ["e"]);
    }

    #[test]
    fn an_empty_list_of_resources_is_no_empty_file() {
        assert!(Kustomization::parse_as("resources: []\n", "/", &Limits::default(), Unknown::Refuse).is_ok());
    }

    #[test]
    fn nulls_are_left_out() {
        let read =
            Kustomization::parse_as("namePrefix: a-\nresources:\n", "/", &Limits::default(), Unknown::Refuse)
                .unwrap();
        assert!(read.resources.is_empty());
        let read = Kustomization::parse_as(
            "commonLabels: {a: }\nimages: [~]\n",
            "/",
            &Limits::default(),
            Unknown::Refuse,
        )
        .unwrap();
        assert_eq!((read.common_labels["a"].as_str(), read.images.len()), ("", 1));
    }
}
