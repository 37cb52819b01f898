use std::time::Duration;

use api::source::v1::GitRepositorySpec;
use git::{Access, Remote, RemoteUrl};
use kube::Client;
use net::{Proxy, Secret};
use runtime::shell_word;

use crate::status::{SourceReason, StepError};
use crate::steps::secret::read;

/// How long a Git operation may take when nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Where the repository is and how to prove who we are, from the spec and the Secrets it names.
pub(crate) async fn remote(
    client: &Client,
    namespace: &str,
    spec: &GitRepositorySpec,
) -> Result<Remote, StepError> {
    let url = parse_url(&spec.url)?;
    let proxy = match &spec.proxy_secret_ref {
        Some(reference) => {
            let found = proxy(client, namespace, &reference.name).await;
            Some(found.map_err(|error| error.run(describe(namespace, &reference.name)))?)
        }
        None => None,
    };
    let secret = match &spec.secret_ref {
        Some(reference) => {
            let found = auth(client, namespace, &reference.name).await;
            Some(found.map_err(|error| error.run(describe(namespace, &reference.name)))?)
        }
        None => None,
    };
    let access = Access::new(&url, secret.as_ref(), proxy).map_err(|error| {
        let error = failed(format!("failed to configure authentication options: {error}"));
        match &spec.secret_ref {
            Some(reference) => error.run(describe(namespace, &reference.name)),
            None => error,
        }
    })?;
    let timeout = spec.timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.get_or(TIMEOUT));
    Ok(Remote { url, access, timeout })
}

/// What shows the keys of a Secret and the sizes of their values, and no value.
pub(crate) fn describe(namespace: &str, secret: &str) -> String {
    format!("kubectl -n {} describe secret {}", shell_word(namespace), shell_word(secret))
}

fn parse_url(text: &str) -> Result<RemoteUrl, StepError> {
    RemoteUrl::parse(text).map_err(|error| {
        let shown = without_userinfo(text);
        let cause = odd_host(&shown).unwrap_or_else(|| error.to_string());
        let message = format!("failed to parse url '{shown}': parse {shown:?}: {cause}");
        StepError::fetch(SourceReason::URLInvalid, message).stalled()
    })
}

/// A URL that cannot be parsed may still hold a password.
pub(crate) fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

/// Go's words for the commonest mistake.
pub(crate) fn odd_host(url: &str) -> Option<String> {
    let host = url.split_once("://")?.1.split('/').next()?;
    let odd = host.chars().find(|c| c.is_whitespace() || "<>\"{}|\\^`".contains(*c))?;
    Some(format!("invalid character {:?} in host name", odd.to_string()))
}

async fn proxy(client: &Client, namespace: &str, name: &str) -> Result<Proxy, StepError> {
    let of = |text: String| failed(format!("failed to configure proxy options: {text}"));
    let found = read(client, namespace, name).await.map_err(|error| of(error.to_string()))?;
    let secret = found.ok_or_else(|| of(format!("secret '{namespace}/{name}' not found")))?;
    Proxy::from_secret(&secret.secret).map_err(|error| of(error.to_string()))
}

async fn auth(client: &Client, namespace: &str, name: &str) -> Result<Secret, StepError> {
    let of = |text: String| {
        failed(format!(
            "failed to get secret '{namespace}/{name}': failed to get secret '{namespace}/{name}': {text}"
        ))
    };
    let found = read(client, namespace, name).await.map_err(|error| of(error.to_string()))?;
    found.map(|found| found.secret).ok_or_else(|| of(format!("secrets {name:?} not found")))
}

fn failed(message: String) -> StepError {
    StepError::fetch(SourceReason::AuthenticationFailed, message)
}

#[cfg(test)]
mod tests {
    use super::{parse_url, without_userinfo};
    use crate::status::Disposition;

    #[test]
    fn a_url_that_cannot_be_parsed_stalls_and_shows_no_password() {
        let error = parse_url("http://user:hunter2@host with spaces/x.git").err().unwrap();
        assert_eq!(error.disposition, Disposition::Stalled);
        assert!(
            error.message.starts_with("failed to parse url 'http://host with spaces/x.git': "),
            "{error}"
        );
        assert!(!error.message.contains("hunter2"));
    }

    #[test]
    fn only_the_user_of_the_host_is_cut() {
        assert_eq!(without_userinfo("http://h/a@b"), "http://h/a@b");
        assert_eq!(without_userinfo("ssh://git:p@w@h/a"), "ssh://h/a");
        assert_eq!(without_userinfo("nonsense"), "nonsense");
    }
}
