use std::{fmt, io};

/// What went wrong, as far as a script wants to know it: the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was asked for was tried and failed (1).
    Failed,
    /// The command line cannot be understood (2).
    Usage,
    /// The cluster cannot be reached, or refuses who asks (3).
    Cluster,
    /// It did not end in the time given by `--timeout` (4).
    Timeout,
    /// The object does not exist (5).
    NotFound,
    /// The reader of the output went away; not told (0).
    ClosedPipe,
}

impl ErrorKind {
    /// The exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Cluster => 3,
            Self::Timeout => 4,
            Self::NotFound => 5,
        }
    }
}

/// The one error of every command.
#[derive(Debug)]
pub struct CommandError {
    kind: ErrorKind,
    message: String,
    hints: Vec<String>,
}

impl CommandError {
    /// An error of a kind.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// It was tried and failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// The command line cannot be understood.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// The object does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What the command was about to do, in front of the message.
    #[must_use]
    pub(crate) fn context(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do about it.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommandError {}

impl From<kube::Error> for CommandError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => of_status(&status),
            kube::Error::Auth(cause) => Self::new(ErrorKind::Cluster, format!("not logged in: {cause}"))
                .hint("renew the credentials that the kubeconfig names"),
            kube::Error::SerdeError(cause) => {
                Self::failed(format!("unexpected answer of the API server: {cause}"))
            }
            other => Self::new(ErrorKind::Cluster, chain(&other))
                .hint("is the cluster up, and is this the right one? see --kubeconfig and --context"),
        }
    }
}

fn of_status(status: &kube::core::Status) -> CommandError {
    let message = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
    match status.code {
        401 => CommandError::new(ErrorKind::Cluster, message)
            .hint("renew the credentials that the kubeconfig names"),
        403 => CommandError::new(ErrorKind::Cluster, message)
            .hint("see what you may do with: kubectl auth can-i --list, or ask for the right"),
        404 => CommandError::not_found(message),
        _ => CommandError::failed(message),
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(ErrorKind::ClosedPipe, "the reader of the output went away");
        }
        Self::failed(error.to_string())
    }
}

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(format!("unexpected form of an object: {error}"))
    }
}
