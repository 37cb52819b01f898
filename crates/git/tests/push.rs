//! Pushes to the real `git http-backend` and through the real sshd, judged by the real git.
mod support;

use git::{Changes, Checkout, Draft, Git, Identity, Lease, NewCommit, Push, PushError, RefUpdate, Remote};
use support::{
    branch, git, remote,
    repo::Repo,
    server::{Rules, Server},
    sshd::Sshd,
    with_secret,
};

fn who() -> Identity {
    Identity { name: "Bot".into(), email: "bot@example.com".into(), time: 1_700_000_000 }
}

fn writable(files: &[(&str, &str)]) -> Repo {
    let repo = Repo::with(files);
    repo.bare(&["config", "http.receivepack", "true"]);
    repo
}

async fn fetched(git: &Git, remote: &Remote, name: &str) -> Checkout {
    let mut session = git.open(remote).await.unwrap();
    let resolved = session.resolve(&branch(name)).await.unwrap();
    session.fetch(&resolved).await.unwrap()
}

fn compose(checkout: &Checkout, files: &[(&str, &str)]) -> NewCommit {
    let mut changes = Changes::default();
    files.iter().for_each(|(path, content)| changes.write(*path, *content));
    let who = who();
    let draft = Draft { author: &who, committer: &who, message: "Update\n\nbody", signer: None };
    checkout.compose(&changes, &draft).unwrap()
}

fn to(reference: &str, lease: Lease) -> Vec<RefUpdate> {
    vec![RefUpdate { reference: reference.into(), lease }]
}

async fn push(
    git: &Git,
    remote: &Remote,
    commit: &NewCommit,
    updates: &[RefUpdate],
) -> Result<(), PushError> {
    git.push(remote, &Push { commit, updates, options: &[] }).await
}

