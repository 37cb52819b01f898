//! Signed commits, verified by the real `git verify-commit` with the real gpg and ssh-keygen.
mod support;

use std::{
    path::Path,
    process::{Command, Output},
};

use git::{Changes, Draft, Identity, Lease, Push, RefUpdate, Signer, SignerError};
use support::{branch, git, remote, repo::Repo, server::Server};

/// Runs a program in a folder with a GnuPG home of its own.
fn run(program: &str, args: &[&str], dir: &Path, home: &Path) -> Output {
    Command::new(program)
        .args(args)
        .current_dir(dir)
        .env("GNUPGHOME", home)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap_or_else(|error| panic!("{program} is installed: {error}"))
}

fn succeed(program: &str, args: &[&str], dir: &Path, home: &Path) -> Vec<u8> {
    let output = run(program, args, dir, home);
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A GnuPG home with one key; it ends its agent when dropped.
struct Gpg {
    home: tempfile::TempDir,
}

impl Gpg {
    fn with_key(algorithm: &str, usage: &str, passphrase: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let gpg = Self { home };
        let user = "Bot <bot@example.com>";
        gpg.run(&["--passphrase", passphrase, "--quick-gen-key", user, algorithm, usage, "never"]);
        gpg
    }

    fn run(&self, args: &[&str]) -> Vec<u8> {
        let fixed = ["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"];
        let all: Vec<&str> = fixed.iter().chain(args).copied().collect();
        succeed("gpg", &all, self.home.path(), self.home.path())
    }

    fn fingerprint(&self) -> String {
        let listed = String::from_utf8(self.run(&["--list-keys", "--with-colons"])).unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn export(&self, passphrase: &str) -> Vec<u8> {
        self.run(&["--passphrase", passphrase, "--armor", "--export-secret-keys"])
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        run("gpgconf", &["--kill", "all"], self.home.path(), self.home.path());
    }
}

/// Pushes a commit with that signature and gives the repository.
async fn pushed(signer: &Signer) -> Repo {
    let repo = Repo::with(&[("a", "1")]);
    repo.bare(&["config", "http.receivepack", "true"]);
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let mut session = git.open(&remote).await.unwrap();
    let resolved = session.resolve(&branch("main")).await.unwrap();
    let checkout = session.fetch(&resolved).await.unwrap();
    let mut changes = Changes::default();
    changes.write("a", "2");
    let who = Identity { name: "Bot".into(), email: "bot@example.com".into(), time: 1_800_000_000 };
    let draft = Draft { author: &who, committer: &who, message: "signed\n\nüñí\n", signer: Some(signer) };
    let commit = checkout.compose(&changes, &draft).unwrap();
    let updates = [RefUpdate { reference: "refs/heads/main".into(), lease: Lease::FastForward }];
    git.push(&remote, &Push { commit: &commit, updates: &updates, options: &[] }).await.unwrap();
    assert_eq!(repo.bare(&["fsck", "--strict", "--no-dangling"]), "");
    repo
}

async fn verified_by_gpg(gpg: &Gpg, signer: &Signer) {
    let repo = pushed(signer).await;
    let bare = repo.root().join("repo.git");
    let told = run("git", &["verify-commit", "--raw", "main"], &bare, gpg.home.path());
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.success() && text.contains("GOODSIG"), "{text}");
}

#[tokio::test]
async fn commits_signed_with_gpg_keys_verify() {
    for (algorithm, usage) in [("ed25519", "sign"), ("rsa2048", "sign")] {
        let gpg = Gpg::with_key(algorithm, usage, "");
        let signer =
            Signer::gpg(&gpg.export(""), None).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        verified_by_gpg(&gpg, &signer).await;
    }
}

#[tokio::test]
async fn the_subkey_that_may_sign_signs_and_a_passphrase_opens_it() {
    let gpg = Gpg::with_key("ed25519", "cert", "open sesame");
    let key = gpg.fingerprint();
    for (algorithm, usage) in [("cv25519", "encr"), ("ed25519", "sign")] {
        gpg.run(&["--passphrase", "open sesame", "--quick-add-key", &key, algorithm, usage, "never"]);
    }
    let exported = gpg.export("open sesame");
    assert_eq!(Signer::gpg(&exported, None).err(), Some(SignerError::PassphraseMissing));
    assert_eq!(Signer::gpg(&exported, Some(b"wrong")).err(), Some(SignerError::PassphraseWrong));
    let signer = Signer::gpg(&exported, Some(b"open sesame")).unwrap();
    verified_by_gpg(&gpg, &signer).await;
}

#[tokio::test]
async fn a_public_key_and_two_keys_are_refused() {
    let gpg = Gpg::with_key("ed25519", "sign", "");
    let public = gpg.run(&["--armor", "--export"]);
    assert!(matches!(Signer::gpg(&public, None), Err(SignerError::Unreadable(_))));
    let user = "Other <other@example.com>";
    gpg.run(&["--passphrase", "", "--quick-gen-key", user, "ed25519", "sign", "never"]);
    assert_eq!(Signer::gpg(&gpg.export(""), None).err(), Some(SignerError::Several));
}

#[tokio::test]
async fn commits_signed_with_ssh_keys_verify() {
    for (kind, passphrase) in [("ed25519", ""), ("ecdsa", ""), ("rsa", ""), ("ed25519", "open sesame")] {
        let dir = tempfile::tempdir().unwrap();
        succeed("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-f", "key"], dir.path(), dir.path());
        let identity = std::fs::read_to_string(dir.path().join("key")).unwrap();
        let signer = match passphrase {
            "" => Signer::ssh(&identity, None).unwrap(),
            text => {
                assert_eq!(Signer::ssh(&identity, None).err(), Some(SignerError::PassphraseMissing));
                assert_eq!(Signer::ssh(&identity, Some("no")).err(), Some(SignerError::PassphraseWrong));
                Signer::ssh(&identity, Some(text)).unwrap()
            }
        };
        let repo = pushed(&signer).await;
        let public = std::fs::read_to_string(dir.path().join("key.pub")).unwrap();
        let allowed = dir.path().join("allowed");
        std::fs::write(&allowed, format!("bot@example.com {public}")).unwrap();
        let config = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        let args = ["-c", config.as_str(), "verify-commit", "main"];
        succeed("git", &args, &repo.root().join("repo.git"), dir.path());
    }
}
