//! Certificates, proxies and redirects.
mod support;

use support::{
    branch, checkout, failure,
    fakes::Proxy,
    git, remote,
    repo::Repo,
    secret,
    server::{Rules, Server},
    sshd::Sshd,
    tls::Certificates,
    with_secret,
};

#[tokio::test]
async fn an_authority_of_the_secret_is_trusted_and_others_are_not() {
    let repo = Repo::with(&[("a", "1")]);
    let certificates = Certificates::new();
    let server = Server::accept(repo.root(), Rules::default(), certificates.acceptor(false));
    let url = server.url().replace("http:", "https:");
    for key in ["ca.crt", "caFile"] {
        let remote = with_secret(&url, &[(key, &certificates.authority)]);
        checkout(&git(), &remote, &branch("main")).await.unwrap();
    }
    let error = failure(&git(), &remote(&url), &branch("main")).await;
    let expected = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    assert!(
        matches!(error, git::GitError::Network { .. }) && error.to_string().ends_with(expected),
        "{error}"
    );
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let repo = Repo::with(&[("a", "1")]);
    let certificates = Certificates::new();
    let server = Server::accept(repo.root(), Rules::default(), certificates.acceptor(true));
    let url = server.url().replace("http:", "https:");
    let ca = ("ca.crt", certificates.authority.as_str());
    let (cert, key) = (&certificates.client.0, &certificates.client.1);
    let with = with_secret(&url, &[ca, ("tls.crt", cert), ("tls.key", key)]);
    checkout(&git(), &with, &branch("main")).await.unwrap();
    failure(&git(), &with_secret(&url, &[ca]), &branch("main")).await;
}

fn through(url: &str, proxy: &Proxy, mut remote: git::Remote, pairs: &[(&str, &str)]) -> git::Remote {
    let address = format!("http://{}", proxy.address);
    let proxy =
        net::Proxy::from_secret(&secret(&[("address", &address), ("username", "p"), ("password", "w")]))
            .unwrap();
    let url = git::RemoteUrl::parse(url).unwrap();
    remote.access = git::Access::new(&url, Some(&secret(pairs)), Some(proxy)).unwrap();
    remote
}

#[tokio::test]
async fn requests_go_through_the_proxy_with_its_login() {
    let repo = Repo::with(&[("a", "1")]);
    let (server, proxy) = (Server::start(repo.root()), Proxy::start());
    let remote = through(&server.url(), &proxy, remote(&server.url()), &[]);
    checkout(&git(), &remote, &branch("main")).await.unwrap();
    assert!(!proxy.seen().is_empty());
    assert!(
        proxy.seen()[0].to_lowercase().ends_with("| proxy-authorization: basic cdp3"),
        "{:?}",
        proxy.seen()
    );
    assert!(server.seen().iter().all(|seen| !seen.headers.contains_key("authorization")));
}

#[tokio::test]
async fn ssh_goes_through_the_proxy_too() {
    let repo = Repo::with(&[("a", "1")]);
    let (server, proxy) = (Sshd::start(""), Proxy::start());
    let url = server.url(&repo.root().join("repo.git"));
    let (key, known) = (server.key("ed25519", ""), server.known_hosts("ed25519"));
    let pairs = [("identity", key.as_str()), ("known_hosts", known.as_str())];
    let remote = through(&url, &proxy, with_secret(&url, &pairs), &pairs);
    checkout(&git(), &remote, &branch("main")).await.unwrap();
    assert!(proxy.seen()[0].starts_with("CONNECT 127.0.0.1:"), "{:?}", proxy.seen());
}

#[tokio::test]
async fn a_moved_repository_is_followed_without_the_credentials_of_the_old_host() {
    let repo = Repo::with(&[("a", "1")]);
    let new = Server::start(repo.root());
    let redirect = Some(format!("http://{}", new.address));
    let old = Server::with(repo.root(), Rules { redirect, ..Rules::default() });
    let remote = with_secret(&old.url(), &[("username", "u"), ("password", "canary")]);
    let (_, files) = checkout(&git(), &remote, &branch("main")).await.unwrap();
    assert_eq!(files, ["a=1"]);
    assert!(old.seen().iter().all(|seen| seen.headers.contains_key("authorization")));
    assert_eq!(new.seen().len(), 3);
    assert!(new.seen().iter().all(|seen| !seen.headers.contains_key("authorization")), "{:?}", new.seen());
}

#[tokio::test]
async fn connections_are_kept_between_fetches() {
    let repo = Repo::with(&[("a", "1")]);
    let opened = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = opened.clone();
    let server = Server::accept(repo.root(), Rules::default(), move |stream| {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Some(Box::new(stream))
    });
    let git = git();
    for _ in 0..5 {
        checkout(&git, &remote(&server.url()), &branch("main")).await.unwrap();
    }
    assert_eq!(opened.load(std::sync::atomic::Ordering::SeqCst), 1);
}
