//! HTTP against the real `git http-backend`.
mod support;

use support::{
    branch, checkout, commit, failure, git, name, remote,
    repo::Repo,
    semver,
    server::{Rules, Server},
    tag, with_secret,
};

/// Runs a check with the new and with the old protocol.
async fn both(repo: &Repo, check: impl AsyncFn(&str)) {
    for old_protocol in [false, true] {
        let server = Server::with(repo.root(), Rules { old_protocol, ..Rules::default() });
        check(&server.url()).await;
    }
}

#[tokio::test]
async fn a_branch_is_resolved_and_fetched() {
    let repo = Repo::with(&[("a/x.yaml", "1"), ("a.b", "2"), ("z", "3")]);
    let head = repo.head();
    both(&repo, async |url| {
        let (revision, files) = checkout(&git(), &remote(url), &branch("main")).await.unwrap();
        assert_eq!(revision, format!("main@sha1:{head}"));
        assert_eq!(files, ["a=", "a/x.yaml=1", "a.b=2", "z=3"]);
    })
    .await;
}

#[tokio::test]
async fn only_the_newest_commit_is_received() {
    let repo = Repo::with(&[("a", "old content that nobody needs")]);
    let old = repo.git(&["rev-parse", "HEAD:a"]);
    repo.commit("second", &[("a", "new")]);
    both(&repo, async |url| {
        let mut session = git().open(&remote(url)).await.unwrap();
        let resolved = session.resolve(&branch("main")).await.unwrap();
        let checkout = session.fetch(&resolved).await.unwrap();
        assert_eq!(checkout.commit().subject(), "second");
        let mut ids = Vec::new();
        checkout
            .walk(&mut |entry: &git::Entry<'_>| {
                ids.push(entry.id().to_string());
                Ok::<_, git::GitError>(())
            })
            .unwrap();
        assert!(!ids.contains(&old));
    })
    .await;
}

#[tokio::test]
async fn tags_are_peeled_and_annotated_ones_are_given() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["tag", "light"]);
    repo.git(&["tag", "-a", "-m", "words\n", "heavy"]);
    repo.push();
    let head = repo.head();
    both(&repo, async |url| {
        let (revision, _) = checkout(&git(), &remote(url), &tag("light")).await.unwrap();
        assert_eq!(revision, format!("light@sha1:{head}"));
        let mut session = git().open(&remote(url)).await.unwrap();
        let resolved = session.resolve(&tag("heavy")).await.unwrap();
        assert_eq!(resolved.revision, format!("heavy@sha1:{head}"));
        let checkout = session.fetch(&resolved).await.unwrap();
        assert_eq!(
            checkout.tag().map(|tag| (tag.name.as_str(), tag.message.as_str())),
            Some(("heavy", "words\n"))
        );
    })
    .await;
}

#[tokio::test]
async fn full_names_stand_in_the_revision() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["tag", "-a", "-m", "m", "t1"]);
    repo.push();
    repo.bare(&["update-ref", "refs/pull/1/head", "main"]);
    let head = repo.head();
    both(&repo, async |url| {
        for full in ["refs/heads/main", "refs/tags/t1", "refs/tags/t1^{}", "refs/pull/1/head"] {
            let (revision, files) = checkout(&git(), &remote(url), &name(full)).await.unwrap();
            assert_eq!((revision, files.len()), (format!("{full}@sha1:{head}"), 1));
        }
        let error = failure(&git(), &remote(url), &name("refs/heads/none")).await;
        assert_eq!(error.to_string(), "unable to resolve ref 'refs/heads/none' to a specific commit");
    })
    .await;
}

#[tokio::test]
async fn the_highest_tag_of_a_range_wins() {
    let repo = Repo::empty();
    for version in ["v1.0.0", "1.2.0", "v1.10.0", "2.0.0", "1.99", "junk"] {
        repo.commit(version, &[("version", version)]);
        repo.git(&["tag", "-a", "-m", "m", version]);
    }
    repo.push();
    both(&repo, async |url| {
        let (revision, files) = checkout(&git(), &remote(url), &semver(">=1.0.0 <2.0.0")).await.unwrap();
        assert!(revision.starts_with("v1.10.0@sha1:"), "{revision}");
        assert_eq!(files, ["version=v1.10.0"]);
        let error = failure(&git(), &remote(url), &semver(">=5.0.0")).await;
        assert_eq!(error.to_string(), "no match found for semver: >=5.0.0");
        let error = failure(&git(), &remote(url), &semver("not a range")).await;
        assert_eq!(error.to_string(), "semver parse error: improper constraint: \"not a range\"");
    })
    .await;
}

