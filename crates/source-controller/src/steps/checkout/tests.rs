use std::sync::Arc;
use std::time::Duration;

use artifact::{Algorithm, Digest, LocalStore, Retention, UnpackLimits, unpack};
use git::{Access, Git, GitOptions, Remote, RemoteUrl, Selector};
use runtime::Key;
use testkit::{GitRepo, GitServer};

use super::{Content, Remoted, Sparse, fetch, store};
use crate::status::StepError;
use crate::steps::put::Target;

/// Writes a tree with these names, whatever they are; its id.
fn tree(repo: &GitRepo, lines: &[(&[u8], &[u8], &str)]) -> String {
    let hex = |id: &str| -> Vec<u8> {
        (0..20).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let line = |(mode, name, id): &(&[u8], &[u8], &str)| [mode, &b" "[..], name, b"\0", &hex(id)].concat();
    std::fs::write(repo.bare().join("raw"), lines.iter().flat_map(line).collect::<Vec<u8>>()).unwrap();
    repo.served(&["hash-object", "-t", "tree", "-w", "--literally", "raw"]).unwrap().trim().to_owned()
}

/// Odd names that Linux takes in the root, and names that nobody takes in `docs`; on branch `odd`.
fn odd_repo(server: &GitServer) -> GitRepo {
    let repo = server.repo("app").unwrap();
    repo.commit(&[("cm.yaml", "x")], "first").unwrap();
    let blob = repo.git(&["rev-parse", "HEAD:cm.yaml"]).unwrap().trim().to_owned();
    let (file, dir) = (&b"100644"[..], &b"40000"[..]);
    let below = tree(&repo, &[(file, b"x", &blob)]);
    let docs = tree(&repo, &[(dir, b"..", &below), (file, b".git", &blob), (file, b"a/b", &blob)]);
    let lines = [
        (file, &b"a\\b.yaml"[..], blob.as_str()),
        (file, b"caf\xe9.yaml", &blob),
        (file, b"cm.yaml", &blob),
        (dir, b"docs", &docs),
    ];
    let root = tree(&repo, &lines);
    let person = "A <a@b> 1700000000 +0000";
    let commit = format!("tree {root}\nauthor {person}\ncommitter {person}\n\nx\n");
    std::fs::write(repo.bare().join("raw"), commit).unwrap();
    let id = repo.served(&["hash-object", "-t", "commit", "-w", "raw"]).unwrap().trim().to_owned();
    repo.served(&["update-ref", "refs/heads/odd", &id]).unwrap();
    repo
}

/// The paths of the artifact that is made of branch `odd`.
async fn stored(repo: &GitRepo, ignore: Option<&str>, sparse: &[&str]) -> Result<Vec<String>, StepError> {
    let dir = tempfile::tempdir().unwrap();
    let git = Git::new(GitOptions::new(dir.path()));
    let url = RemoteUrl::parse(repo.url()).unwrap();
    let remote = Remote { url, access: Access::default(), timeout: Duration::from_secs(60) };
    let mut session = git.open(&remote).await.unwrap();
    let selector = Selector { branch: Some("odd".into()), ..Selector::default() };
    let resolved = session.resolve(&selector).await.unwrap();
    let remoted = Remoted { remote, session: Some(session), resolved };
    let sparse: Vec<String> = sparse.iter().map(|path| (*path).to_owned()).collect();
    let checkout = fetch(&git, remoted, Sparse::new(&sparse)).await?;
    let local = Arc::new(LocalStore::open(dir.path().join("store"), "host", Retention::default()).unwrap());
    let target = Target::in_store(local.clone(), Algorithm::Sha256, "gitrepository", &Key::new("ns", "app"));
    let content = Content::Fetched(Box::new(checkout));
    let made = store(target, "odd@sha1:0", ignore.map(str::to_owned), content).await?;
    let archive = std::fs::read(local.root().join(&made.artifact.path)).unwrap();
    let blob = dir.path().join("blob");
    let tree = unpack(&archive[..], Digest::of(&archive), &blob, &UnpackLimits::default()).unwrap();
    Ok(tree.walk().map(|(path, _)| path.to_owned()).collect())
}

#[tokio::test]
async fn names_that_nobody_takes_are_an_error_only_where_the_artifact_would_have_them() {
    testkit::install_crypto();
    let server = GitServer::start().unwrap();
    let repo = odd_repo(&server);
    let kept = ["a\\b.yaml", "café.yaml", "cm.yaml"];
    assert_eq!(stored(&repo, Some("/docs/\n"), &[]).await.unwrap(), kept);
    let two = ["a\\b.yaml", "cm.yaml"];
    assert_eq!(stored(&repo, None, &two).await.unwrap(), two);
    // The folder comes without what is in it.
    assert_eq!(stored(&repo, Some("docs/*\n"), &[]).await.unwrap(), [&kept[..], &["docs"]].concat());
    for (ignore, named) in
        [(None, "docs/.."), (Some("docs/..\n"), "docs/.git"), (Some("docs/..\n/docs/.git\n"), "docs/a/b")]
    {
        let error = stored(&repo, ignore, &[]).await.err().unwrap();
        let expected =
            format!("failed to checkout and determine revision: git tree holds an invalid path \"{named}\"");
        assert_eq!(error.message, expected);
    }
}
