//! What Git says of an object: the commit that is applied, and the file and line that define the object.
//!
//! Read from the repository of the source with the credentials that the source uses, or from a clone on this machine
//! (`--repo`), which also knows who changed the line last.
mod local;

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use git::{Access, Git, GitOptions, Remote, RemoteUrl, Selector};
use k8s_openapi::jiff::Timestamp;
use net::Secret;
use serde_json::Value;

pub(super) use self::local::Clone;
use crate::{
    cluster::Cluster,
    commands::export::SECRETS,
    documents::{Document, documents, is_manifest},
    error::chain,
    value::{at, name, namespace, text},
};

/// The server may take this long.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of a file that is looked into.
const MAX_FILE: usize = 4 << 20;

/// A commit as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommitInfo {
    pub(super) id: String,
    pub(super) author: String,
    pub(super) time: String,
    pub(super) subject: String,
}

/// The commit that is applied, and its files below a folder.
pub(super) struct Tree {
    pub(super) commit: CommitInfo,
    files: Vec<(String, String)>,
}

impl Tree {
    /// The document that defines an object.
    pub(super) fn document(&self, object: &Value) -> Option<Document> {
        let wanted = name(object);
        let may = self.files.iter().filter(|(_, content)| content.contains(wanted));
        may.filter_map(|(path, content)| documents(path, content).ok())
            .flatten()
            .find(|document| document.defines(object))
    }
}

/// The commit of a revision such as `main@sha1:0123…`; nothing for a digest of another kind.
pub(super) fn commit_of(revision: &str) -> Option<&str> {
    let id = revision.rsplit_once("sha1:").map_or(revision, |(_, id)| id);
    (id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
}

/// Fetches the commit that a GitRepository has as its artifact.
///
/// # Errors
/// Why it cannot be read, in one line.
pub(super) async fn fetched(cluster: &Cluster, source: &Value) -> Result<Tree, String> {
    let told = |error: &dyn std::error::Error| chain(error);
    let revision = text(source, &["status", "artifact", "revision"]);
    let commit = commit_of(revision).ok_or_else(|| format!("'{revision}' names no commit"))?;
    let url = RemoteUrl::parse(text(source, &["spec", "url"])).map_err(|error| told(&error))?;
    let secret = secret(cluster, source).await?;
    let access = Access::new(&url, secret.as_ref(), None).map_err(|error| told(&error))?;
    let git = Git::new(GitOptions::new(std::env::temp_dir()));
    let remote = Remote { url, access, timeout: PATIENCE };
    let mut session = git.open(&remote).await.map_err(|error| told(&error))?;
    let selector = Selector { commit: Some(commit.to_owned()), ..Selector::default() };
    let found = session.resolve(&selector).await.map_err(|error| told(&error))?;
    let checkout = session.fetch(&found).await.map_err(|error| told(&error))?;
    let mut files = Vec::new();
    let walked = checkout.walk::<git::GitError>(&mut |entry| {
        if is_manifest(entry.path) && matches!(entry.kind, git::EntryKind::File { .. }) {
            let content = entry.read()?;
            if content.len() <= MAX_FILE {
                files.push((entry.path.to_owned(), String::from_utf8_lossy(&content).into_owned()));
            }
        }
        Ok(())
    });
    walked.map_err(|error| told(&error))?;
    let commit = checkout.commit();
    let author = &commit.author;
    let time = Timestamp::from_second(author.time).map_or(String::new(), |time| time.to_string());
    let commit = CommitInfo {
        id: commit.id.to_string(),
        author: format!("{} <{}>", author.name, author.email),
        time,
        subject: commit.subject().to_owned(),
    };
    Ok(Tree { commit, files })
}

async fn secret(cluster: &Cluster, source: &Value) -> Result<Option<Secret>, String> {
    let wanted = text(source, &["spec", "secretRef", "name"]);
    if wanted.is_empty() {
        return Ok(None);
    }
    let found = cluster.need(&SECRETS, namespace(source), wanted).await;
    let found = found.map_err(|error| format!("its Secret {wanted}: {error}"))?;
    let data = at(&found, &["data"]).and_then(Value::as_object).into_iter().flatten();
    let plain = data.filter_map(|(key, value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?)));
    Ok(Some(Secret::new(wanted, plain.collect::<BTreeMap<_, _>>())))
}

#[cfg(test)]
mod tests {
    use super::commit_of;

    #[test]
    fn only_a_sha1_is_a_commit() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(commit_of(&format!("main@sha1:{id}")), Some(id));
        assert_eq!(commit_of(&format!("v1@sha1:{id}")), Some(id));
        assert_eq!(commit_of("latest@sha256:00"), None);
        assert_eq!(commit_of("6.1.0"), None);
    }
}
