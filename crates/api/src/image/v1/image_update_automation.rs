use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ImageRef;
use crate::meta::{
    AGE, Column, Condition, GoDuration, LocalObjectReference, READY, STATUS, Time, flux_kind, flux_object,
    flux_status, text_enum,
};
use crate::source::v1::GitRepositoryRef;

flux_kind! {
    /// Writes the images chosen by ImagePolicies to a Git repository.
    ImageUpdateAutomation {
        group: "image.toolkit.fluxcd.io", version: "v1", plural: "imageupdateautomations",
        spec: ImageUpdateAutomationSpec, status: ImageUpdateAutomationStatus,
        short_names: ["iua", "imgupd", "imgauto"], category: "fluxcd-images",
        columns: [READY, STATUS, Column::wide_text("Last run", ".status.lastAutomationRunTime"), AGE],
    }
}
flux_object!(ImageUpdateAutomation, ImageUpdateAutomationStatus, interval: |object| object.spec.interval.get().ok());
flux_status!(ImageUpdateAutomationStatus);

/// Which repository, which images, and how to commit and push.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImageUpdateAutomationSpec {
    /// The GitRepository that says where the repository is and how to log in.
    pub source_ref: AutomationSource,
    /// How to check out, commit and push. Required in practice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSpec>,
    /// How often the automation runs at least, for example `30m`. A new image is written at once.
    pub interval: GoDuration,
    /// The ImagePolicies of this namespace whose choices are written. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::label_selector")]
    pub policy_selector: Option<LabelSelector>,
    /// How files are changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {"strategy": "Setters"}))]
    pub update: Option<UpdateStrategy>,
    /// True stops the automation. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
}

/// The repository to write to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct AutomationSource {
    /// API version of the source. Without effect: the kind tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the source: `GitRepository`.
    #[schemars(extend("default" = "GitRepository"))]
    pub kind: AutomationSourceKind,
    /// Name of the source.
    pub name: String,
    /// Namespace of the source. Default: that of the automation. Another one is refused under the flag
    /// `--no-cross-namespace-refs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

text_enum! {
    /// Kinds that can be written to.
    AutomationSourceKind {
        /// A Git repository.
        GitRepository = "GitRepository",
    }
}

/// How to check out, commit and push.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitSpec {
    /// What to check out. Default: what the GitRepository's `ref` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout: Option<GitCheckout>,
    /// How to commit.
    pub commit: GitCommit,
    /// Where to push. Default: the branch that was checked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<GitPush>,
}

/// What to check out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitCheckout {
    /// The branch, tag or commit.
    #[serde(rename = "ref")]
    pub reference: GitRepositoryRef,
}

/// How to commit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitCommit {
    /// The author of the commits.
    pub author: CommitAuthor,
    /// The key to sign commits with. Default: they are not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<SigningKey>,
    /// Go template of the commit message; `.Changed` holds what was changed, `.AutomationObject` the name of this
    /// object, `.Values` the values below. `.Updated` of earlier versions is refused. Default: a fixed message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_template: Option<String>,
    /// Values for the message's template.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub message_template_values: BTreeMap<String, String>,
}

/// The author of commits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct CommitAuthor {
    /// Name. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address.
    pub email: String,
}

/// The key to sign commits with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct SigningKey {
    /// The Secret with the key. For gpg: `git.asc`, and `passphrase`. For ssh: `identity`, and `password`.
    pub secret_ref: LocalObjectReference,
    /// The form of the key: `gpg` or `ssh`. Default: gpg.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<SigningKeyType>,
}

text_enum! {
    /// Forms of signing keys.
    SigningKeyType {
        /// OpenPGP.
        Gpg = "gpg",
        /// SSH.
        Ssh = "ssh",
    }
}

/// Where to push.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitPush {
    /// The branch to push to; it is made from the checked out one when it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A refspec to push with, in addition to the branch if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refspec: Option<String>,
    /// Push options for the server.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// How files are changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct UpdateStrategy {
    /// `Setters`: fields marked by a comment that names an ImagePolicy are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Setters"))]
    pub strategy: Option<UpdateStrategyName>,
    /// The directory whose files are changed. Default: the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

text_enum! {
    /// Ways to change files.
    UpdateStrategyName {
        /// Fields marked by a comment are set.
        Setters = "Setters",
    }
}

/// What was last written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImageUpdateAutomationStatus {
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
    /// When the automation last ran to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_automation_run_time: Option<Time>,
    /// Hash of the last commit that was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_push_commit: Option<String>,
    /// When something was last pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_push_time: Option<Time>,
    /// The choices of the policies of the last run, by name of the policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub observed_policies: BTreeMap<String, ImageRef>,
    /// Revision of the repository of the last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_source_revision: Option<String>,
}
