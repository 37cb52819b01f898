use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, AccessFrom, Artifact, Column, Condition, GoDuration, LocalObjectReference, READY, STATUS, flux_kind,
    flux_object, flux_status, text_enum,
};

flux_kind! {
    /// A Git repository whose state at a branch, tag or commit is offered as an artifact.
    GitRepository {
        group: "source.toolkit.fluxcd.io", version: "v1", plural: "gitrepositories",
        spec: GitRepositorySpec, status: GitRepositoryStatus,
        short_names: ["gitrepo"], category: "fluxcd-sources",
        columns: [Column::text("URL", ".spec.url"), AGE, READY, STATUS],
    }
}
flux_object!(GitRepository, GitRepositoryStatus, interval: |object| object.spec.interval.get().ok());
flux_status!(GitRepositoryStatus);

/// Which repository, which of its states, how to log in and what to keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",
    "message": "serviceAccountName can only be set when provider is 'azure' or 'aws'",
}]))]
pub struct GitRepositorySpec {
    /// Address of the repository: `http://`, `https://` or `ssh://`. The SSH user is `git` when the address names
    /// none.
    #[schemars(regex(pattern = r"^(http|https|ssh)://.*$"))]
    pub url: String,
    /// The Secret to log in with. For HTTP(S): `username` and `password`, or `bearerToken`; `ca.crt` to trust, and
    /// `tls.crt` with `tls.key` as client certificate. For SSH: `identity`, `known_hosts`, and `password` when the
    /// key has a passphrase. For a GitHub App: `githubAppID`, `githubAppInstallationID` or
    /// `githubAppInstallationOwner`, `githubAppPrivateKey`, and `githubAppBaseURL` for GitHub Enterprise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// How to log in: `generic` with the Secret as it is, `aws`, `azure` with the cloud's identity, `github` as a
    /// GitHub App. Default: generic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<GitProvider>,
    /// The ServiceAccount whose cloud identity is used. Only for the providers aws and azure. Default: the
    /// controller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// How often the repository is looked at, for example `5m`; some jitter is added.
    pub interval: GoDuration,
    /// How long one Git operation, such as a clone, may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = crate::schema::TIMEOUT_PATTERN))]
    #[schemars(extend("default" = "60s"))]
    pub timeout: Option<GoDuration>,
    /// The state to fetch. Default: the branch `master`.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRepositoryRef>,
    /// Checks the signature of the commit or tag, and refuses what is not signed by a trusted author. Default: not
    /// checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<GitRepositoryVerification>,
    /// The Secret with the HTTP(S) or SOCKS5 proxy to use: `address`, and `username` with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// What to leave out of the artifact, one pattern a line as in `.gitignore`; applied after the repository's own
    /// `.sourceignore` files. Default: files of Git and of CI systems, images and archives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// True stops reconciliation; the artifact stays as it is. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// True fetches submodules too, with the same login. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub recurse_submodules: bool,
    /// Other GitRepositories of the namespace whose artifacts are copied into this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<GitRepositoryInclude>,
    /// The directories to fetch, as paths from the root. Default: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sparse_checkout: Vec<String>,
    /// Of earlier API versions: never had an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub access_from: Option<AccessFrom>,
    /// Of earlier API versions: which Git library to use (`go-git` or `libgit2`). Without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub git_implementation: Option<String>,
}

impl GitRepositorySpec {
    /// How long one operation may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_ref().map_or(super::DEFAULT_TIMEOUT, |timeout| timeout.get_or(super::DEFAULT_TIMEOUT))
    }

    /// How to log in.
    pub fn provider(&self) -> GitProvider {
        self.provider.clone().unwrap_or(GitProvider::Generic)
    }
}

text_enum! {
    /// How to log in to a Git server.
    GitProvider {
        /// With the Secret as it is.
        Generic = "generic",
        /// As an AWS identity, for CodeCommit.
        Aws = "aws",
        /// As an Azure identity, for Azure DevOps.
        Azure = "azure",
        /// As a GitHub App.
        GitHub = "github",
    }
}

/// The state to fetch. Of several fields the first of commit, name, semver, tag, branch counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitRepositoryRef {
    /// A branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A tag; wins over branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A range of versions, for example `>=1.0.0 <2.0.0`: the highest tag in it; wins over tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// The full name of a reference, for example `refs/heads/main` or `refs/pull/420/head`; wins over branch, tag
    /// and semver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The full hash of a commit; wins over all others. With branch, only that branch is fetched, and the commit must
    /// be on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What must be signed, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitRepositoryVerification {
    /// What must be signed: the commit (`HEAD`, or `head`, which means the same), the tag (`Tag`), or both
    /// (`TagAndHEAD`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "HEAD"))]
    pub mode: Option<GitVerificationMode>,
    /// The Secret with the trusted authors' keys: PGP public keys under `*.asc`, SSH public keys under `*.sshpub`.
    pub secret_ref: LocalObjectReference,
}

impl GitRepositoryVerification {
    /// The mode; HEAD when none or an unknown one is set.
    pub fn mode(&self) -> GitVerificationMode {
        match &self.mode {
            Some(mode @ (GitVerificationMode::Tag | GitVerificationMode::TagAndHead)) => mode.clone(),
            _ => GitVerificationMode::Head,
        }
    }
}

text_enum! {
    /// What must be signed.
    GitVerificationMode {
        /// The commit; old spelling of HEAD.
        LowerCaseHead = "head",
        /// The commit.
        Head = "HEAD",
        /// The tag.
        Tag = "Tag",
        /// Both.
        TagAndHead = "TagAndHEAD",
    }
}

/// An artifact to copy into another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitRepositoryInclude {
    /// The GitRepository, of the same namespace, whose artifact is copied.
    pub repository: LocalObjectReference,
    /// The path to copy from. Default: the root of the artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// The path to copy to. Default: the name of the GitRepository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_path: Option<String>,
}

impl GitRepositoryInclude {
    /// The path to copy to.
    pub fn to_path(&self) -> &str {
        self.to_path.as_deref().filter(|path| !path.is_empty()).unwrap_or(&self.repository.name)
    }
}

/// What was last fetched, with which settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct GitRepositoryStatus {
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
    /// The artifact of the last successful reconciliation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The artifacts of other repositories that are part of this one's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_artifacts: Vec<Artifact>,
    /// The ignore patterns the artifact was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_ignore: Option<String>,
    /// Whether the artifact was made with submodules.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub observed_recurse_submodules: bool,
    /// The includes the artifact was made with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_include: Vec<GitRepositoryInclude>,
    /// The directories the artifact was made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_sparse_checkout: Vec<String>,
    /// What was checked for signatures the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub source_verification_mode: Option<GitVerificationMode>,
}
