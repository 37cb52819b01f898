//! Repositories whose content leads somewhere else, and fields of a GitRepository that do.
use std::{
    collections::BTreeMap,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use e2e::{World, git_repository};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{GitRepo, condition};

use crate::{all_told, is_calm, neighbour, nothing_escaped, page, ready_is, refused_spec};

/// Name, what the spec has besides the usual, and how it ends.
type Case = (&'static str, Value, End);

#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Stalled, and nothing is stored.
    Stalled,
    /// Ready=False, and nothing is stored.
    Refused,
    /// Refused by the API server: there is no such field.
    NoField,
    /// Stored, with these files.
    Stored(&'static [&'static str]),
}

use End::{NoField, Refused, Stalled, Stored};

/// Paths that lead out of the tree, and what a shell would read as more than one.
fn sparse() -> Vec<Case> {
    let paths = |name, path: &str, end| (name, json!({ "sparseCheckout": [path] }), end);
    vec![
        paths("a11-sparse-good", "app", Stored(&["app/cm.yaml"])),
        paths("a11-sparse-up", "../..", Stored(&[])),
        paths("a11-sparse-through", "app/../../..", Stored(&[])),
        paths("a11-sparse-up-etc", "../../../../../../etc", Refused),
        paths("a11-sparse-absolute", "/etc", Refused),
        paths("a11-sparse-nul", "app\0/etc", Refused),
        paths("a11-sparse-glob", "*", Refused),
        paths("a11-sparse-class", "[a-z]*/**", Refused),
        paths("a11-sparse-option", "--stdin", Refused),
        paths("a11-sparse-git", ".git", Refused),
    ]
}

/// Fields that bring in what others have: not built, so that each is refused as it is.
fn foreign() -> Vec<Case> {
    let include = |name, more: Value| {
        let mut one = json!({ "repository": { "name": "neighbour" } });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (name, json!({ "include": [one] }), Stalled)
    };
    vec![
        ("a11-submodules", json!({ "recurseSubmodules": true }), Stalled),
        // Without the field the places of submodules are empty, whatever their URLs say.
        ("a11-submodules-not-asked-for", json!({ "ref": { "branch": "modules" } }), Stored(&["app/cm.yaml"])),
        include("a11-include", json!({})),
        include("a11-include-to", json!({ "toPath": "../../escaped" })),
        include("a11-include-from", json!({ "fromPath": "/etc" })),
        (
            "a11-include-namespace",
            json!({ "include": [{ "repository": { "name": "neighbour", "namespace": "kube-system" } }] }),
            NoField,
        ),
    ]
}

/// Submodules at a path of this machine, at the metadata service and at another host; committed on a branch of its own.
fn push_modules(repo: &GitRepo) {
    let urls =
        ["file:///etc", "/etc", "http://169.254.169.254/x.git", "ssh://-oProxyCommand=touch%20escaped/x"];
    let module =
        |(at, url): (usize, &&str)| format!("[submodule \"m{at}\"]\n\tpath = m{at}\n\turl = {url}\n");
    let text: String = urls.iter().enumerate().map(module).collect();
    repo.git(&["checkout", "-q", "-b", "modules"]).unwrap();
    std::fs::write(repo.work().join(".gitmodules"), text).unwrap();
    repo.git(&["add", ".gitmodules"]).unwrap();
    for at in 0..urls.len() {
        let link = format!("160000,{},m{at}", "1".repeat(40));
        repo.git(&["update-index", "--add", "--cacheinfo", &link]).unwrap();
    }
    repo.git(&["commit", "-q", "-m", "modules"]).unwrap();
    repo.push().unwrap();
}

/// Commits and trees that `git` would not write, each on a branch of the same name.
fn odd_objects(repo: &GitRepo) -> Vec<Case> {
    let tree = repo.git(&["rev-parse", "main^{tree}"]).unwrap().trim().to_owned();
    let blob = repo.git(&["rev-parse", "main:app/cm.yaml"]).unwrap().trim().to_owned();
    let who = "A <a@b> 1700000000 +0000";
    let commit = |name, more: &str, message: &str, end| {
        let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n{more}\n{message}\n");
        branch(repo, name, text.as_bytes(), end)
    };
    let bare = |name, headers: &str, end| branch(repo, name, format!("{headers}\nx\n").as_bytes(), end);
    let whole = Stored(&["app/cm.yaml"]);
    let mut cases = vec![
        commit("a10-message", "", &"x\u{202e}\u{1b}[31m".repeat(1 << 19), whole),
        commit("a10-signature-open", "gpgsig -----BEGIN PGP SIGNATURE-----\n", "x", whole),
        commit("a10-signature-long", &format!("gpgsig {}", " \u{fffd}\n".repeat(1 << 19)), "x", whole),
        commit("a10-signature-twice", "gpgsig a\ngpgsig b\n", "x", whole),
        commit("a10-header-nul", "encoding \0\0\n", "x", whole),
        bare("a10-no-author", &format!("tree {tree}\n"), Refused),
        bare("a10-no-tree", &format!("author {who}\ncommitter {who}\n"), Refused),
        bare("a10-short-tree", &format!("tree {}\nauthor {who}\ncommitter {who}\n", &tree[..39]), Refused),
        bare(
            "a10-no-person",
            &format!("tree {tree}\nauthor <<>>\ncommitter > 99999999999999999999 +9999\n"),
            whole,
        ),
    ];
    for (name, entries) in [
        ("a1-tree-up", vec!["../../escaped"]),
        ("a1-tree-dots", vec![".."]),
        ("a1-tree-git", vec![".git"]),
        ("a1-tree-git-case", vec![".GiT"]),
        ("a1-tree-empty", vec![""]),
        ("a1-tree-twice", vec!["a", "a"]),
    ] {
        cases.push(odd_tree(repo, name, &entries, &blob));
    }
    cases
}

