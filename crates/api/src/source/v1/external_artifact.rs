use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, Artifact, Column, Condition, NamespacedObjectKindReference, READY, STATUS, StatusForm, flux_kind,
};

flux_kind! {
    /// An artifact made by another program, which writes spec and status.
    ExternalArtifact {
        group: "source.toolkit.fluxcd.io", version: "v1", plural: "externalartifacts",
        spec: ExternalArtifactSpec, status: ExternalArtifactStatus,
        short_names: ["ea"], category: "fluxcd-sources",
        columns: [AGE, READY, STATUS, Column::text("Source", ".spec.sourceRef.name")],
        status_form: StatusForm::Plain,
    }
}

/// Where the artifact comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ExternalArtifactSpec {
    /// The object the artifact was made from. Informational.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<NamespacedObjectKindReference>,
}

/// The artifact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ExternalArtifactStatus {
    /// The artifact to fetch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// Conditions of the object; Ready is the summary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}
