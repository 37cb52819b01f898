use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{CommonArgs, Made, fields::Fields};
use crate::{CommandError, choice::one_of, duration};

/// The kinds of image automation.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageNoun {
    /// An ImageRepository: which tags there are
    Repository(RepositoryArgs),
    /// An ImagePolicy: which of them is wanted
    Policy(PolicyArgs),
    /// An ImageUpdateAutomation: write it to Git
    Update(UpdateArgs),
}

/// An ImageRepository.
#[derive(Args, Debug)]
pub(crate) struct RepositoryArgs {
    name: String,
    /// The repository of the image, without a tag
    #[arg(long)]
    image: String,
    /// Secret to log in with
    #[arg(long, default_value = "", hide_default_value = true)]
    secret_ref: String,
    /// Secret with certificates
    #[arg(long, default_value = "", hide_default_value = true)]
    cert_ref: String,
    /// How long a scan may take
    #[arg(long, value_parser = duration::parse)]
    scan_timeout: Option<Duration>,
}

/// An ImagePolicy. Its own --interval is that of digests.
#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    name: String,
    /// The ImageRepository
    #[arg(long)]
    image_ref: String,
    /// The newest version of a range
    #[arg(long, default_value = "", hide_default_value = true)]
    select_semver: String,
    /// The last (asc) or first (desc) by the alphabet
    #[arg(long, value_parser = one_of(&["asc", "desc"]), default_value = "", hide_default_value = true)]
    select_alpha: String,
    /// The highest (asc) or lowest (desc) number
    #[arg(long, value_parser = one_of(&["asc", "desc"]), default_value = "", hide_default_value = true)]
    select_numeric: String,
    /// Only tags of this regular expression
    #[arg(long, default_value = "", hide_default_value = true)]
    filter_regex: String,
    /// What of a tag is compared, e.g. $ts
    #[arg(long, default_value = "", hide_default_value = true)]
    filter_extract: String,
    /// When the digest of the tag is taken too
    #[arg(long, value_parser = one_of(&["Never", "IfNotPresent", "Always"]), default_value = "", hide_default_value = true)]
    reflect_digest: String,
    /// How often the digest is looked at, with --reflect-digest=Always
    #[arg(long, value_parser = duration::parse)]
    digest_interval: Option<Duration>,
}

/// An ImageUpdateAutomation.
#[derive(Args, Debug)]
pub(crate) struct UpdateArgs {
    name: String,
    /// The GitRepository
    #[arg(long)]
    git_repo_ref: String,
    /// Its namespace
    #[arg(long, default_value = "", hide_default_value = true)]
    git_repo_namespace: String,
    /// Folder with the files to change
    #[arg(long, default_value = "", hide_default_value = true)]
    git_repo_path: String,
    /// Branch to start from
    #[arg(long)]
    checkout_branch: String,
    /// Branch to push to
    #[arg(long, default_value = "", hide_default_value = true)]
    push_branch: String,
    /// Template of the commit's message
    #[arg(long, default_value = "", hide_default_value = true)]
    commit_template: String,
    /// Author's name
    #[arg(long)]
    author_name: String,
    /// Author's address
    #[arg(long)]
    author_email: String,
    /// Secret with the key that signs commits
    #[arg(long, default_value = "", hide_default_value = true)]
    signing_key_secret: String,
    /// Its form
    #[arg(long, value_parser = one_of(&["gpg", "ssh"]), default_value = "", hide_default_value = true, requires = "signing_key_secret")]
    signing_key_type: String,
}

impl ImageNoun {
    /// The object.
    pub(crate) fn made(self, common: &CommonArgs) -> Result<Made, CommandError> {
        let interval = Fields::default().duration(&["interval"], Some(common.interval));
        match self {
            Self::Repository(args) => Ok(args.made(interval)),
            Self::Policy(args) => args.made(),
            Self::Update(args) => Ok(args.made(interval)),
        }
    }
}

impl RepositoryArgs {
    fn made(self, fields: Fields) -> Made {
        let spec = fields
            .text(&["image"], &self.image)
            .duration(&["timeout"], self.scan_timeout)
            .text(&["secretRef", "name"], &self.secret_ref)
            .text(&["certSecretRef", "name"], &self.cert_ref);
        Made { kind: "ImageRepository", name: self.name, spec: spec.done() }
    }
}

impl PolicyArgs {
    fn made(self) -> Result<Made, CommandError> {
        let chosen: [(&[&str], &str); 3] = [
            (&["policy", "semver", "range"], &self.select_semver),
            (&["policy", "alphabetical", "order"], &self.select_alpha),
            (&["policy", "numerical", "order"], &self.select_numeric),
        ];
        let given: Vec<_> = chosen.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let [(path, value)] = given[..] else {
            return Err(CommandError::usage(
                "a policy must be provided with one of --select-semver, --select-alpha or --select-numeric",
            ));
        };
        if self.filter_regex.is_empty() && !self.filter_extract.is_empty() {
            return Err(CommandError::usage(
                "cannot specify --filter-extract without specifying --filter-regex",
            ));
        }
        if self.digest_interval.is_some() && self.reflect_digest != "Always" {
            return Err(CommandError::usage(
                "--digest-interval can only be used with --reflect-digest=Always",
            ));
        }
        let mut spec =
            Fields::default().text(&["imageRepositoryRef", "name"], &self.image_ref).text(path, value);
        if !self.filter_regex.is_empty() {
            let filter = json!({ "pattern": self.filter_regex, "extract": self.filter_extract });
            spec = spec.value(&["filterTags"], filter);
        }
        let spec = spec
            .text(&["digestReflectionPolicy"], &self.reflect_digest)
            .duration(&["interval"], self.digest_interval);
        Ok(Made { kind: "ImagePolicy", name: self.name, spec: spec.done() })
    }
}

impl UpdateArgs {
    fn made(self, fields: Fields) -> Made {
        let strategy = if self.git_repo_path.is_empty() { "" } else { "Setters" };
        let key_type = if self.signing_key_secret.is_empty() { "" } else { &self.signing_key_type };
        let spec = fields
            .value(&["sourceRef"], json!({ "kind": "GitRepository", "name": self.git_repo_ref }))
            .text(&["sourceRef", "namespace"], &self.git_repo_namespace)
            .text(&["git", "checkout", "ref", "branch"], &self.checkout_branch)
            .text(&["git", "commit", "author", "name"], &self.author_name)
            .text(&["git", "commit", "author", "email"], &self.author_email)
            .text(&["git", "commit", "messageTemplate"], &self.commit_template)
            .text(&["git", "commit", "signingKey", "secretRef", "name"], &self.signing_key_secret)
            .text(&["git", "commit", "signingKey", "type"], key_type)
            .text(&["git", "push", "branch"], &self.push_branch)
            .text(&["update", "path"], &self.git_repo_path)
            .text(&["update", "strategy"], strategy);
        Made { kind: "ImageUpdateAutomation", name: self.name, spec: spec.done() }
    }
}
