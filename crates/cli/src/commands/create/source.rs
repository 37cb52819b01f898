use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    CommonArgs, Made,
    fields::{Fields, texts},
    reference::Reference,
};
use crate::{CommandError, choice::one_of, duration};

/// The kinds of sources.
#[derive(Debug, Subcommand)]
pub(crate) enum SourceNoun {
    /// A GitRepository
    Git(GitArgs),
    /// An OCIRepository
    Oci(OciArgs),
    /// A HelmRepository
    Helm(HelmArgs),
    /// A HelmChart
    Chart(ChartArgs),
    /// A Bucket
    Bucket(BucketArgs),
}

/// A GitRepository.
#[derive(Args, Debug)]
pub(crate) struct GitArgs {
    name: String,
    /// Address: https://, http:// or ssh://
    #[arg(long)]
    url: String,
    /// Branch
    #[arg(long, default_value = "", hide_default_value = true)]
    branch: String,
    /// Tag
    #[arg(long, default_value = "", hide_default_value = true)]
    tag: String,
    /// Newest tag of a range of versions
    #[arg(long, default_value = "", hide_default_value = true)]
    tag_semver: String,
    /// Any reference, such as refs/pull/1/head
    #[arg(long, default_value = "", hide_default_value = true)]
    ref_name: String,
    /// Commit
    #[arg(long, default_value = "", hide_default_value = true)]
    commit: String,
    /// Secret to log in with
    #[arg(long, default_value = "", hide_default_value = true)]
    secret_ref: String,
    /// Secret with the proxy
    #[arg(long, default_value = "", hide_default_value = true)]
    proxy_secret_ref: String,
    /// How to log in
    #[arg(long, value_parser = one_of(&["generic", "aws", "azure", "github"]), default_value = "", hide_default_value = true)]
    provider: String,
    /// Submodules too
    #[arg(long)]
    recurse_submodules: bool,
    /// Paths to leave out
    #[arg(long, value_delimiter = ',')]
    ignore_paths: Vec<String>,
    /// Folders to take alone
    #[arg(long, value_delimiter = ',')]
    sparse_checkout_paths: Vec<String>,
    /// How long a fetch may take
    #[arg(long, value_parser = duration::parse)]
    fetch_timeout: Option<Duration>,
    /// Taken for Flux's sake: no deploy key is made here
    #[arg(long, short, hide = true)]
    silent: bool,
}

/// An OCIRepository.
#[derive(Args, Debug)]
pub(crate) struct OciArgs {
    name: String,
    /// Address: oci://
    #[arg(long)]
    url: String,
    /// Tag
    #[arg(long, default_value = "", hide_default_value = true)]
    tag: String,
    /// Newest tag of a range of versions
    #[arg(long, default_value = "", hide_default_value = true)]
    tag_semver: String,
    /// Digest
    #[arg(long, default_value = "", hide_default_value = true)]
    digest: String,
    /// How to log in
    #[arg(long, value_parser = ["generic", "aws", "azure", "gcp"], default_value = "generic")]
    provider: String,
    /// Secret to log in with
    #[arg(long, default_value = "", hide_default_value = true)]
    secret_ref: String,
    /// Secret with the proxy
    #[arg(long, default_value = "", hide_default_value = true)]
    proxy_secret_ref: String,
    /// Secret with certificates
    #[arg(long = "cert-ref", default_value = "", hide_default_value = true)]
    cert_ref: String,
    /// ServiceAccount that names Secrets to log in with
    #[arg(long, default_value = "", hide_default_value = true)]
    service_account: String,
    #[command(flatten)]
    verify: VerifyArgs,
    /// Paths to leave out
    #[arg(long, value_delimiter = ',')]
    ignore_paths: Vec<String>,
    /// The registry speaks plain HTTP
    #[arg(long)]
    insecure: bool,
    /// MEDIATYPE:OPERATION of the layer to take
    #[arg(long, default_value = "", hide_default_value = true)]
    layer_selector: String,
    /// How long a fetch may take
    #[arg(long, value_parser = duration::parse)]
    fetch_timeout: Option<Duration>,
}

/// How a signature is checked.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// What made the signature
    #[arg(long, value_parser = one_of(&["cosign", "notation"]), default_value = "", hide_default_value = true)]
    verify_provider: String,
    /// Secret with the keys that are trusted
    #[arg(long, default_value = "", hide_default_value = true)]
    verify_secret_ref: String,
    /// Regular expression of the signer
    #[arg(long, default_value = "", hide_default_value = true)]
    verify_subject: String,
    /// Regular expression of who vouches for the signer
    #[arg(long, default_value = "", hide_default_value = true)]
    verify_issuer: String,
}

