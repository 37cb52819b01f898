use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use git::{
    Changes, Checkout, Draft, Git, GitError, GitOptions, Identity, Lease, NewCommit, Push, PushError,
    RefUpdate, Remote, Selector,
};

use super::{GitArgs, access::Login};
use crate::{
    CommandError,
    say::{self, Progress},
};

/// Somebody else's commits are met this often.
const TRIES: usize = 5;
/// A request to the Git server.
const REQUEST: Duration = Duration::from_secs(60);
/// Between two tries of a new key.
const LOOK: Duration = Duration::from_secs(2);

/// What became of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It has all files already.
    Nothing,
    /// It has one commit more.
    Commit,
}

/// The repository of the flags.
pub(super) struct Repository<'a> {
    git: Git,
    remote: Remote,
    args: &'a GitArgs,
}

impl<'a> Repository<'a> {
    /// Nothing is asked yet.
    pub(super) fn new(args: &'a GitArgs, login: &Login, limit: Duration) -> Result<Self, CommandError> {
        let git = Git::new(GitOptions::new(std::env::temp_dir()));
        let remote = Remote { url: login.url.clone(), access: login.access()?, timeout: limit.min(REQUEST) };
        Ok(Self { git, remote, args })
    }

    /// Waits until the server lets the new key in; the command's time limit ends it otherwise.
    pub(super) async fn let_in(&self) -> Result<(), CommandError> {
        let progress = Progress::start();
        say::waiting("waiting for the repository to let the key in");
        loop {
            match self.git.open(&self.remote).await {
                Ok(_) | Err(GitError::EmptyRepository) => return Ok(()),
                Err(GitError::AuthFailed { reason, .. } | GitError::Forbidden { reason, .. }) => {
                    progress.tell(&reason);
                }
                Err(error) => return Err(refused(&error.to_string())),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Writes the files that differ, in one commit; nothing when none does.
    pub(super) async fn publish(&self, files: &[(String, String)]) -> Result<Pushed, CommandError> {
        for _ in 0..TRIES {
            say::action(&format!(
                "cloning branch \"{}\" from Git repository \"{}\"",
                self.args.branch, self.remote.url
            ));
            let head = self.head().await?;
            say::success("cloned repository");
            let changes = changes(head.as_ref(), files).map_err(|error| refused(&error.to_string()))?;
            if changes.is_empty() {
                say::success("component manifests are up to date");
                return Ok(Pushed::Nothing);
            }
            let commit = self.commit(head.as_ref(), &changes)?;
            match self.push(&commit).await {
                Err(PushError::Moved(_)) => say::warning("the branch moved meanwhile: trying again"),
                Err(error) => return Err(refused(&error.to_string())),
                Ok(()) => {
                    let id = commit.id();
                    say::success(&format!(
                        "committed component manifests to \"{}\" (\"{id}\")",
                        self.args.branch
                    ));
                    return Ok(Pushed::Commit);
                }
            }
        }
        Err(CommandError::failed(format!("the branch {} moved {TRIES} times meanwhile", self.args.branch)))
    }

    /// The branch as it stands; nothing in an empty repository and for a new branch of one without it.
    async fn head(&self) -> Result<Option<Checkout>, CommandError> {
        let mut session = match self.git.open(&self.remote).await {
            Err(GitError::EmptyRepository) => return Ok(None),
            other => other.map_err(|error| refused(&error.to_string()))?,
        };
        let selector = Selector { branch: Some(self.args.branch.clone()), ..Selector::default() };
        match session.resolve(&selector).await {
            Ok(found) => session.fetch(&found).await.map(Some).map_err(|error| refused(&error.to_string())),
            Err(GitError::EmptyRepository) => Ok(None),
            Err(error) => Err(refused(&error.to_string())),
        }
    }

    fn commit(&self, head: Option<&Checkout>, changes: &Changes) -> Result<NewCommit, CommandError> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let who = Identity {
            name: self.args.author_name.clone(),
            email: self.args.author_email.clone(),
            time: i64::try_from(time).unwrap_or(i64::MAX),
        };
        let mut message =
            concat!("Add sluice v", env!("CARGO_PKG_VERSION"), " component and sync manifests").to_owned();
        if !self.args.commit_message_appendix.is_empty() {
            message = format!("{message}\n\n{}", self.args.commit_message_appendix);
        }
        let draft = Draft { author: &who, committer: &who, message: &message, signer: None };
        let made = match head {
            Some(head) => head.compose(changes, &draft),
            None => NewCommit::root(changes, &draft),
        };
        made.map_err(|error| CommandError::failed(error.to_string()))
    }

    async fn push(&self, commit: &NewCommit) -> Result<(), PushError> {
        let reference = format!("refs/heads/{}", self.args.branch);
        let updates = [RefUpdate { reference, lease: Lease::FastForward }];
        self.git.push(&self.remote, &Push { commit, updates: &updates, options: &[] }).await
    }
}

fn refused(cause: &str) -> CommandError {
    CommandError::failed(cause)
        .hint("may this user read and push? see --username, --password and --private-key-file")
}

/// The files that are not yet as wanted. A kustomization.yaml that is there is the user's and stays.
fn changes(head: Option<&Checkout>, files: &[(String, String)]) -> Result<Changes, GitError> {
    let wanted: HashMap<&str, &str> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut done = Vec::new();
    if let Some(head) = head {
        head.walk::<GitError>(&mut |entry| {
            if let Some(text) = wanted.get(entry.path) {
                let theirs = entry.path.ends_with("/kustomization.yaml");
                if theirs || entry.read()? == text.as_bytes() {
                    done.push(entry.path.to_owned());
                }
            }
            Ok(())
        })?;
    }
    let mut changes = Changes::default();
    for (path, text) in files.iter().filter(|(path, _)| !done.contains(path)) {
        changes.write(path.clone(), text.clone());
    }
    Ok(changes)
}
