use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, CommonMetadata, Condition, FluxStatus, READY, STATUS, StatusForm, annotations, flux_kind,
    flux_object, text_enum,
};

flux_kind! {
    /// Makes ExternalArtifacts out of the files of other sources.
    ArtifactGenerator {
        group: "source.extensions.fluxcd.io", version: "v1beta1", plural: "artifactgenerators",
        spec: ArtifactGeneratorSpec, status: ArtifactGeneratorStatus,
        short_names: ["ag"], category: "fluxcd-sources",
        columns: [AGE, READY, STATUS],
        status_form: StatusForm::Plain,
    }
}
flux_object!(ArtifactGenerator, ArtifactGeneratorStatus,
    suspend: |object| object.reconciliation_disabled(), interval: |_| None);

impl ArtifactGenerator {
    /// True when the annotation `source.extensions.fluxcd.io/reconcile` says `Disabled`.
    fn reconciliation_disabled(&self) -> bool {
        let annotation =
            self.metadata.annotations.as_ref().and_then(|all| all.get(annotations::GENERATOR_RECONCILE));
        annotation.is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
    }
}

/// What to make out of what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.pathPattern) && size(self.pathPattern) > 0 || self.artifacts.all(a, a.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'))",
    "message": "artifact names must be valid Kubernetes object names when pathPattern is not set",
}]))]
pub struct ArtifactGeneratorSpec {
    /// Labels and annotations put on the ExternalArtifacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// The sources to take files from.
    #[schemars(length(min = 1, max = 1000))]
    pub sources: Vec<GeneratorSource>,
    /// A pattern of directories in a source, `@<alias>/apps/{app}`: the artifacts are made once for each directory
    /// that matches, and `{app}` stands for its name in their fields. Default: they are made once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = r"^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$"))]
    pub path_pattern: Option<String>,
    /// The artifacts to make.
    #[schemars(length(min = 1, max = 1000))]
    pub artifacts: Vec<OutputArtifact>,
}

/// A source to take files from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GeneratorSource {
    /// The name by which the artifacts refer to it; each only once.
    #[schemars(length(max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"))]
    pub alias: String,
    /// Kind of the source: `Bucket`, `GitRepository`, `OCIRepository`, `HelmChart` or `ExternalArtifact`.
    pub kind: GeneratorSourceKind,
    /// Name of the source.
    #[schemars(length(max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// Namespace of the source. Default: that of the generator. Another one is refused under the flag
    /// `--no-cross-namespace-refs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
}

text_enum! {
    /// Kinds files can be taken from.
    GeneratorSourceKind {
        /// A bucket.
        Bucket = "Bucket",
        /// A Git repository.
        GitRepository = "GitRepository",
        /// An OCI repository.
        OCIRepository = "OCIRepository",
        /// A Helm chart.
        HelmChart = "HelmChart",
        /// An artifact made by another program.
        ExternalArtifact = "ExternalArtifact",
    }
}

/// An artifact to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OutputArtifact {
    /// Name of the ExternalArtifact. With pathPattern it may hold placeholders such as `{app}`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The source, as `@<alias>`, whose revision the artifact has. Default: a digest of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)$"))]
    pub revision: Option<String>,
    /// The source, as `@<alias>`, whose origin revision the artifact names in its metadata, or whose revision, where it
    /// has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)$"))]
    pub origin_revision: Option<String>,
    /// What is copied, in order; a later file replaces an earlier one.
    #[schemars(length(min = 1))]
    pub copy: Vec<CopyOperation>,
}

/// Files to copy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct CopyOperation {
    /// The files: `@<alias>/<glob>`. With pathPattern it may hold placeholders.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$"))]
    pub from: String,
    /// Where they go: `@artifact/<path>`. With pathPattern it may hold placeholders.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^@(artifact)/(.*)$"))]
    pub to: String,
    /// Globs of files to leave out, relative to the part of `from` before its first wildcard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub exclude: Vec<String>,
    /// What is done where a file exists: `Overwrite` replaces it, `Merge` merges YAML as Helm merges values. `Extract`
    /// unpacks tar archives. Default: Overwrite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<CopyStrategy>,
}

text_enum! {
    /// Ways to copy a file.
    CopyStrategy {
        /// It replaces one that exists.
        Overwrite = "Overwrite",
        /// It is merged into one that exists.
        Merge = "Merge",
        /// It is unpacked.
        Extract = "Extract",
    }
}

/// What was last made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ArtifactGeneratorStatus {
    /// Conditions of the object; Ready is the summary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `reconcile.fluxcd.io/requestedAt` that was last handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The ExternalArtifacts that were made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inventory: Vec<GeneratedArtifact>,
    /// Digest of the state of all sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_sources_digest: Option<String>,
}

impl FluxStatus for ArtifactGeneratorStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }

    /// The newest of the conditions: the status has no field for it.
    fn observed_generation(&self) -> i64 {
        self.conditions.iter().filter_map(|condition| condition.observed_generation).max().unwrap_or(0)
    }

    fn set_observed_generation(&mut self, _generation: i64) {}

    fn last_handled_reconcile_at(&self) -> Option<&str> {
        self.last_handled_reconcile_at.as_deref()
    }

    fn set_last_handled_reconcile_at(&mut self, token: String) {
        self.last_handled_reconcile_at = Some(token);
    }
}

/// An ExternalArtifact that was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GeneratedArtifact {
    /// Name of the ExternalArtifact.
    pub name: String,
    /// Namespace of the ExternalArtifact.
    pub namespace: String,
    /// Digest of the artifact.
    pub digest: String,
    /// Name of the artifact's file.
    pub filename: String,
}
