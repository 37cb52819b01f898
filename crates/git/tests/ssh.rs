//! SSH against the real sshd of OpenSSH.
mod support;

use git::{Access, GitError, GitOptions, RemoteUrl, SshOptions};
use support::{branch, checkout, failure, git, repo::Repo, semver, sshd::Sshd, with_secret};

fn remote(server: &Sshd, repo: &Repo, key: &str, known_hosts: &str, passphrase: Option<&str>) -> git::Remote {
    let url = server.url(&repo.root().join("repo.git"));
    let mut pairs = vec![("identity", key), ("known_hosts", known_hosts)];
    pairs.extend(passphrase.map(|passphrase| ("password", passphrase)));
    with_secret(&url, &pairs)
}

#[tokio::test]
async fn keys_of_all_kinds_open_the_repository() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Sshd::start("AcceptEnv GIT_PROTOCOL");
    let known = server.known_hosts("ed25519");
    for (kind, passphrase) in [("ed25519", ""), ("ecdsa", ""), ("rsa", ""), ("ed25519", "open sesame")] {
        let key = server.key(kind, passphrase);
        let remote = remote(&server, &repo, &key, &known, Some(passphrase).filter(|text| !text.is_empty()));
        let (revision, files) = checkout(&git(), &remote, &branch("main"))
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error}\n{}", server.log()));
        assert_eq!((revision, files), (format!("main@sha1:{}", repo.head()), vec!["a=1".to_owned()]));
    }
}

#[tokio::test]
async fn the_old_protocol_is_spoken_when_the_variable_is_refused() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["tag", "v1.2.3"]);
    repo.push();
    let server = Sshd::start("");
    let remote = remote(&server, &repo, &server.key("ed25519", ""), &server.known_hosts("ed25519"), None);
    let (revision, files) = checkout(&git(), &remote, &semver("1.x")).await.unwrap();
    assert_eq!((revision, files), (format!("v1.2.3@sha1:{}", repo.head()), vec!["a=1".to_owned()]));
}

#[tokio::test]
async fn output_behind_the_exit_status_is_read() {
    let repo = Repo::with(&[("a", "1")]);
    // The shell ends before the program that it started: sshd tells its exit status first.
    let server =
        Sshd::start("ForceCommand exec 3<&0; (sleep 0.3; exec sh -c \"$SSH_ORIGINAL_COMMAND\") <&3 &");
    let remote = remote(&server, &repo, &server.key("ed25519", ""), &server.known_hosts("ed25519"), None);
    let mut session = git().open(&remote).await.unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
    let resolved = session.resolve(&branch("main")).await.unwrap();
    assert_eq!(resolved.revision, format!("main@sha1:{}", repo.head()));
}

#[tokio::test]
async fn any_known_host_key_will_do_and_hashed_names_too() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Sshd::start("AcceptEnv GIT_PROTOCOL");
    let key = server.key("ed25519", "");
    for known in [server.known_hosts("rsa"), server.hashed_known_hosts()] {
        checkout(&git(), &remote(&server, &repo, &key, &known, None), &branch("main")).await.unwrap();
    }
}

#[tokio::test]
async fn an_unknown_or_changed_host_key_is_refused() {
    let repo = Repo::with(&[("a", "1")]);
    let (server, other) = (Sshd::start(""), Sshd::start(""));
    let key = server.key("ed25519", "");
    let line = other.known_hosts("ed25519");
    let error = failure(&git(), &remote(&server, &repo, &key, &line, None), &branch("main")).await;
    assert!(matches!(error, GitError::HostKey { reason: "key is unknown", .. }), "{error}");
    let host = server.known_hosts("ed25519").split(' ').next().unwrap().to_owned();
    let changed = format!("{host} {}", line.split_once(' ').unwrap().1);
    let error = failure(&git(), &remote(&server, &repo, &key, &changed, None), &branch("main")).await;
    assert!(error.to_string().ends_with("ssh: handshake failed: knownhosts: key mismatch"), "{error}");
}

#[tokio::test]
async fn refused_keys_wrong_passphrases_and_missing_repositories_are_told_apart() {
    let repo = Repo::with(&[("a", "1")]);
    let (server, other) = (Sshd::start(""), Sshd::start(""));
    let known = server.known_hosts("ed25519");
    let stranger = other.key("ed25519", "");
    let error = failure(&git(), &remote(&server, &repo, &stranger, &known, None), &branch("main")).await;
    assert!(matches!(error, GitError::AuthFailed { .. }), "{error}");
    let locked = server.key("ed25519", "canary-1");
    for passphrase in [None, Some("canary-2")] {
        let error =
            failure(&git(), &remote(&server, &repo, &locked, &known, passphrase), &branch("main")).await;
        assert!(matches!(error, GitError::Access(_)) && !error.to_string().contains("canary"), "{error}");
    }
    let key = server.key("ecdsa", "");
    let mut missing = remote(&server, &repo, &key, &known, None);
    missing.url = RemoteUrl::parse(&server.url(&repo.root().join("none.git"))).unwrap();
    let error = failure(&git(), &missing, &branch("main")).await;
    assert!(matches!(error, GitError::RepositoryNotFound { .. }), "{error}");
}

#[tokio::test]
async fn chosen_algorithms_are_the_only_ones_offered() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Sshd::start("KexAlgorithms curve25519-sha256");
    let remote = remote(&server, &repo, &server.key("ed25519", ""), &server.known_hosts("ed25519"), None);
    for (kex, works) in [("curve25519-sha256", true), ("diffie-hellman-group16-sha512", false)] {
        let ssh = SshOptions::parse(&[kex.to_owned()], &[]).unwrap();
        let git = git::Git::new(GitOptions { ssh, ..GitOptions::new(std::env::temp_dir()) });
        let result = checkout(&git, &remote, &branch("main")).await;
        assert_eq!(result.is_ok(), works, "{kex}: {:?}", result.err());
    }
}

#[test]
fn a_secret_without_key_or_hosts_is_refused_in_the_words_of_flux() {
    let url = RemoteUrl::parse("ssh://git@host/x").unwrap();
    let error = Access::new(&url, None, None).err().unwrap();
    assert_eq!(error.to_string(), "invalid 'ssh' auth option: 'identity' is required");
    let error = Access::new(&url, Some(&support::secret(&[("identity", "x")])), None).err().unwrap();
    assert_eq!(error.to_string(), "invalid 'ssh' auth option: 'known_hosts' is required");
}
