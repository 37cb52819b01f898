//! Built-in generators and transformers that are configured by objects (`generators`, `transformers`,
//! `validators`) instead of by fields of the kustomization.

use manifest::yaml::{DuplicateKeys, Node};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    charts,
    generators::{self, GeneratorError, IamPolicy, Kind, iam_resource},
    kustomization::{GeneratorArgs, GeneratorOptions, ObjectMeta, from_loose_value},
    load::Loader,
    resource::Resource,
    target::BuildError,
    transformers::{
        AddAnnotations, AddHashes, AddLabels, AddPrefix, AddSuffix, AddValue, ApplyJsonPatch,
        ApplyMergePatches, ApplyPatch, Replacements, SetImage, SetNamespace, SetReplicas, Transformer,
    },
};

/// Why an object is no generator or transformer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// It is not built in, and nothing is executed.
    #[error("external plugins disabled; unable to load external plugin '{0}'")]
    External(String),
    /// No built-in one has the kind.
    #[error("unable to load builtin {0}")]
    Unknown(String),
    /// It is of the other sort.
    #[error("plugin {id} not a {wanted}")]
    WrongSort {
        /// Which object.
        id: String,
        /// `generator` or `transformer`.
        wanted: &'static str,
    },
    /// Its fields do not fit.
    #[error("plugin {id} fails configuration: {message}")]
    Config {
        /// Which object.
        id: String,
        /// What is wrong.
        message: String,
    },
}

const GENERATORS: [&str; 4] =
    ["ConfigMapGenerator", "HelmChartInflationGenerator", "IAMPolicyGenerator", "SecretGenerator"];
const TRANSFORMERS: [&str; 14] = [
    "AnnotationsTransformer",
    "HashTransformer",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "SuffixTransformer",
    "ValueAddTransformer",
];

/// Runs a generator.
pub(crate) fn generate(object: &Resource, loader: &Loader<'_>) -> Result<Vec<Resource>, BuildError> {
    check_builtin(object)?;
    let kind = match object.gvk().kind {
        "ConfigMapGenerator" => Kind::ConfigMap,
        "SecretGenerator" => Kind::Secret,
        "IAMPolicyGenerator" => {
            let policy: IamPolicy = read(object)?;
            return Ok(vec![iam_resource(&policy)?]);
        }
        "HelmChartInflationGenerator" => return charts::inflate(&read(object)?, &read(object)?, loader),
        kind => return Err(not_a(object, kind, "generator").into()),
    };
    let mut args = generator_args(object, kind)?;
    let metadata: Metadata = read(object)?;
    if args.name.is_empty() {
        args.name = metadata.metadata.name;
    }
    if args.namespace.is_empty() {
        args.namespace = metadata.metadata.namespace;
    }
    let generated: Result<_, GeneratorError> = generators::generate(kind, &args, loader);
    Ok(vec![generated?])
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Metadata {
    metadata: ObjectMeta,
}

/// The fields of a generator, without those that every object has.
fn generator_args(object: &Resource, kind: Kind) -> Result<GeneratorArgs, PluginError> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Loose {
        name: String,
        namespace: String,
        behavior: String,
        literals: Vec<String>,
        files: Vec<String>,
        envs: Vec<String>,
        env: String,
        options: Option<GeneratorOptions>,
        #[serde(rename = "type")]
        secret_type: String,
    }
    let Loose { name, namespace, behavior, literals, files, envs, env, options, secret_type } = match kind {
        // Theirs has no type, and what a plugin does not have it does not look at.
        Kind::ConfigMap => {
            let mut untyped = object.clone();
            if let Node::Mapping(fields) = &mut untyped.node {
                fields.remove("type");
            }
            read(&untyped)?
        }
        Kind::Secret => read(object)?,
    };
    Ok(GeneratorArgs { name, namespace, behavior, literals, files, envs, env, options, secret_type })
}

/// Makes a transformer.
pub(crate) fn transformers(
    object: &Resource,
    loader: &Loader<'_>,
) -> Result<Vec<Box<dyn Transformer>>, BuildError> {
    check_builtin(object)?;
    Ok(match object.gvk().kind {
        "AnnotationsTransformer" => vec![Box::new(read::<AddAnnotations>(object)?)],
        "HashTransformer" => vec![Box::new(AddHashes)],
        "LabelTransformer" => vec![Box::new(read::<AddLabels>(object)?)],
        "NamespaceTransformer" => vec![Box::new(read::<SetNamespace>(object)?)],
        "PrefixTransformer" => vec![Box::new(prefix(object)?)],
        "SuffixTransformer" => vec![Box::new(suffix(object)?)],
        "PrefixSuffixTransformer" => {
            vec![Box::new(prefix(object)?), Box::new(suffix(object)?)]
        }
        "ImageTagTransformer" => vec![Box::new(read::<SetImage>(object)?)],
        "ReplicaCountTransformer" => vec![Box::new(read::<SetReplicas>(object)?)],
        "PatchTransformer" => vec![Box::new(ApplyPatch::new(&read(object)?, loader)?)],
        "PatchJson6902Transformer" => vec![Box::new(ApplyJsonPatch::new(&read(object)?, loader)?)],
        "PatchStrategicMergeTransformer" => vec![Box::new(ApplyMergePatches::new(&read(object)?, loader)?)],
        "ReplacementTransformer" => vec![Box::new(Replacements::new(read(object)?, loader)?)],
        "ValueAddTransformer" => vec![Box::new(AddValue::new(&read(object)?, loader)?)],
        kind => return Err(not_a(object, kind, "transformer").into()),
    })
}

fn prefix(object: &Resource) -> Result<AddPrefix, PluginError> {
    let made: AddPrefix = read(object)?;
    if made.field_specs.is_none() { Err(no_field_specs(object)) } else { Ok(made) }
}

fn suffix(object: &Resource) -> Result<AddSuffix, PluginError> {
    let made: AddSuffix = read(object)?;
    if made.field_specs.is_none() { Err(no_field_specs(object)) } else { Ok(made) }
}

/// Unlike other transformers, those of names do nothing without fields: that is refused.
fn no_field_specs(object: &Resource) -> PluginError {
    let message = "fieldSpecs is not expected to be nil".to_owned();
    PluginError::Config { id: object.original_id().to_string(), message }
}

fn not_a(object: &Resource, kind: &str, wanted: &'static str) -> PluginError {
    if GENERATORS.contains(&kind) || TRANSFORMERS.contains(&kind) {
        return PluginError::WrongSort { id: object.id().to_string(), wanted };
    }
    PluginError::Unknown(object.gvk().to_string())
}

fn check_builtin(object: &Resource) -> Result<(), PluginError> {
    let gvk = object.gvk();
    if gvk.group.is_empty() && gvk.version == "builtin" {
        return Ok(());
    }
    Err(PluginError::External(gvk.kind.to_owned()))
}

fn read<T: DeserializeOwned>(object: &Resource) -> Result<T, PluginError> {
    let fail = |message: String| PluginError::Config { id: object.original_id().to_string(), message };
    let value: Value = object.node.to_json(DuplicateKeys::Refuse).map_err(|error| fail(error.to_string()))?;
    from_loose_value(value).map_err(fail)
}
