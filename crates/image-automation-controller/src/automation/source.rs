use std::time::Duration;

use api::image::v1::{GitSpec, ImageUpdateAutomation};
use api::source::v1::{GitProvider, GitRepository, GitRepositoryRef, GitRepositorySpec};
use git::{Access, Remote, RemoteUrl, Selector, Signer};
use kube::Client;
use net::{Proxy, Secret};
use runtime::{Key, Run, read_named};

use super::signing;
use crate::secrets;
use crate::status::{ImageReason, StepError};

/// The repository that is written to, and how.
pub(super) struct Source {
    pub(super) remote: Remote,
    /// What is checked out.
    pub(super) selector: Selector,
    /// The branch that is pushed to.
    pub(super) push_branch: String,
    /// Whether it is another one than what is checked out.
    pub(super) switch_branch: bool,
    pub(super) signer: Option<Signer>,
}

/// How long a Git operation may take when nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Reads what the automation and its GitRepository say, and the Secrets that they name.
pub(super) async fn source(
    client: &Client,
    no_cross_namespace: bool,
    run: &Run<ImageUpdateAutomation>,
) -> Result<Source, StepError> {
    let spec = &run.object.spec;
    let kind = spec.source_ref.kind.to_string();
    let git = spec
        .git
        .as_ref()
        .ok_or_else(|| invalid(&format!("source kind '{kind}' necessitates field .spec.git")))?;
    let namespace = spec.source_ref.namespace.as_deref().filter(|text| !text.is_empty());
    let key = Key::new(namespace.unwrap_or(&run.key.namespace), &spec.source_ref.name);
    if no_cross_namespace && key.namespace != run.key.namespace {
        let text = format!("can't access '{kind}/{key}', cross-namespace references have been blocked");
        return Err(StepError::stalled(api::meta::Reason::AccessDenied, text));
    }
    let repository = repository(client, &key).await?;
    let reference = match &git.checkout {
        Some(checkout) => Some(&checkout.reference),
        None => repository.reference.as_ref(),
    };
    let (push_branch, switch_branch) = push_branch(git, reference)?;
    let remote = remote(client, &key, &repository).await?;
    let signer = match &git.commit.signing_key {
        Some(signing_key) => {
            let signer = signing::signer(client, &run.key.namespace, signing_key).await;
            Some(signer.map_err(|cause| failed(&cause))?)
        }
        None => None,
    };
    Ok(Source { remote, selector: selector(reference), push_branch, switch_branch, signer })
}

async fn repository(client: &Client, key: &Key) -> Result<GitRepositorySpec, StepError> {
    let found: Result<Option<GitRepository>, _> = read_named(client, key).await;
    let found =
        found.map_err(|error| failed(&format!("failed to get referenced git repository: {error}")))?;
    let found = found.ok_or_else(|| {
        let name = &key.name;
        failed(&format!(
            "referenced git repository does not exist: GitRepository.source.toolkit.fluxcd.io {name:?} not found"
        ))
    })?;
    Ok(found.spec)
}

/// The branch to push to, and whether it is another one than what is checked out.
fn push_branch(git: &GitSpec, reference: Option<&GitRepositoryRef>) -> Result<(String, bool), StepError> {
    let checked_out = reference.map(|reference| reference.branch.clone().unwrap_or_default());
    let wanted = git.push.as_ref().and_then(|push| push.branch.clone()).filter(|name| !name.is_empty());
    match (wanted, checked_out) {
        (Some(wanted), checked_out) => {
            let switch = wanted != checked_out.unwrap_or_else(|| "master".to_owned());
            Ok((wanted, switch))
        }
        (None, Some(branch)) if !branch.is_empty() => Ok((branch, false)),
        (None, _) => Err(failed(
            "push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref",
        )),
    }
}

