use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::text_enum;

text_enum! {
    /// Kinds that send events and can be asked to reconcile.
    EventKind {
        /// A bucket.
        Bucket = "Bucket",
        /// A Git repository.
        GitRepository = "GitRepository",
        /// A Kustomization.
        Kustomization = "Kustomization",
        /// A Helm release.
        HelmRelease = "HelmRelease",
        /// A Helm chart.
        HelmChart = "HelmChart",
        /// A Helm repository.
        HelmRepository = "HelmRepository",
        /// An image's tags.
        ImageRepository = "ImageRepository",
        /// An image's latest tag.
        ImagePolicy = "ImagePolicy",
        /// Image updates in Git.
        ImageUpdateAutomation = "ImageUpdateAutomation",
        /// An OCI repository.
        OCIRepository = "OCIRepository",
        /// A generator of artifacts.
        ArtifactGenerator = "ArtifactGenerator",
        /// An artifact made by another program.
        ExternalArtifact = "ExternalArtifact",
    }
}

/// Objects whose events are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct EventSource {
    /// API version of the objects. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the objects.
    pub kind: EventKind,
    /// Name of the object, or `*` for all.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the objects. Default: the namespace of the object that refers to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub namespace: Option<String>,
    /// Labels the objects must have, all of them. Only with the name `*`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}
