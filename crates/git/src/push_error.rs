use thiserror::Error;

use crate::{AccessError, GitError, SignerError};

/// Why a commit was not built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CommitError {
    /// The tree would stay as it is.
    #[error("no changes made in the source; no commit")]
    NothingChanged,
    /// A path that no tree may hold, or that is something else than a file there.
    #[error("path {0} cannot be written in a git tree")]
    Path(String),
    /// A NUL in the message.
    #[error("the commit message holds a NUL character")]
    Message,
    /// An object of the commit below is malformed or missing.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The signature.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// Why nothing was pushed. Texts follow what users of Flux see; no URL and no credential is in them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PushError {
    /// Somebody else was faster: the reference is not where the commit stands on.
    #[error("non-fast-forward update: {0}")]
    Moved(String),
    /// The server refused one reference.
    #[error("command error on {reference}: {reason}")]
    Rejected {
        /// Full name.
        reference: String,
        /// What the server said.
        reason: String,
    },
    /// The server could not read what was sent.
    #[error("unpack error: {0}")]
    Unpack(String),
    /// The server takes no push options.
    #[error("server does not support push-options")]
    NoOptions,
    /// A name that Git does not allow, or a refspec that means nothing here.
    #[error("{0}")]
    Refspec(String),
    /// 401, or the SSH server refused the key.
    #[error("{0}")]
    AuthFailed(String),
    /// 403.
    #[error("authorization failed: {0}")]
    Forbidden(String),
    /// 404, or the SSH server knows no such repository.
    #[error("repository not found: {0}")]
    RepositoryNotFound(String),
    /// The deadline passed.
    #[error("{0}context deadline exceeded")]
    Timeout(String),
    /// No connection, it broke, or the server does not speak Git.
    #[error("{0}")]
    Network(String),
    /// Key, certificates or proxy are not usable.
    #[error("{0}")]
    Access(#[from] AccessError),
}

impl From<GitError> for PushError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::AuthFailed { reason, .. } => Self::AuthFailed(reason),
            GitError::Forbidden { reason, .. } => Self::Forbidden(reason),
            GitError::RepositoryNotFound { reason, .. } => Self::RepositoryNotFound(reason),
            GitError::Timeout { place, .. } => Self::Timeout(place),
            GitError::Network { cause, .. } | GitError::Protocol { cause, .. } => Self::Network(cause),
            GitError::HostKey { reason, .. } => {
                Self::Network(format!("ssh: handshake failed: knownhosts: {reason}"))
            }
            GitError::TooLarge { what, limit, .. } => {
                Self::Network(format!("{what} exceeds the limit of {limit}"))
            }
            GitError::Access(error) => Self::Access(error),
            other => Self::Network(other.to_string()),
        }
    }
}