async fn remote(client: &Client, key: &Key, spec: &GitRepositorySpec) -> Result<Remote, StepError> {
    let of = |name: &str| Key::new(&key.namespace, name);
    let proxy = match &spec.proxy_secret_ref {
        Some(reference) => Some(proxy(client, &of(&reference.name)).await?),
        None => None,
    };
    let secret = match &spec.secret_ref {
        Some(reference) => Some(auth(client, &of(&reference.name)).await?),
        None => None,
    };
    if let Some(provider) = spec.provider.as_ref().filter(|provider| **provider != GitProvider::Generic) {
        return Err(StepError::unsupported(&format!("provider '{provider}' of GitRepository '{key}'")));
    }
    if let Some(secret) = secret.as_ref().filter(|secret| secret.bytes("githubAppID").is_some()) {
        let name = secret.name();
        return Err(invalid(&format!(
            "secretRef '{name}' has github app data but provider is not set to github"
        )));
    }
    let url = RemoteUrl::parse(&spec.url)
        .map_err(|error| failed(&format!("failed to parse URL of GitRepository '{key}': {error}")))?;
    let access = Access::new(&url, secret.as_ref(), proxy)
        .map_err(|error| failed(&format!("failed to configure authentication options: {error}")))?;
    let timeout = spec.timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.get_or(TIMEOUT));
    Ok(Remote { url, access, timeout })
}

async fn proxy(client: &Client, key: &Key) -> Result<Proxy, StepError> {
    let found = secrets::read(client, key).await.map_err(|error| failed(&error.to_string()))?;
    let secret = found.ok_or_else(|| failed(&format!("secret '{key}' not found")))?;
    Proxy::from_secret(&secret).map_err(|error| failed(&error.to_string()))
}

async fn auth(client: &Client, key: &Key) -> Result<Secret, StepError> {
    let of = |cause: String| failed(&format!("failed to get auth secret '{key}': {cause}"));
    let found = secrets::read(client, key).await.map_err(|error| of(error.to_string()))?;
    found.ok_or_else(|| of(format!("secrets {:?} not found", key.name)))
}

fn selector(reference: Option<&GitRepositoryRef>) -> Selector {
    let Some(reference) = reference.cloned() else { return Selector::default() };
    Selector {
        branch: reference.branch,
        tag: reference.tag,
        semver: reference.semver,
        name: reference.name,
        commit: reference.commit,
    }
}

fn failed(cause: &str) -> StepError {
    StepError::retry(ImageReason::SourceManagerFailed, format!("failed configuring source manager: {cause}"))
}

fn invalid(cause: &str) -> StepError {
    let text = format!("{cause}: invalid source configuration");
    StepError::stalled(ImageReason::InvalidSourceConfiguration, text)
}

#[cfg(test)]
mod tests {
    use super::push_branch;
    use api::image::v1::{GitPush, GitSpec};
    use api::source::v1::GitRepositoryRef;

    fn check(push: Option<&str>, reference: Option<GitRepositoryRef>, expected: Option<(&str, bool)>) {
        let push = push.map(|branch| GitPush { branch: Some(branch.into()), ..GitPush::default() });
        let git = GitSpec { push, ..GitSpec::default() };
        let found = push_branch(&git, reference.as_ref()).ok();
        assert_eq!(found, expected.map(|(branch, switch)| (branch.to_owned(), switch)));
    }

    #[test]
    fn the_branch_is_the_wanted_one_or_the_one_that_is_checked_out() {
        let main = || Some(GitRepositoryRef { branch: Some("main".into()), ..Default::default() });
        let tag = || Some(GitRepositoryRef { tag: Some("v1".into()), ..Default::default() });
        check(Some("main"), main(), Some(("main", false)));
        check(Some("auto"), main(), Some(("auto", true)));
        check(None, main(), Some(("main", false)));
        check(Some("main"), tag(), Some(("main", true)));
        check(None, tag(), None);
        check(None, None, None);
        check(Some("master"), None, Some(("master", false)));
        check(Some("main"), None, Some(("main", true)));
    }
}
