use crate::tree::Tree;

/// Gives remote resources and bases. Without one, they are refused.
pub trait RemoteLoader {
    /// The content behind an `http://` or `https://` address.
    ///
    /// # Errors
    /// When it cannot be had.
    fn file(&self, url: &str) -> Result<Vec<u8>, RemoteError>;

    /// The tree of a Git address such as `https://github.com/org/repo//dir?ref=v1`, and the directory in it.
    ///
    /// # Errors
    /// When it cannot be had.
    fn directory(&self, url: &str) -> Result<(Box<dyn Tree>, String), RemoteError>;
}

/// Why a remote resource is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// This build takes none.
    #[error("remote resources and bases are not allowed: they must be part of the source")]
    Refused,
    /// It could not be had.
    #[error("remote resource cannot be loaded: {0}")]
    Unavailable(String),
}

/// Whether a path is the address of a file.
pub(crate) fn is_remote_file(path: &str) -> bool {
    path.starts_with("http://") || path.starts_with("https://")
}

/// Whether a path is an address that Git can clone.
pub(crate) fn is_remote_directory(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let lower = lower.strip_prefix("git::").unwrap_or(&lower);
    let schemes = ["ssh://", "http://", "https://", "file://"];
    schemes.iter().any(|scheme| lower.starts_with(scheme)) || behind_host(lower).is_some_and(is_repository)
}

/// What stands behind `github.com/`, or behind the host of `user@host:path` and `user@host/path`.
fn behind_host(path: &str) -> Option<&str> {
    if let Some(rest) = path.strip_prefix("github.com") {
        return rest.strip_prefix(['/', ':']);
    }
    let (user, rest) = path.split_once('@')?;
    let name = user.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let (_, rest) = rest.split_once([':', '/']).filter(|_| name)?;
    user.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(rest)
}

/// Whether a path names a repository of a host, which has an owner or says that it is one. Other paths that look like
/// addresses are folders of these names.
fn is_repository(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.contains('/') || path.contains(".git")
}

#[cfg(test)]
mod tests {
    use super::is_remote_directory;

    #[test]
    fn tells_addresses_from_paths() {
        for url in [
            "https://github.com/a/b",
            "github.com/a/b?ref=v1",
            "git@host:a/b.git",
            "ssh://h/a",
            "git::https://h/a",
            "github.com:a/b",
            "github.com//a/b",
            "github.com/a.git",
            "GitHub.com/a/",
            "user@host/a/b",
            "user@host:a.git?ref=v1",
            "user@/a/b",
        ] {
            assert!(is_remote_directory(url), "{url}");
        }
        for path in [
            "../base",
            "base@v1",
            "a/b.yaml",
            "user@",
            "github.com",
            "github.com/a",
            "github.com/a?ref=b/c",
            "github.com:a",
            "git::github.com/a",
            "user@host/a",
            "user@host:a",
            "git@github.com/a",
            "us_er@host/a/b",
            "./user@host/a/b",
        ] {
            assert!(!is_remote_directory(path), "{path}");
        }
    }
}
