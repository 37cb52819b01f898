//! Repositories made by the real `git`, served by the real `git http-backend`.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
pub mod fakes;
pub mod repo;
pub mod server;
pub mod sshd;
pub mod tls;

use std::time::Duration;

use git::{Access, Git, GitError, GitOptions, Limits, Remote, RemoteUrl, Selector};

pub fn git() -> Git {
    git_with(Limits::default())
}

pub fn git_with(limits: Limits) -> Git {
    Git::new(GitOptions { limits, ..GitOptions::new(std::env::temp_dir()) })
}

pub fn remote(url: &str) -> Remote {
    let url = RemoteUrl::parse(url).unwrap();
    let access = Access::new(&url, None, None).unwrap();
    Remote { url, access, timeout: Duration::from_secs(20) }
}

pub fn with_secret(url: &str, pairs: &[(&str, &str)]) -> Remote {
    let secret = secret(pairs);
    let url = RemoteUrl::parse(url).unwrap();
    let access = Access::new(&url, Some(&secret), None).unwrap();
    Remote { url, access, timeout: Duration::from_secs(20) }
}

pub fn secret(pairs: &[(&str, &str)]) -> net::Secret {
    let data = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
    net::Secret::new("ns/name", data)
}

pub fn branch(name: &str) -> Selector {
    Selector { branch: Some(name.into()), ..Selector::default() }
}

pub fn tag(name: &str) -> Selector {
    Selector { tag: Some(name.into()), ..Selector::default() }
}

pub fn semver(range: &str) -> Selector {
    Selector { semver: Some(range.into()), ..Selector::default() }
}

pub fn name(name: &str) -> Selector {
    Selector { name: Some(name.into()), ..Selector::default() }
}

pub fn commit(id: &str) -> Selector {
    Selector { commit: Some(id.into()), ..Selector::default() }
}

/// Revision and files of what the selector means.
pub async fn checkout(
    git: &Git,
    remote: &Remote,
    selector: &Selector,
) -> Result<(String, Vec<String>), GitError> {
    let mut session = git.open(remote).await?;
    let resolved = session.resolve(selector).await?;
    let checkout = session.fetch(&resolved).await?;
    let mut files = Vec::new();
    checkout.walk(&mut |entry: &git::Entry<'_>| {
        files.push(format!("{}={}", entry.path, String::from_utf8_lossy(&entry.read()?)));
        Ok::<_, GitError>(())
    })?;
    Ok((resolved.revision, files))
}

/// The error of whatever step fails first.
pub async fn failure(git: &Git, remote: &Remote, selector: &Selector) -> GitError {
    checkout(git, remote, selector).await.map(|(revision, _)| revision).expect_err("the checkout must fail")
}
