use std::fmt;

use thiserror::Error;

/// Where an artifact lies below the storage root: `<kind>/<namespace>/<name>/<file>`, kind in lower case.
/// The same path is used in URLs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArtifactPath {
    text: String,
}

/// Why a text is not the path of an artifact.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PathError {
    /// A part that could leave the storage root.
    #[error("'{0}' cannot be part of an artifact path")]
    Part(String),
    /// The path of another object's artifact.
    #[error("'{0}' is not in the object's own folder")]
    Foreign(String),
}

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
            return Err(PathError::Part(shown(text)));
        };
        Self::new(kind, namespace, name, file)
    }

    /// Reads `status.artifact.path` of an object. Others write statuses too, such as a tool that restores a backup under
    /// another name: what leads into another object's folder is not believed.
    ///
    /// # Errors
    /// As [`ArtifactPath::parse`], and any path but one of the object's own folder.
    pub fn of_object(kind: &str, namespace: &str, name: &str, text: &str) -> Result<Self, PathError> {
        let path = Self::parse(text)?;
        match Self::new(kind, namespace, name, path.file())? == path {
            true => Ok(path),
            false => Err(PathError::Foreign(shown(text))),
        }
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
        return Err(PathError::Part(shown(part)));
    }
    Ok(())
}

fn shown(text: &str) -> String {
    text.chars().take(255).collect()
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
    fn only_a_path_of_its_own_folder_is_an_objects() {
        let read = |text| ArtifactPath::of_object("GitRepository", "apps", "web", text);
        assert_eq!(read("gitrepository/apps/web/a.tar.gz").unwrap().file(), "a.tar.gz");
        let others = ["bucket/apps/web/a", "gitrepository/prod/web/a", "gitrepository/apps/db/a"];
        for other in others {
            assert_eq!(read(other), Err(PathError::Foreign(other.to_owned())));
        }
        assert!(matches!(read("gitrepository/apps/web/../db/a"), Err(PathError::Part(_))));
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