/// A commit of a tree with these names.
fn odd_tree(repo: &GitRepo, name: &'static str, names: &[&str], blob: &str) -> Case {
    let id: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap()).collect();
    let entry = |name: &&str| [b"100644 ", name.as_bytes(), b"\0", &id].concat();
    let tree = write(repo, "tree", &names.iter().flat_map(entry).collect::<Vec<u8>>());
    let who = "A <a@b> 1700000000 +0000";
    branch(repo, name, format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n").as_bytes(), Refused)
}

/// Writes an object whatever it holds; its id.
fn write(repo: &GitRepo, kind: &str, bytes: &[u8]) -> String {
    std::fs::write(repo.bare().join("raw"), bytes).unwrap();
    repo.served(&["hash-object", "-t", kind, "-w", "--literally", "raw"]).unwrap().trim().to_owned()
}

fn branch(repo: &GitRepo, name: &'static str, commit: &[u8], end: End) -> Case {
    let id = write(repo, "commit", commit);
    // By hand: git would look at it first.
    std::fs::write(repo.bare().join("refs/heads").join(name), format!("{id}\n")).unwrap();
    (name, json!({ "url": repo.url(), "ref": { "branch": name } }), end)
}

#[tokio::test]
async fn repositories_of_an_enemy_lead_nowhere() {
    let world = World::builder("repositories").without_kustomize().start().await.unwrap();
    world.push(&[("app/cm.yaml", "{}")], "start").await.unwrap();
    // Of its own: nothing can be pushed to a repository with such objects.
    let odd = world.git.repo("odd").unwrap();
    odd.commit(&[("app/cm.yaml", "{}")], "start").unwrap();
    let cases = [sparse(), foreign(), odd_objects(&odd)].concat();
    push_modules(&world.repo);
    world.cluster.apply(&git_repository(&world.ns, "neighbour", world.repo.url())).await.unwrap();
    let source = world.source.as_ref().unwrap();
    let (pid, stop) = (source.process().pid(), AtomicBool::new(false));
    let abuse = async {
        let told = join_all(cases.iter().map(|case| ending(&world, case))).await;
        stop.store(true, Ordering::Relaxed);
        told
    };
    let (told, longest) = tokio::join!(abuse, neighbour(&world, "GitRepository", &stop));
    let told: BTreeMap<String, String> = all_told(told);
    is_calm(source, pid, longest);
    nothing_escaped(source);
    page::keep("repositories", &told);
}

/// Applies it, waits for its end, and looks at what is stored.
async fn ending(world: &World, (name, more, end): &Case) -> Result<(String, String), String> {
    let mut object = git_repository(&world.ns, name, world.repo.url());
    object["spec"]["timeout"] = "20s".into();
    object["spec"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let wrong = |error: anyhow::Error| format!("{name}: {error:#}");
    match world.cluster.apply(&object).await {
        Err(error) if *end == NoField && format!("{error:#}").contains("field not declared in schema") => {
            return Ok(((*name).to_owned(), "refused by the API server: the schema".to_owned()));
        }
        applied => applied.map_err(wrong)?,
    };
    let wanted = |object: &Value| match end {
        Stalled => ready_is(object, "False", Some("UnsupportedFeature")) && refused_spec(object),
        Refused => ready_is(object, "False", None) && !refused_spec(object),
        Stored(_) => ready_is(object, "True", None),
        NoField => false,
    };
    let object = world.until("GitRepository", name, wanted).await.map_err(wrong)?;
    let (stored, files) = (stored(world, name), if let Stored(files) = end { files } else { &[][..] });
    let told = condition(&object, "Ready").unwrap()["message"].as_str().unwrap_or_default();
    if stored != files || told.len() > 2000 || told.contains('\0') {
        return Err(format!("{name}: stored {stored:?}, {} bytes of message {told:?}", told.len()));
    }
    Ok(((*name).to_owned(), page::masked(told, world.ns.name())))
}

/// The files in what is stored for an object: by the real `tar`.
fn stored(world: &World, name: &str) -> Vec<String> {
    let dir =
        world.source.as_ref().unwrap().dir().join("storage/gitrepository").join(world.ns.name()).join(name);
    let Ok(found) = std::fs::read_dir(dir) else { return Vec::new() };
    let archives = found
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "gz"));
    let list = |path| {
        String::from_utf8(Command::new("tar").arg("-tvzf").arg(path).output().unwrap().stdout).unwrap()
    };
    let lists: String = archives.map(list).collect();
    let is_file = |line: &&str| line.starts_with('-');
    lists.lines().filter(is_file).filter_map(|line| line.split(' ').next_back()).map(str::to_owned).collect()
}
