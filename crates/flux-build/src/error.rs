use envsubst::SubstituteError;
use kustomize::{ResourceError, TreeError};
use manifest::yaml::YamlError;

/// Why a build gives no objects. Messages keep Flux's key phrases; none holds the value of a variable.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The path is not in the source. Flux's reason is `ArtifactFailed`; all others are `BuildFailed`.
    #[error("kustomization path not found: stat /{path}: no such file or directory")]
    PathNotFound {
        /// The cleaned path.
        path: String,
    },
    /// The path is a file.
    #[error("kustomization path is not a directory: /{path}")]
    PathNotADirectory {
        /// The cleaned path.
        path: String,
    },
    /// The source cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A folder without kustomization file holds more files than are taken.
    #[error("too many manifests below /{path}: the limit is {limit}")]
    TooManyFiles {
        /// The cleaned path.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The kustomization file is no YAML mapping.
    #[error("invalid kustomization file: {0}")]
    Kustomization(YamlError),
    /// A component of the spec is not a local relative path.
    #[error("component path '{path}' must be local and relative")]
    Component {
        /// As in the spec.
        path: String,
    },
    /// A file of a folder without kustomization file holds something else than Kubernetes objects.
    #[error("failed to decode Kubernetes YAML from {file}: {cause}")]
    Decode {
        /// Path in the source.
        file: String,
        /// What is wrong with it.
        cause: Box<ResourceError>,
    },
    /// The kustomize build failed.
    #[error("kustomize build failed: {0}")]
    Kustomize(kustomize::BuildError),
    /// A built resource has no name, kind or API version.
    #[error("failed to decode Kubernetes apiVersion, kind and name from: {subject}")]
    Nameless {
        /// What is known of it.
        subject: String,
    },
    /// A resource is SOPS ciphertext. Flux refuses most Secrets, and applies the rest as it is; we never do.
    #[error(
        "{subject} is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
    )]
    Encrypted {
        /// `Kind/namespace/name`.
        subject: String,
        /// The digest of the build, as [`crate::Build::digest`]: Flux finds the ciphertext when it applies.
        digest: String,
    },
    /// The substitution of a resource failed.
    #[error("post build failed for '{resource}': {cause}")]
    PostBuild {
        /// `Kind.version.group/name`, as kustomize prints it.
        resource: String,
        /// What went wrong.
        cause: PostBuildError,
    },
    /// More objects than are taken.
    #[error("the build has {count} objects, the limit is {limit}")]
    TooManyObjects {
        /// Objects of the build.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// More YAML than is taken.
    #[error("the build is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

/// Why the variables of a resource could not be put in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostBuildError {
    /// A variable with a name that cannot be referred to.
    #[error("envsubst error: '{0}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'")]
    VariableName(String),
    /// A reference that cannot be resolved.
    #[error("envsubst error: variable substitution failed: {0}")]
    Substitution(#[from] SubstituteError),
    /// The text is no YAML once the values are in.
    #[error("envsubst error: YAMLToJSON: yaml: line {line}: {words}{}", named(.variables))]
    Yaml {
        /// Line of the resource's own YAML, as `flux build` prints it.
        line: u32,
        /// What the YAML parser says.
        words: String,
        /// Variables on that line: the value of one of them needs quotes in the manifest.
        variables: Vec<String>,
    },
    /// The text is no object once the values are in.
    #[error("UnmarshalJSON: {0}")]
    NotAnObject(manifest::NotAnObject),
    /// Two resources have the same identity once the values are in.
    #[error("in Replace: another resource has the same id {0} after substitution")]
    Duplicate(String),
}

fn named(variables: &[String]) -> String {
    if variables.is_empty() { String::new() } else { format!(" (variables there: {})", variables.join(", ")) }
}
