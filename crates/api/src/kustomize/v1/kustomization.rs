use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::meta::{
    AGE, CommonMetadata, Condition, CustomHealthCheck, DependencyReference, GoDuration, IgnoreRule,
    ImageOverride, Inventory, KubeConfigReference, LegacyJsonPatch, LocalObjectReference,
    NamespacedObjectKindReference, Patch, READY, STATUS, Snapshot, ValuesKind, flux_kind, flux_object,
    flux_status, text_enum,
};

/// The shortest time a reconciliation is given, and what the default timeout leaves of the interval.
const LEAST_TIMEOUT: Duration = Duration::from_secs(30);

flux_kind! {
    /// A directory of a source that is built with kustomize, applied to a cluster and kept as the source has it.
    Kustomization {
        group: "kustomize.toolkit.fluxcd.io", version: "v1", plural: "kustomizations",
        spec: KustomizationSpec, status: KustomizationStatus,
        short_names: ["ks"], category: "fluxcd-appliers",
        columns: [AGE, READY, STATUS],
    }
}
flux_object!(Kustomization, KustomizationStatus, interval: |object| object.spec.interval.get().ok());
flux_status!(KustomizationStatus);

/// What to build, how to change it, and where and how to apply it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct KustomizationSpec {
    /// Labels and annotations put on every applied object; they win over those in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// Kustomizations that must be ready before this one is reconciled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencyReference>,
    /// How encrypted files are decrypted before they are applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    /// How often everything is built and applied anew, for example `10m`; some jitter is added. A new revision of the
    /// source is applied at once.
    pub interval: GoDuration,
    /// How soon a failed reconciliation is tried again. Default: the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<GoDuration>,
    /// The cluster to apply to. With serviceAccountName, that ServiceAccount of the other cluster is impersonated.
    /// Default: the cluster the controller runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_config: Option<KubeConfigReference>,
    /// The directory in the source with a kustomization.yaml, or with plain YAML files, for which one is generated.
    /// Default: the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Changes to the build's output before it is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_build: Option<PostBuild>,
    /// True deletes objects from the cluster when they have left the source.
    pub prune: bool,
    /// What becomes of the applied objects when this Kustomization is deleted: `MirrorPrune` deletes them when prune
    /// is true, `Delete` deletes them, `WaitForTermination` deletes them and waits until they are gone, up to the
    /// timeout, `Orphan` leaves them. Default: MirrorPrune.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Applied objects that must be healthy for the Kustomization to be ready. Ignored when wait is true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<NamespacedObjectKindReference>,
    /// A prefix for the names of all objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name_prefix: Option<String>,
    /// A suffix for the names of all objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name_suffix: Option<String>,
    /// Strategic merge and JSON patches, applied in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Container images to rename or to pin to a tag or digest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageOverride>,
    /// The ServiceAccount of this namespace to impersonate when applying. Default: the controller's own, or what the
    /// flag `--default-service-account` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The source to build from.
    pub source_ref: SourceReference,
    /// True stops reconciliation; applied objects stay, also when this Kustomization is deleted. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// The namespace all objects are put into, whatever the source says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub target_namespace: Option<String>,
    /// How long building, applying and the health checks may take together. Default: the interval less 30s. At
    /// least 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// True deletes and creates an object anew when an immutable field of it changed. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    #[schemars(extend("default" = false))]
    pub force: bool,
    /// True waits until all applied objects are healthy. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub wait: bool,
    /// Notes kustomize puts on the objects: `originAnnotations`, the file each came from; `transformerAnnotations`,
    /// the transformers that changed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub build_metadata: Vec<BuildMetadata>,
    /// Kustomize components, as paths relative to path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// True passes over components that do not exist in the source. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub ignore_missing_components: bool,
    /// How to tell the health of objects of custom kinds. Used with wait or healthChecks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_check_exprs: Vec<CustomHealthCheck>,
    /// Fields that are neither compared nor applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<IgnoreRule>,
    /// Of earlier API versions: strategic merge patches as inline objects; they act as `patches` do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub patches_strategic_merge: Vec<Value>,
    /// Of earlier API versions: JSON patches as inline lists; they act as `patches` do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "patchesJson6902")]
    #[schemars(skip)]
    pub patches_json6902: Vec<LegacyJsonPatch>,
    /// Of v1beta1: `none`, `client` or `server`. Without effect: objects are always validated by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub validation: Option<String>,
}

impl KustomizationSpec {
    /// How long a reconciliation may take: at least 30 seconds.
    pub fn timeout(&self) -> Duration {
        let interval = self.interval.get_or(Duration::ZERO).saturating_sub(LEAST_TIMEOUT);
        self.timeout.as_ref().map_or(interval, |timeout| timeout.get_or(interval)).max(LEAST_TIMEOUT)
    }