/// A HelmRepository.
#[derive(Args, Debug)]
pub(crate) struct HelmArgs {
    name: String,
    /// Address: https://, http:// or oci://
    #[arg(long)]
    url: String,
    /// Secret to log in with
    #[arg(long, default_value = "", hide_default_value = true)]
    secret_ref: String,
    /// How to log in to a registry
    #[arg(long, value_parser = one_of(&["generic", "aws", "azure", "gcp"]), default_value = "", hide_default_value = true)]
    oci_provider: String,
    /// Credentials for other hosts too, when charts lie there
    #[arg(long)]
    pass_credentials: bool,
    /// How long a fetch may take
    #[arg(long, value_parser = duration::parse)]
    fetch_timeout: Option<Duration>,
}

/// A HelmChart.
#[derive(Args, Debug)]
pub(crate) struct ChartArgs {
    name: String,
    /// KIND/NAME of a HelmRepository, GitRepository or Bucket
    #[arg(long)]
    source: String,
    /// Name of the chart, or its folder
    #[arg(long)]
    chart: String,
    /// Version or range of versions
    #[arg(long, default_value = "", hide_default_value = true)]
    chart_version: String,
    /// When there is a new chart
    #[arg(long, value_parser = ["ChartVersion", "Revision"], default_value = "ChartVersion")]
    reconcile_strategy: String,
    #[command(flatten)]
    verify: VerifyArgs,
}

/// A Bucket.
#[derive(Args, Debug)]
pub(crate) struct BucketArgs {
    name: String,
    /// Name of the bucket
    #[arg(long)]
    bucket_name: String,
    /// HOST:PORT
    #[arg(long)]
    endpoint: String,
    /// What serves it
    #[arg(long, value_parser = ["generic", "aws", "azure", "gcp"], default_value = "generic")]
    provider: String,
    /// Region
    #[arg(long, default_value = "", hide_default_value = true)]
    region: String,
    /// Plain HTTP
    #[arg(long)]
    insecure: bool,
    /// Secret to log in with
    #[arg(long, default_value = "", hide_default_value = true)]
    secret_ref: String,
    /// Secret with the proxy
    #[arg(long, default_value = "", hide_default_value = true)]
    proxy_secret_ref: String,
    /// Paths to leave out
    #[arg(long, value_delimiter = ',')]
    ignore_paths: Vec<String>,
    /// How long a fetch may take
    #[arg(long, value_parser = duration::parse)]
    fetch_timeout: Option<Duration>,
}

impl SourceNoun {
    /// The object.
    pub(crate) fn made(self, common: &CommonArgs) -> Result<Made, CommandError> {
        let interval = Fields::default().duration(&["interval"], Some(common.interval));
        match self {
            Self::Git(args) => args.made(interval),
            Self::Oci(args) => args.made(interval),
            Self::Helm(args) => args.made(interval),
            Self::Chart(args) => args.made(interval),
            Self::Bucket(args) => Ok(args.made(interval)),
        }
    }
}

fn ignored(paths: &[String]) -> String {
    paths.join("\n")
}

impl GitArgs {
    fn made(self, fields: Fields) -> Result<Made, CommandError> {
        scheme(&self.url, "git URL", &["ssh", "http", "https"])?;
        let chosen: [(&str, &str); 5] = [
            ("commit", &self.commit),
            ("name", &self.ref_name),
            ("semver", &self.tag_semver),
            ("tag", &self.tag),
            ("branch", &self.branch),
        ];
        let Some((key, value)) = chosen.into_iter().find(|(_, value)| !value.is_empty()) else {
            return Err(CommandError::usage(
                "a Git ref is required, use one of the following: --branch, --tag, --commit, --ref-name or --tag-semver",
            ));
        };
        let branch = if key == "commit" { self.branch.as_str() } else { "" };
        let spec = fields
            .text(&["url"], &self.url)
            .text(&["ref", key], value)
            .text(&["ref", "branch"], branch)
            .flag(&["recurseSubmodules"], self.recurse_submodules)
            .text(&["ignore"], &ignored(&self.ignore_paths))
            .list(&["sparseCheckout"], texts(&self.sparse_checkout_paths))
            .duration(&["timeout"], self.fetch_timeout)
            .text(&["secretRef", "name"], &self.secret_ref)
            .text(&["proxySecretRef", "name"], &self.proxy_secret_ref)
            .text(&["provider"], &self.provider);
        Ok(Made { kind: "GitRepository", name: self.name, spec: spec.done() })
    }
}

