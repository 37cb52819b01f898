use std::fmt;

use thiserror::Error;

/// Where an artifact lies below the storage root: `<kind>/<namespace>/<name>/<file>`, kind in lower case.
/// The same path is used in URLs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArtifactPath {
    text: String,
}

/// A part of an artifact's path that could leave the storage root.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{0}' cannot be part of an artifact path")]
pub struct PathError(String);

impl ArtifactPath {
    /// Joins the four parts.
    ///
    /// # Errors
    /// A part that is empty, starts with a dot, holds a separator or a control character, or is longer than
    /// 255 bytes.
    pub fn new(kind: &str, namespace: &str, name: &str, file: &str) -> Result<Self, PathError> {
        let kind = kind.to_lowercase();
        for part in [&kind, namespace, name, file] {
            check_part(part)?;
        }
        Ok(Self { text: format!("{kind}/{namespace}/{name}/{file}") })
    }

    /// Reads `status.artifact.path`.
    ///
    /// # Errors
    /// Anything but four good parts.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let parts: Vec<&str> = text.split('/').collect();
        let [kind, namespace, name, file] = parts[..] else {
            return Err(PathError(text.chars().take(255).collect()));
        };
        Self::new(kind, namespace, name, file)
    }

    /// The path with slashes.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path of the object's folder.
    pub fn dir(&self) -> &str {
        self.text.rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    /// The last part.
    pub fn file(&self) -> &str {
        self.text.rsplit_once('/').map_or("", |(_, file)| file)
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) fn check_part(part: &str) -> Result<(), PathError> {
    let bad = |c: char| matches!(c, '/' | '\\') || c.is_control();
    if part.is_empty() || part.starts_with('.') || part.len() > 255 || part.contains(bad) {
        return Err(PathError(part.chars().take(255).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_as_flux_does() {
        let path = ArtifactPath::new("GitRepository", "apps", "web", "abc.tar.gz").unwrap();
        assert_eq!(path.as_str(), "gitrepository/apps/web/abc.tar.gz");
        assert_eq!((path.dir(), path.file()), ("gitrepository/apps/web", "abc.tar.gz"));
        assert_eq!(ArtifactPath::parse(path.as_str()).unwrap(), path);
    }

    #[test]
    fn parts_that_leave_the_root_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a\0b", ".tmp", &"x".repeat(256)] {
            assert!(ArtifactPath::new("k", "ns", "n", bad).is_err(), "{bad}");
            assert!(ArtifactPath::new("k", bad, "n", "f").is_err(), "{bad}");
        }
        assert!(ArtifactPath::parse("a/b/c").is_err());
        assert!(ArtifactPath::parse("a/../c/d").is_err());
    }
}
