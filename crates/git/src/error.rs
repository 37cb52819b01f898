use net::{PolicyError, RequestError};
use thiserror::Error;

/// A repository URL that is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UrlError {
    /// Not a URL.
    #[error("url cannot be parsed: {0}")]
    Malformed(String),
    /// Neither http, https nor ssh.
    #[error("unsupported url scheme '{0}'")]
    Scheme(String),
    /// No host.
    #[error("url has no host")]
    NoHost,
    /// No path.
    #[error("url has no repository path")]
    NoPath,
    /// Control characters, or a part that starts with a dash.
    #[error("url holds characters that are not allowed")]
    Characters,
}

/// A Secret that gives no access.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AccessError {
    /// A key of the Secret is missing or unreadable.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// SSH needs a key and known hosts.
    #[error("invalid 'ssh' auth option: '{0}' is required")]
    Required(&'static str),
    /// A password without a user name.
    #[error("invalid '{0}' auth option: 'password' requires 'username' to be set")]
    PasswordAlone(String),
    /// The private key or its passphrase is wrong.
    #[error("private key cannot be read: {0}")]
    Identity(&'static str),
    /// No usable line of known hosts.
    #[error("known_hosts holds no usable line")]
    KnownHosts,
}

/// Why a commit was not resolved or fetched. Texts follow what users of Flux see; URLs are shown without
/// credentials.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GitError {
    /// 401, or the SSH server refused the key.
    #[error("unable to clone '{url}': {reason}")]
    AuthFailed {
        /// Repository.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// 403.
    #[error("unable to clone '{url}': authorization failed: {reason}")]
    Forbidden {
        /// Repository.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// 404, or the SSH server knows no such repository.
    #[error("unable to clone '{url}': repository not found: {reason}")]
    RepositoryNotFound {
        /// Repository.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// The repository has no commit at all.
    #[error("git repository is empty")]
    EmptyRepository,
    /// No such branch or tag.
    #[error("unable to clone '{url}': couldn't find remote ref \"{name}\"")]
    RefNotFound {
        /// Repository.
        url: String,
        /// Full name.
        name: String,
    },
    /// `ref.name` names nothing.
    #[error("unable to resolve ref '{0}' to a specific commit")]
    NameNotFound(String),
    /// `ref.commit` names nothing.
    #[error("unable to resolve commit object for '{0}': object not found")]
    CommitNotFound(String),
    /// No tag satisfies the range.
    #[error("no match found for semver: {0}")]
    NoMatch(String),
    /// The range cannot be read.
    #[error("semver parse error: {0}")]
    Semver(String),
    /// The deadline passed.
    #[error("unable to clone '{url}': {place}context deadline exceeded")]
    Timeout {
        /// Repository.
        url: String,
        /// What was being done, with a colon, or nothing.
        place: String,
    },
    /// No connection, or it broke.
    #[error("unable to clone '{url}': {cause}")]
    Network {
        /// Repository.
        url: String,
        /// Cause.
        cause: String,
    },
    /// The host key is not among the known ones.
    #[error("unable to clone '{url}': ssh: handshake failed: knownhosts: {reason}")]
    HostKey {
        /// Repository.
        url: String,
        /// Unknown, or not the known one.
        reason: &'static str,
    },
    /// The server does not speak Git, or breaks its protocol.
    #[error("unable to clone '{url}': {cause}")]
    Protocol {
        /// Repository.
        url: String,
        /// What is wrong.
        cause: String,
    },
    /// A limit was passed.
    #[error("unable to clone '{url}': {what} exceeds the limit of {limit}")]
    TooLarge {
        /// Repository.
        url: String,
        /// What is too large.
        what: &'static str,
        /// Limit, in the unit of `what`.
        limit: u64,
    },
    /// An object of the commit is malformed or missing.
    #[error("git object {id} is not usable: {cause}")]
    Object {
        /// Object.
        id: String,
        /// What is wrong.
        cause: &'static str,
    },
    /// A tree holds a name that no folder may hold, or one that is too long; the path in quotes and escaped.
    #[error("git tree holds an invalid path {0}")]
    Path(String),
    /// The received objects cannot be kept.
    #[error("unable to keep the received objects: {0}")]
    Disk(String),
    /// Key, certificates or proxy are not usable.
    #[error("{0}")]
    Access(#[from] AccessError),
}

impl GitError {
    pub(crate) fn from_request(url: &str, error: RequestError) -> Self {
        let url = url.to_owned();
        match error {
            RequestError::Timeout { place } => Self::Timeout { url, place: format!("{place}: ") },
            RequestError::TooLarge { limit, .. } => Self::TooLarge { url, what: "size of the answer", limit },
            error => Self::Network { url, cause: error.to_string() },
        }
    }

    /// What happened, as it is said of a server that was only asked for its references.
    pub fn of_listing(&self) -> String {
        match self {
            Self::RefNotFound { .. } => self.to_string(),
            error => error.to_string().replacen("unable to clone '", "unable to list remote for '", 1),
        }
    }

    pub(crate) fn protocol(url: &str, cause: impl Into<String>) -> Self {
        Self::Protocol { url: url.to_owned(), cause: cause.into() }
    }
}

/// What a server sent, made fit for a message: printable, one line, short.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}
