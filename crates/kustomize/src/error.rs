use manifest::yaml::YamlError;

use crate::{
    charts::ChartError,
    config::ConfigError,
    fields::FieldError,
    generators::{GeneratorError, PairsError},
    kustomization::KustomizationError,
    load::LoadError,
    plugins::PluginError,
    refs::ReferenceError,
    replacement_error::ReplacementError,
    resmap::ResMapError,
    resource::ResourceError,
    selector::SelectorError,
    sort::SortError,
    target::ValidatorError,
    transformers::{ImageError, PatchError, ReplicaError, ValueAddError},
    vars::VarError,
};

/// Why a kustomization cannot be built. Messages keep the reference tool's key phrases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// An error seen from further out.
    #[error("{context}: {source}")]
    Context {
        /// What was being done.
        context: String,
        /// What went wrong.
        source: Box<BuildError>,
    },
    /// A text of resources is wrong; the file is named behind, as the reference tool does.
    #[error("{source} in File: {file}")]
    InFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: Box<BuildError>,
    },
    /// No kustomization file.
    #[error(
        "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{0}'"
    )]
    NoKustomization(String),
    /// More than one.
    #[error("Found multiple kustomization files under: {0}")]
    ManyKustomizations(String),
    /// A component where a base is needed, or the other way round.
    #[error("expected kind {wanted} for path '{path}'{found}")]
    Kind {
        /// What is needed, as in `!= 'Component'`.
        wanted: &'static str,
        /// Directory.
        path: String,
        /// What is there.
        found: String,
    },
    /// Both a built-in version and a schema are named.
    #[error("builtin version and custom schema provided, cannot use both")]
    SchemaAndVersion,
    /// The named version is unknown.
    #[error("the specified OpenAPI version is not built in")]
    SchemaVersion,
    /// The file of `openapi.path` holds a text, a list or nothing.
    #[error("invalid schema file: '{0}' holds no object")]
    SchemaFile(String),
    /// More resources than allowed.
    #[error("build exceeds the limit of {0} resources")]
    TooMany(usize),
    /// More visits of bases than allowed.
    #[error("build exceeds the limit of {0} visits of bases")]
    TooManyBases(usize),
    /// A built resource has no JSON form, such as one with a field given twice.
    #[error("{id}: {}", .source.brief())]
    NotJson {
        /// Which resource.
        id: String,
        /// What is wrong.
        source: YamlError,
    },
    /// A chart cannot be rendered.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A kustomization file is wrong.
    #[error(transparent)]
    Kustomization(#[from] KustomizationError),
    /// A file cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file is no YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A text holds no resources.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// Resources cannot stand together.
    #[error(transparent)]
    ResMap(#[from] ResMapError),
    /// A transformer configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something cannot be generated.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// A generator or transformer object is wrong.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// A field cannot be set.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A selector is wrong.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// A patch is wrong.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// An image is wrong.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Replicas are wrong.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A replacement is wrong.
    #[error(transparent)]
    Replacement(#[from] ReplacementError),
    /// A value to add is wrong.
    #[error(transparent)]
    ValueAdd(#[from] ValueAddError),
    /// A name reference cannot follow.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A var is wrong.
    #[error(transparent)]
    Var(#[from] VarError),
    /// `sortOptions` is wrong.
    #[error(transparent)]
    Sort(#[from] SortError),
    /// A validator changed something.
    #[error(transparent)]
    Validator(#[from] ValidatorError),
}

impl BuildError {
    pub(crate) fn context(self, context: impl Into<String>) -> Self {
        Self::Context { context: context.into(), source: Box::new(self) }
    }

    pub(crate) fn in_file(self, file: &str) -> Self {
        Self::InFile { file: file.to_owned(), source: Box::new(self) }
    }

    /// Whether files or bases have become too many.
    pub(crate) fn is_excess(&self) -> bool {
        match self {
            Self::Context { source, .. } | Self::InFile { source, .. } => source.is_excess(),
            Self::Generator(GeneratorError::Pairs { source: PairsError::Load { source, .. }, .. })
            | Self::Load(source) => matches!(source, LoadError::Excess { .. }),
            _ => false,
        }
    }

    /// Whether a text is no YAML.
    pub(crate) fn is_malformed_yaml(&self) -> bool {
        match self {
            Self::Context { source, .. } | Self::InFile { source, .. } => source.is_malformed_yaml(),
            Self::Resource(ResourceError::Yaml(_)) => true,
            _ => false,
        }
    }
}
