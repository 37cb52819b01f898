//! Symbolic links of a tree, followed within it.
mod support;

use git::{Checkout, GitError, Limits};
use support::{branch, git_with, remote, repo::Repo, server::Server};

/// A repository with files and links; of a link the text says where it leads to.
fn repo(files: &[(&str, &str)], links: &[(&str, &str)]) -> Repo {
    let repo = Repo::with(files);
    for (path, target) in links {
        let path = repo.work(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }
    repo.commit("links", &[]);
    repo
}

async fn checkout(repo: &Repo, limits: Limits) -> Checkout {
    let server = Server::start(repo.root());
    let mut session = git_with(limits).open(&remote(&server.url())).await.unwrap();
    let resolved = session.resolve(&branch("main")).await.unwrap();
    session.fetch(&resolved).await.unwrap()
}

/// Name, place and content of each file; nothing where there is nothing.
fn below(checkout: &Checkout, path: &str) -> Result<Option<Vec<String>>, GitError> {
    let mut found = Vec::new();
    let is_wanted = |name: &str| name.ends_with(".yaml");
    let exists = checkout.files_below::<GitError>(path, &is_wanted, &mut |name, entry| {
        found.push(format!("{name} {} {}", entry.path, String::from_utf8_lossy(&entry.read()?)));
        Ok(())
    })?;
    Ok(exists.then_some(found))
}

#[tokio::test]
async fn a_linked_folder_and_a_linked_file_are_what_they_lead_to() {
    let files =
        [("base/app.yaml", "base"), ("clusters/prod/a.yaml", "a"), ("clusters/prod/b.txt", "no manifest")];
    let links = [
        ("clusters/current", "prod"),
        ("clusters/latest", "../clusters/./current/"),
        ("clusters/prod/app.yaml", "../../base/app.yaml"),
        ("clusters/prod/again.yaml", "app.yaml"),
        ("app.yaml", "clusters/latest/app.yaml"),
    ];
    let repo = repo(&files, &links);
    let checkout = checkout(&repo, Limits::default()).await;
    let expected =
        ["a.yaml clusters/prod/a.yaml a", "again.yaml base/app.yaml base", "app.yaml base/app.yaml base"];
    for path in ["clusters/prod", "clusters/current", "clusters/latest"] {
        assert_eq!(below(&checkout, path).unwrap().unwrap(), expected, "{path}");
    }
    assert_eq!(below(&checkout, "app.yaml").unwrap().unwrap(), ["app.yaml base/app.yaml base"]);
    assert_eq!(below(&checkout, "clusters/prod/b.txt").unwrap().unwrap(), [""; 0]);
    assert_eq!(below(&checkout, "clusters/next").unwrap(), None);
}

#[tokio::test]
async fn links_that_lead_out_of_the_tree_or_to_no_file_are_nothing() {
    let links = [
        ("in/absolute.yaml", "/etc/passwd"),
        ("in/above.yaml", "../../a.yaml"),
        ("in/dangling.yaml", "none.yaml"),
        ("in/round.yaml", "round.yaml"),
        ("in/pair.yaml", "riap.yaml"),
        ("in/riap.yaml", "pair.yaml"),
        ("in/folder.yaml", "../other"),
        ("in/through.yaml", "../a.yaml/b.yaml"),
        ("above", ".."),
        ("root", "/"),
    ];
    let repo = repo(&[("a.yaml", "a"), ("other/b.yaml", "b")], &links);
    let checkout = checkout(&repo, Limits::default()).await;
    assert_eq!(below(&checkout, "in").unwrap().unwrap(), [""; 0]);
    for path in ["above", "root", "in/round.yaml", "a.yaml/b", "../a.yaml"] {
        assert_eq!(below(&checkout, path).unwrap(), None, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_below_the_path_is_not_counted() {
    let files = [("many/a.yaml", "1"), ("many/b.yaml", "2"), ("many/c.yaml", "3"), ("few/d.yaml", "4")];
    let repo = repo(&files, &[]);
    let checkout = checkout(&repo, Limits { entries: 2, ..Limits::default() }).await;
    assert_eq!(below(&checkout, "few").unwrap().unwrap(), ["d.yaml few/d.yaml 4"]);
    let error = below(&checkout, "many").unwrap_err();
    assert!(error.to_string().ends_with("number of files exceeds the limit of 2"), "{error}");
}