/// Writes a file on `main` and tells what the repository holds then.
async fn change_and_push(repo: &Repo, remote: &Remote) {
    let git = git();
    let checkout = fetched(&git, remote, "main").await;
    let commit = compose(&checkout, &[("a/x.yaml", "new"), ("b/c/new.txt", "fresh")]);
    push(&git, remote, &commit, &to("refs/heads/main", Lease::FastForward)).await.unwrap();
    assert_eq!(repo.bare(&["rev-parse", "main"]), commit.id().to_string());
    assert_eq!(repo.bare(&["rev-parse", "main^"]), checkout.commit().id.to_string());
    assert_eq!(repo.bare(&["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test]
async fn a_commit_is_pushed_over_http_and_all_else_stays() {
    let repo = writable(&[("a/x.yaml", "1"), ("a.b", "2"), ("a/run.sh", "#!/bin/sh")]);
    std::os::unix::fs::symlink("a.b", repo.work("link")).unwrap();
    let head = repo.head();
    repo.git(&["update-index", "--chmod=+x", "a/run.sh"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},module")]);
    repo.git(&["add", "link"]);
    repo.git(&["commit", "-q", "-m", "more"]);
    repo.push();
    let before = repo.bare(&["ls-tree", "-r", "main"]);
    let server = Server::start(repo.root());
    change_and_push(&repo, &remote(&server.url())).await;
    let after = repo.bare(&["ls-tree", "-r", "main"]);
    let changed: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    let names: Vec<&str> = changed.iter().filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!(names, ["a/x.yaml", "b/c/new.txt"], "{after}");
    let message = repo.bare(&["log", "-1", "--format=%an|%ae|%cn|%s|%b|%at", "main"]);
    assert_eq!(message, "Bot|bot@example.com|Bot|Update|body|1700000000");
    assert_eq!(repo.bare(&["show", "main:a/x.yaml"]), "new");
}

#[tokio::test]
async fn a_commit_is_pushed_over_ssh() {
    let repo = writable(&[("a/x.yaml", "1")]);
    let server = Sshd::start("AcceptEnv GIT_PROTOCOL");
    let url = server.url(&repo.root().join("repo.git"));
    let (key, known) = (server.key("ed25519", ""), server.known_hosts("ed25519"));
    let remote = with_secret(&url, &[("identity", key.as_str()), ("known_hosts", known.as_str())]);
    change_and_push(&repo, &remote).await;
}

#[tokio::test]
async fn deleted_files_go_and_with_them_folders_that_become_empty() {
    let repo = writable(&[("a/b/c", "1"), ("z", "2")]);
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let checkout = fetched(&git, &remote, "main").await;
    let mut changes = Changes::default();
    changes.delete("a/b/c");
    changes.delete("never/was");
    let who = who();
    let draft = Draft { author: &who, committer: &who, message: "m", signer: None };
    let commit = checkout.compose(&changes, &draft).unwrap();
    push(&git, &remote, &commit, &to("refs/heads/main", Lease::FastForward)).await.unwrap();
    assert_eq!(repo.bare(&["ls-tree", "-r", "--name-only", "main"]), "z");
    assert_eq!(repo.bare(&["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test]
async fn what_would_change_nothing_is_no_commit_and_only_files_are_written() {
    let repo = writable(&[("a/x", "1")]);
    let server = Server::start(repo.root());
    let checkout = fetched(&git(), &remote(&server.url()), "main").await;
    let composed = |path: &str, content: &str| {
        let mut changes = Changes::default();
        changes.write(path, content);
        let who = who();
        let draft = Draft { author: &who, committer: &who, message: "m", signer: None };
        checkout.compose(&changes, &draft).map(|commit| commit.id()).map_err(|error| error.to_string())
    };
    assert_eq!(composed("a/x", "1"), Err("no changes made in the source; no commit".to_owned()));
    for bad in ["a", "a/x/y", "../x", ".git/config"] {
        assert!(composed(bad, "2").unwrap_err().contains("cannot be written"), "{bad}");
    }
}

#[tokio::test]
async fn a_lost_race_is_told_and_the_next_try_stands_on_the_new_head() {
    let repo = writable(&[("a", "1")]);
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let stale = compose(&fetched(&git, &remote, "main").await, &[("a", "ours")]);
    let theirs = repo.commit("theirs", &[("b", "theirs")]);
    let updates = to("refs/heads/main", Lease::FastForward);
    let error = push(&git, &remote, &stale, &updates).await.unwrap_err();
    assert_eq!(error, PushError::Moved("refs/heads/main".into()));
    let anew = compose(&fetched(&git, &remote, "main").await, &[("a", "ours")]);
    push(&git, &remote, &anew, &updates).await.unwrap();
    assert_eq!(repo.bare(&["rev-parse", "main^"]), theirs);
    assert_eq!(repo.bare(&["ls-tree", "--name-only", "main"]), "a\nb");
    // The same again is no push.
    let requests = server.seen().len();
    push(&git, &remote, &anew, &updates).await.unwrap();
    assert_eq!(server.seen().len(), requests + 1);
}

#[tokio::test]
async fn branches_are_created_and_given_up_only_by_force() {
    let repo = writable(&[("a", "1")]);
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let checkout = fetched(&git, &remote, "main").await;
    let (first, second) = (compose(&checkout, &[("a", "2")]), compose(&checkout, &[("a", "3")]));
    push(&git, &remote, &first, &to("refs/heads/auto", Lease::FastForward)).await.unwrap();
    let refused = push(&git, &remote, &second, &to("refs/heads/auto", Lease::FastForward)).await;
    assert_eq!(refused, Err(PushError::Moved("refs/heads/auto".into())));
    push(&git, &remote, &second, &to("refs/heads/auto", Lease::Force)).await.unwrap();
    assert_eq!(repo.bare(&["rev-parse", "auto"]), second.id().to_string());
    assert_eq!(repo.bare(&["rev-parse", "main"]), checkout.commit().id.to_string());
    let head = git.pushed_head(&remote, "refs/heads/auto").await.unwrap();
    assert_eq!(head, Some(second.id()));
}

#[tokio::test]
async fn several_references_move_in_one_push_all_or_none() {
    let repo = writable(&[("a", "1")]);
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let commit = compose(&fetched(&git, &remote, "main").await, &[("a", "2")]);
    let updates =
        ["refs/heads/main", "refs/heads/release/1"].map(|name| to(name, Lease::FastForward).remove(0));
    push(&git, &remote, &commit, &updates).await.unwrap();
    assert_eq!(repo.bare(&["rev-parse", "release/1"]), commit.id().to_string());
    let posts = server
        .seen()
        .iter()
        .filter(|seen| seen.line.starts_with("POST ") && seen.line.contains("receive-pack"))
        .count();
    assert_eq!(posts, 1);
    hook(&repo, "update", "case $1 in */bad) echo 'not that one' >&2; exit 1;; esac");
    let commit = compose(&fetched(&git, &remote, "main").await, &[("a", "3")]);
    let updates = ["refs/heads/main", "refs/heads/bad"].map(|name| to(name, Lease::FastForward).remove(0));
    let error = push(&git, &remote, &commit, &updates).await.unwrap_err();
    assert!(matches!(error, PushError::Rejected { .. }), "{error}");
    assert_ne!(repo.bare(&["rev-parse", "main"]), commit.id().to_string());
}

fn hook(repo: &Repo, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = repo.root().join("repo.git/hooks").join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_hook_that_declines_is_quoted() {
    let repo = writable(&[("a", "1")]);
    hook(&repo, "pre-receive", "echo 'no pushes on Fridays' >&2; exit 1");
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let commit = compose(&fetched(&git, &remote, "main").await, &[("a", "2")]);
    let error = push(&git, &remote, &commit, &to("refs/heads/main", Lease::FastForward)).await.unwrap_err();
    let expected = "command error on refs/heads/main: pre-receive hook declined: no pushes on Fridays";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn push_options_reach_the_hooks_and_a_server_without_them_says_so() {
    let repo = writable(&[("a", "1")]);
    let told = repo.root().join("options");
    hook(&repo, "post-receive", &format!("env | grep ^GIT_PUSH_OPTION | sort > {}", told.display()));
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let commit = compose(&fetched(&git, &remote, "main").await, &[("a", "2")]);
    let (updates, options) = (to("refs/heads/main", Lease::FastForward), ["ci.skip=true".to_owned()]);
    let all = Push { commit: &commit, updates: &updates, options: &options };
    assert_eq!(git.push(&remote, &all).await, Err(PushError::NoOptions));
    repo.bare(&["config", "receive.advertisePushOptions", "true"]);
    git.push(&remote, &all).await.unwrap();
    let text = std::fs::read_to_string(told).unwrap();
    assert_eq!(text, "GIT_PUSH_OPTION_0=ci.skip=true\nGIT_PUSH_OPTION_COUNT=1\n");
}

#[tokio::test]
async fn refused_pushes_are_told_in_the_words_of_flux() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let commit = compose(&fetched(&git, &remote, "main").await, &[("a", "2")]);
    repo.bare(&["config", "http.receivepack", "false"]);
    let updates = to("refs/heads/main", Lease::FastForward);
    let error = push(&git, &remote, &commit, &updates).await.unwrap_err();
    assert!(error.to_string().starts_with("authorization failed: "), "{error}");
    let rules = Rules { authorization: Some("Basic x".into()), ..Rules::default() };
    let closed = Server::with(repo.root(), rules);
    let secret = with_secret(&closed.url(), &[("username", "u"), ("password", "canary")]);
    let error = push(&git, &secret, &commit, &updates).await.unwrap_err();
    assert!(error.to_string().starts_with("authentication required: "), "{error}");
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test]
async fn the_first_commit_of_an_empty_repository_is_pushed() {
    let repo = Repo::empty();
    repo.bare(&["config", "http.receivepack", "true"]);
    let server = Server::start(repo.root());
    let (git, remote) = (git(), remote(&server.url()));
    let mut changes = Changes::default();
    changes.write("clusters/one/kustomization.yaml", "resources: []\n");
    let who = who();
    let draft = Draft { author: &who, committer: &who, message: "first", signer: None };
    let commit = NewCommit::root(&changes, &draft).unwrap();
    push(&git, &remote, &commit, &to("refs/heads/main", Lease::FastForward)).await.unwrap();
    assert_eq!(repo.bare(&["show", "main:clusters/one/kustomization.yaml"]), "resources: []");
    assert_eq!(repo.bare(&["rev-list", "--count", "main"]), "1");
}