#[tokio::test]
async fn tags_that_differ_in_build_metadata_are_told_apart_by_age() {
    let repo = Repo::empty();
    for (version, date) in [("1.0.0+a", "2020-01-03T00:00:00Z"), ("1.0.0+b", "2020-01-02T00:00:00Z")] {
        repo.commit(version, &[("version", version)]);
        let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
        let id = dated_commit(&repo, &tree, date);
        repo.git(&["tag", version, &id]);
    }
    repo.push();
    both(&repo, async |url| {
        let (revision, _) = checkout(&git(), &remote(url), &semver("1.x")).await.unwrap();
        assert!(revision.starts_with("1.0.0+a@sha1:"), "{revision}");
    })
    .await;
}

/// A commit without parents whose committer time is `date`.
fn dated_commit(repo: &Repo, tree: &str, date: &str) -> String {
    let seconds = if date.contains("-03T") { 1_578_009_600 } else { 1_577_923_200 };
    let text =
        format!("tree {tree}\nauthor A <a@b> {seconds} +0000\ncommitter A <a@b> {seconds} +0000\n\nm\n");
    std::fs::write(repo.work("../object"), text).unwrap();
    repo.git(&["hash-object", "-t", "commit", "-w", "../object"])
}

#[tokio::test]
async fn an_old_commit_is_fetched_by_its_id() {
    let repo = Repo::with(&[("a", "1")]);
    let old = repo.head();
    repo.commit("second", &[("a", "2")]);
    both(&repo, async |url| {
        let (revision, files) = checkout(&git(), &remote(url), &commit(&old)).await.unwrap();
        assert_eq!((revision, files), (format!("sha1:{old}"), vec!["a=1".to_owned()]));
        let on_branch = git::Selector { branch: Some("main".into()), ..commit(&old) };
        let (revision, _) = checkout(&git(), &remote(url), &on_branch).await.unwrap();
        assert_eq!(revision, format!("main@sha1:{old}"));
        let named = git::Selector { name: Some("refs/heads/main".into()), ..commit(&old) };
        let (revision, _) = checkout(&git(), &remote(url), &named).await.unwrap();
        assert_eq!(revision, format!("refs/heads/main@sha1:{old}"));
        let nowhere = git::Selector { branch: Some("none".into()), ..commit(&old) };
        let error = failure(&git(), &remote(url), &nowhere).await;
        assert!(matches!(error, git::GitError::RefNotFound { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_missing_commit_is_said_in_the_words_of_flux() {
    let repo = Repo::with(&[("a", "1")]);
    both(&repo, async |url| {
        let id = "0123456789012345678901234567890123456789";
        let error = failure(&git(), &remote(url), &commit(id)).await;
        assert_eq!(
            error.to_string(),
            format!("unable to resolve commit object for '{id}': object not found")
        );
        assert!(matches!(
            failure(&git(), &remote(url), &commit("abc")).await,
            git::GitError::CommitNotFound(_)
        ));
    })
    .await;
}

#[tokio::test]
async fn missing_branch_repository_and_commits_are_three_errors() {
    let repo = Repo::with(&[("a", "1")]);
    both(&repo, async |url| {
        let error = failure(&git(), &remote(url), &branch("gone")).await;
        assert_eq!(
            error.to_string(),
            format!("unable to clone '{url}': couldn't find remote ref \"refs/heads/gone\"")
        );
        let elsewhere = url.replace("repo.git", "none.git");
        let error = failure(&git(), &remote(&elsewhere), &branch("main")).await;
        assert_eq!(
            error.to_string().trim_end(),
            format!("unable to clone '{elsewhere}': repository not found:")
        );
    })
    .await;
    both(&Repo::empty(), async |url| {
        assert_eq!(failure(&git(), &remote(url), &branch("main")).await, git::GitError::EmptyRepository);
    })
    .await;
}

#[tokio::test]
async fn basic_and_bearer_are_sent_and_a_refusal_is_told() {
    let repo = Repo::with(&[("a", "1")]);
    for (pairs, header) in [
        (&[("username", "git"), ("password", "s3cret")][..], "Basic Z2l0OnMzY3JldA=="),
        (&[("bearerToken", "tok\n")][..], "Bearer tok"),
    ] {
        let server =
            Server::with(repo.root(), Rules { authorization: Some(header.into()), ..Rules::default() });
        checkout(&git(), &with_secret(&server.url(), pairs), &branch("main")).await.unwrap();
        let error = failure(&git(), &remote(&server.url()), &branch("main")).await;
        assert_eq!(
            error.to_string(),
            format!("unable to clone '{}': authentication required: ", server.url())
        );
    }
}

#[tokio::test]
async fn symbolic_links_are_left_out_and_submodules_are_empty_folders() {
    let repo = Repo::with(&[("a", "1")]);
    std::os::unix::fs::symlink("/etc/passwd", repo.work("link")).unwrap();
    let head = repo.head();
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},module")]);
    repo.git(&["add", "link"]);
    repo.git(&["commit", "-q", "-m", "more"]);
    repo.push();
    both(&repo, async |url| {
        let (_, files) = checkout(&git(), &remote(url), &branch("main")).await.unwrap();
        assert_eq!(files, ["a=1", "module="]);
    })
    .await;
}
