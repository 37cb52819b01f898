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
    let schemes = ["ssh://", "http://", "https://", "file://", "github.com/", "github.com:"];
    schemes.iter().any(|scheme| lower.starts_with(scheme)) || is_scp_style(lower)
}

/// `user@host:path` or `user@host/path`.
fn is_scp_style(path: &str) -> bool {
    let Some((user, rest)) = path.split_once('@') else { return false };
    let name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    user.starts_with(|c: char| c.is_ascii_alphabetic()) && name(user) && rest.contains([':', '/'])
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
        ] {
            assert!(is_remote_directory(url), "{url}");
        }
        for path in ["../base", "base@v1", "a/b.yaml", "user@"] {
            assert!(!is_remote_directory(path), "{path}");
        }
    }
}
