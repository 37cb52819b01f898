//! What automations write to repositories.
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};
use testkit::GitRepo;

use crate::recorded::masks::Masks;

/// Makes the commits known that no step made, oldest first. `own` is how many the steps make in the whole scenario.
pub(crate) fn learn(masks: &Masks, repo: &GitRepo, own: usize) {
    let listed = git(repo, &["rev-list", "--all", "--reverse", "--date-order"]).unwrap_or_default();
    listed.lines().for_each(|id| masks.learn_commit(own, id));
}

/// Branches with their commits and files, in the recorder's shape. Who wrote commits of the scenario's steps is up to the
/// player: they are shown as the recorder's.
pub(crate) fn state(repo: &GitRepo) -> Result<Value> {
    let mut shape = Map::new();
    for name in git(repo, &["for-each-ref", "--format=%(refname)", "refs/heads"])?.lines() {
        let log = git(repo, &["log", "-z", "--format=%H%x1f%an <%ae>%x1f%cn <%ce>%x1f%B", name])?;
        let commits = log.split('\0').filter(|entry| !entry.is_empty()).map(commit);
        shape.insert(name.to_owned(), commits.collect());
        let mut files = Map::new();
        for path in git(repo, &["ls-tree", "-r", "--name-only", name])?.lines() {
            let content = git(repo, &["show", &format!("{name}:{path}")])?;
            files.insert(path.to_owned(), content.into());
        }
        shape.insert(format!("{name} files"), files.into());
    }
    Ok(Value::Object(shape))
}

fn commit(entry: &str) -> Value {
    let mut parts = entry.split('\x1f');
    let mut next = || parts.next().unwrap_or_default();
    let (id, author, committer, message) = (next(), next(), next(), next());
    let who = |who: &str| match who.starts_with("Jane Doe ") {
        true => "dev <dev@example.com>".to_owned(),
        false => who.to_owned(),
    };
    json!({
        "commit": id,
        "author": who(author),
        "committer": who(committer),
        "message": message.trim_end(),
    })
}

fn git(repo: &GitRepo, args: &[&str]) -> Result<String> {
    let bare: &Path = repo.bare();
    let mut all = vec!["--git-dir", bare.to_str().unwrap_or_default()];
    all.extend(args);
    repo.git(&all)
}
