use semver_range::{Constraint, Version};

use crate::{GitError, Oid, refs::RemoteRef, selector::Wanted};

/// The commit a selector means right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// As in `status.artifact.revision`: `main@sha1:…`, `v1.0.0@sha1:…`, `refs/heads/main@sha1:…`, `sha1:…`.
    pub revision: String,
    /// The commit.
    pub commit: Oid,
    /// Full name of the reference, when there is one.
    pub reference: Option<String>,
    /// The tag object in front of the commit, when the tag is annotated.
    pub(crate) tag: Option<Oid>,
    /// Where the commit is looked for when the server gives no commit by its id.
    pub(crate) pinned: bool,
}

/// Outcome of a look at the references.
pub(crate) enum Found {
    One(Resolved),
    /// Several tags of the same version: the one with the youngest commit is meant.
    Tie(Vec<Resolved>),
}

/// The beginnings of reference names that are needed to answer; empty when none is.
pub(crate) fn prefixes(wanted: &Wanted) -> Vec<String> {
    match wanted {
        Wanted::Commit { branch, .. } => branch.iter().map(|branch| format!("refs/heads/{branch}")).collect(),
        Wanted::Name(name) => vec![bare(name).to_owned()],
        Wanted::Semver(_) => vec!["refs/tags/".to_owned()],
        Wanted::Tag(tag) => vec![format!("refs/tags/{tag}")],
        Wanted::Branch(branch) => vec![format!("refs/heads/{branch}")],
    }
}

pub(crate) fn choose(wanted: &Wanted, refs: &[RemoteRef], url: &str) -> Result<Found, GitError> {
    match wanted {
        Wanted::Commit { commit, branch, name } => {
            if let Some(branch) = branch {
                exact(refs, "refs/heads/", branch, url)?;
            }
            pinned(commit, branch.as_deref(), name.as_deref()).map(Found::One)
        }
        Wanted::Name(name) => named(name, refs).map(Found::One),
        Wanted::Tag(tag) => exact(refs, "refs/tags/", tag, url).map(Found::One),
        Wanted::Branch(branch) => exact(refs, "refs/heads/", branch, url).map(Found::One),
        Wanted::Semver(range) => highest(range, refs),
    }
}

/// A commit by its id: the revision shows it under the name, else under the branch.
fn pinned(commit: &str, branch: Option<&str>, name: Option<&str>) -> Result<Resolved, GitError> {
    let missing = || GitError::CommitNotFound(commit.chars().take(100).collect());
    let id = Oid::from_hex(commit).ok_or_else(missing)?;
    let revision = match name.or(branch) {
        Some(shown) => format!("{shown}@sha1:{id}"),
        None => format!("sha1:{id}"),
    };
    let reference = branch.map(|branch| format!("refs/heads/{branch}"));
    Ok(Resolved { revision, commit: id, reference, tag: None, pinned: true })
}

fn named(name: &str, refs: &[RemoteRef]) -> Result<Resolved, GitError> {
    let found = refs.iter().find(|reference| reference.name == bare(name));
    let found = found.ok_or_else(|| GitError::NameNotFound(name.to_owned()))?;
    Ok(resolved(found, name))
}

fn bare(name: &str) -> &str {
    name.strip_suffix("^{}").unwrap_or(name)
}

fn exact(refs: &[RemoteRef], prefix: &str, short: &str, url: &str) -> Result<Resolved, GitError> {
    let name = format!("{prefix}{short}");
    match refs.iter().find(|reference| reference.name == name) {
        Some(found) => Ok(resolved(found, short)),
        None => Err(GitError::RefNotFound { url: url.to_owned(), name }),
    }
}

fn resolved(reference: &RemoteRef, shown: &str) -> Resolved {
    let commit = reference.commit();
    Resolved {
        revision: format!("{shown}@sha1:{commit}"),
        commit,
        reference: Some(reference.name.clone()),
        tag: reference.peeled.map(|_| reference.id),
        pinned: false,
    }
}

fn highest(range: &str, refs: &[RemoteRef]) -> Result<Found, GitError> {
    let constraint = Constraint::parse(range).map_err(|error| GitError::Semver(error.to_string()))?;
    let mut best: Vec<(Version, &RemoteRef)> = Vec::new();
    for reference in refs {
        let Some(tag) = reference.name.strip_prefix("refs/tags/") else { continue };
        let Ok(version) = Version::parse_tag(tag) else { continue };
        if !constraint.matches(&version) {
            continue;
        }
        match best.first().map(|(top, _)| precedence(&version, top)) {
            Some(std::cmp::Ordering::Less) => {}
            Some(std::cmp::Ordering::Equal) => best.push((version, reference)),
            Some(std::cmp::Ordering::Greater) | None => best = vec![(version, reference)],
        }
    }
    let mut found: Vec<Resolved> = best
        .iter()
        .map(|(_, reference)| resolved(reference, &reference.name["refs/tags/".len()..]))
        .collect();
    match found.len() {
        0 => Err(GitError::NoMatch(range.to_owned())),
        1 => Ok(Found::One(found.remove(0))),
        _ => Ok(Found::Tie(found)),
    }
}

/// Order without build metadata.
fn precedence(a: &Version, b: &Version) -> std::cmp::Ordering {
    a.cmp(b)
}