impl OciArgs {
    fn made(self, fields: Fields) -> Result<Made, CommandError> {
        if [&self.tag, &self.tag_semver, &self.digest].into_iter().all(String::is_empty) {
            return Err(CommandError::usage("--tag, --tag-semver or --digest is required"));
        }
        let spec = fields
            .text(&["url"], &self.url)
            .text(&["provider"], &self.provider)
            .text(&["ref", "digest"], &self.digest)
            .text(&["ref", "semver"], &self.tag_semver)
            .text(&["ref", "tag"], &self.tag)
            .flag(&["insecure"], self.insecure)
            .text(&["ignore"], &ignored(&self.ignore_paths))
            .duration(&["timeout"], self.fetch_timeout)
            .text(&["serviceAccountName"], &self.service_account)
            .text(&["secretRef", "name"], &self.secret_ref)
            .text(&["proxySecretRef", "name"], &self.proxy_secret_ref)
            .text(&["certSecretRef", "name"], &self.cert_ref);
        let spec = self.verify.add(spec)?;
        let spec = match self.layer_selector.rsplit_once(':') {
            Some((media, operation)) => {
                spec.value(&["layerSelector"], json!({ "mediaType": media, "operation": operation }))
            }
            None => spec.text(&["layerSelector", "mediaType"], &self.layer_selector),
        };
        Ok(Made { kind: "OCIRepository", name: self.name, spec: spec.done() })
    }
}

impl VerifyArgs {
    fn add(&self, fields: Fields) -> Result<Fields, CommandError> {
        let has_identity = !self.verify_subject.is_empty() || !self.verify_issuer.is_empty();
        if self.verify_provider.is_empty() {
            if !self.verify_secret_ref.is_empty() {
                return Err(CommandError::usage(
                    "a verification provider must be specified when a secret is specified",
                ));
            }
            if has_identity {
                return Err(CommandError::usage(
                    "a verification provider must be specified when OIDC issuer/subject is specified",
                ));
            }
            return Ok(fields);
        }
        let identity: Vec<Value> = has_identity
            .then(|| json!({ "issuer": self.verify_issuer, "subject": self.verify_subject }))
            .into_iter()
            .collect();
        Ok(fields
            .text(&["verify", "provider"], &self.verify_provider)
            .text(&["verify", "secretRef", "name"], &self.verify_secret_ref)
            .list(&["verify", "matchOIDCIdentity"], identity))
    }
}

impl HelmArgs {
    fn made(self, fields: Fields) -> Result<Made, CommandError> {
        let scheme = scheme(&self.url, "url", &["http", "https", "oci"])?;
        let is_oci = scheme == "oci";
        let spec = fields
            .text(&["url"], &self.url)
            .text(&["type"], if is_oci { "oci" } else { "" })
            .text(&["provider"], if is_oci { &self.oci_provider } else { "" })
            .duration(&["timeout"], self.fetch_timeout)
            .text(&["secretRef", "name"], &self.secret_ref)
            .flag(&["passCredentials"], self.pass_credentials && !self.secret_ref.is_empty());
        Ok(Made { kind: "HelmRepository", name: self.name, spec: spec.done() })
    }
}

impl ChartArgs {
    fn made(self, fields: Fields) -> Result<Made, CommandError> {
        let source = Reference::of_kinds(&self.source, &["HelmRepository", "GitRepository", "Bucket"], "")?;
        let source = Reference { namespace: String::new(), ..source };
        let spec = fields
            .text(&["chart"], &self.chart)
            .text(&["version"], &self.chart_version)
            .text(&["reconcileStrategy"], &self.reconcile_strategy)
            .value(&["sourceRef"], source.value());
        Ok(Made { kind: "HelmChart", name: self.name, spec: self.verify.add(spec)?.done() })
    }
}

impl BucketArgs {
    fn made(self, fields: Fields) -> Made {
        let spec = fields
            .text(&["bucketName"], &self.bucket_name)
            .text(&["endpoint"], &self.endpoint)
            .text(&["provider"], &self.provider)
            .text(&["region"], &self.region)
            .flag(&["insecure"], self.insecure)
            .text(&["ignore"], &ignored(&self.ignore_paths))
            .duration(&["timeout"], self.fetch_timeout)
            .text(&["secretRef", "name"], &self.secret_ref)
            .text(&["proxySecretRef", "name"], &self.proxy_secret_ref);
        Made { kind: "Bucket", name: self.name, spec: spec.done() }
    }
}

/// The scheme of an address, when it is one of these and a host follows.
pub(crate) fn scheme<'a>(url: &'a str, what: &str, known: &[&str]) -> Result<&'a str, CommandError> {
    let Some((scheme, rest)) =
        url.split_once("://").filter(|(_, rest)| !rest.is_empty() && !rest.starts_with('/'))
    else {
        return Err(CommandError::usage(format!("{what} '{url}' has no scheme and host")));
    };
    let _ = rest;
    if known.contains(&scheme) {
        return Ok(scheme);
    }
    Err(CommandError::usage(format!("{what} scheme '{scheme}' not supported, can be: {}", known.join(", "))))
}

/// The content of a file that a flag names.
pub(crate) fn file_of(path: &PathBuf) -> Result<String, CommandError> {
    std::fs::read_to_string(path)
        .map_err(|error| CommandError::failed(format!("{}: {error}", path.display())))
}