    /// How soon a failed reconciliation is tried again; none when neither field is a duration.
    pub fn retry_interval(&self) -> Option<Duration> {
        let retry = self.retry_interval.as_ref().and_then(|interval| interval.get().ok());
        retry.or_else(|| self.interval.get().ok())
    }

    /// What becomes of the applied objects on deletion. An unknown policy leaves them.
    pub fn deletion_policy(&self) -> DeletionPolicy {
        match &self.deletion_policy {
            None => DeletionPolicy::MirrorPrune,
            Some(DeletionPolicy::Other(text)) if text.is_empty() => DeletionPolicy::MirrorPrune,
            Some(DeletionPolicy::Other(_)) => DeletionPolicy::Orphan,
            Some(policy) => policy.clone(),
        }
    }
}

text_enum! {
    /// What becomes of applied objects when their Kustomization is deleted.
    DeletionPolicy {
        /// As `prune` says.
        MirrorPrune = "MirrorPrune",
        /// They are deleted.
        Delete = "Delete",
        /// They are deleted, and waited for.
        WaitForTermination = "WaitForTermination",
        /// They stay.
        Orphan = "Orphan",
    }
}

text_enum! {
    /// Notes kustomize puts on objects.
    BuildMetadata {
        /// `config.kubernetes.io/origin`: the file the object came from.
        OriginAnnotations = "originAnnotations",
        /// `alpha.config.kubernetes.io/transformations`: the transformers that changed it.
        TransformerAnnotations = "transformerAnnotations",
    }
}

/// The source of a Kustomization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct SourceReference {
    /// API version of the source. Without effect: the kind tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the source: `OCIRepository`, `GitRepository`, `Bucket` or `ExternalArtifact`.
    pub kind: SourceKind,
    /// Name of the source.
    pub name: String,
    /// Namespace of the source. Default: that of the Kustomization. Another one is refused under the flag
    /// `--no-cross-namespace-refs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl SourceReference {
    /// The namespace, or that of the Kustomization.
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        self.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own)
    }
}

text_enum! {
    /// Kinds a Kustomization can be built from.
    SourceKind {
        /// An OCI repository.
        OCIRepository = "OCIRepository",
        /// A Git repository.
        GitRepository = "GitRepository",
        /// A bucket.
        Bucket = "Bucket",
        /// An artifact made by another program.
        ExternalArtifact = "ExternalArtifact",
    }
}

/// How encrypted files are decrypted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Decryption {
    /// The tool that encrypted them: `sops`.
    pub provider: DecryptionProvider,
    /// The ServiceAccount whose cloud identity is used with key services. Credentials in the Secret win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the keys: PGP private keys under `*.asc`, age identities under `*.agekey`, credentials of key
    /// services under `sops.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
}

text_enum! {
    /// Tools that encrypt files.
    DecryptionProvider {
        /// SOPS.
        Sops = "sops",
    }
}

/// Changes to the output of a build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct PostBuild {
    /// When variables are substituted: `WithVariables`, when at least one is defined below; `Always`, so that defaults
    /// in the text (`${var:=default}`) act too. Default: WithVariables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute_strategy: Option<SubstituteStrategy>,
    /// Values for variables in the text, by name. `${name}` and the functions of bash work, for example
    /// `${var:=default}`, `${var:0:3}` and `${var/a/b}`. They win over substituteFrom.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub substitute: BTreeMap<String, String>,
    /// ConfigMaps and Secrets whose keys are variables; a later one wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub substitute_from: Vec<SubstituteReference>,
}

text_enum! {
    /// When variables are substituted.
    SubstituteStrategy {
        /// When one is defined.
        WithVariables = "WithVariables",
        /// Always.
        Always = "Always",
    }
}

/// A ConfigMap or Secret with variables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct SubstituteReference {
    /// `ConfigMap` or `Secret`.
    pub kind: ValuesKind,
    /// Name of the object, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// True passes over an object that does not exist.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    #[schemars(extend("default" = false))]
    pub optional: bool,
}

/// What was last applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct KustomizationStatus {
    /// Generation of the object that was last reconciled; -1 before the first time.
    #[serde(skip_serializing_if = "crate::meta::is_zero")]
    pub observed_generation: i64,
    /// Conditions of the object; Ready is the summary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `reconcile.fluxcd.io/requestedAt` that was last handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Revision of the source that was last applied with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// Revision of the origin of the source that was last applied with success, where the artifact names one: for OCI
    /// the annotation `org.opencontainers.image.revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_origin_revision: Option<String>,
    /// Revision of the source that was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// The objects that were applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The last outcomes, newest first, at most 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Snapshot>,
}
