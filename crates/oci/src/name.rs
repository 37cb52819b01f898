use std::{fmt, net::IpAddr};

use thiserror::Error;

/// A repository's name: the registry's host, maybe with a port, and the path on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    registry: String,
    path: String,
}

/// A name that is none. The wording is go-containerregistry's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing is named.
    #[error("a repository name must be specified")]
    Empty,
    /// The host is not one.
    #[error("registries must be valid RFC 3986 URI authorities: {0}")]
    Registry(String),
    /// Characters that no path has.
    #[error("repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: {0}")]
    Characters(String),
    /// A path that is too short or too long.
    #[error("repository must be between 2 and 255 characters in length: {0}")]
    Length(String),
    /// A tag that is none.
    #[error(
        "tag can only contain the characters `abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.`: {0}"
    )]
    Tag(String),
    /// A digest that is none.
    #[error("cannot parse hash: {0:?}")]
    Digest(String),
    /// A digest by a function that we do not have.
    #[error("unsupported hash: {0:?}")]
    Algorithm(String),
}

/// The registry that names without a host mean.
const DOCKER: &str = "index.docker.io";

impl Repository {
    /// Reads `HOST[:PORT]/PATH`, or `PATH` alone for Docker Hub; without a scheme, tag or digest.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let (registry, path) = match text.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => (DOCKER, text),
        };
        check_path(path)?;
        let registry = if registry == "docker.io" { DOCKER } else { registry };
        check_registry(registry)?;
        let path = match path.contains('/') || registry != DOCKER {
            true => path.to_owned(),
            false => format!("library/{path}"),
        };
        Ok(Self { registry: registry.to_owned(), path })
    }

    /// `HOST[:PORT]`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path on the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the registry is on this machine or in a private network, where plain HTTP is tried too.
    pub(crate) fn is_local(&self) -> bool {
        let host = self.registry.rsplit_once(':').map_or(self.registry.as_str(), |(host, _)| host);
        let host = host.trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private(),
            Ok(IpAddr::V6(v6)) => v6.is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost") || host.ends_with(".local"),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

fn check_path(path: &str) -> Result<(), NameError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
    if !path.chars().all(plain) {
        return Err(NameError::Characters(path.to_owned()));
    }
    // Not in the Go library: such a part would climb in the URL.
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) || !(2..=255).contains(&path.len()) {
        return Err(NameError::Length(path.to_owned()));
    }
    Ok(())
}

fn check_registry(registry: &str) -> Result<(), NameError> {
    let bad = || NameError::Registry(registry.to_owned());
    let parsed = url::Url::parse(&format!("https://{registry}/")).map_err(|_| bad())?;
    let plain = parsed.username().is_empty() && parsed.password().is_none() && parsed.path() == "/";
    let whole = !registry.contains(['/', '?', '#', '@', '\\']) && parsed.host_str().is_some();
    if plain && whole { Ok(()) } else { Err(bad()) }
}

/// What of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// What the tag means when asked.
    Tag(String),
    /// The manifest with this digest, `sha256:…` or `sha512:…`.
    Digest(String),
}

impl Reference {
    /// A tag of 1 to 128 letters, digits, `_`, `-` and `.`.
    ///
    /// # Errors
    /// [`NameError::Tag`].
    pub fn tag(text: &str) -> Result<Self, NameError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let first = text.starts_with(['-', '.']);
        if text.is_empty() || text.len() > 128 || first || !text.chars().all(plain) {
            return Err(NameError::Tag(text.to_owned()));
        }
        Ok(Self::Tag(text.to_owned()))
    }

    /// A digest of sha256 or sha512.
    ///
    /// # Errors
    /// [`NameError::Digest`], [`NameError::Algorithm`].
    pub fn digest(text: &str) -> Result<Self, NameError> {
        let bad = || NameError::Digest(text.to_owned());
        let (algorithm, hex) = text.split_once(':').ok_or_else(bad)?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err(NameError::Algorithm(algorithm.to_owned())),
        };
        let plain = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if hex.len() != length || !hex.chars().all(plain) {
            return Err(bad());
        }
        Ok(Self::Digest(text.to_owned()))
    }

    /// The text in a URL.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(Repository::parse(text).unwrap().to_string(), expected);
    }

    #[test]
    fn names_are_read_as_docker_reads_them() {
        check("ghcr.io/org/app", "ghcr.io/org/app");
        check("localhost/app", "localhost/app");
        check("nginx", "index.docker.io/library/nginx");
        check("docker.io/org/app", "index.docker.io/org/app");
        check("127.0.0.1:5000/a/b-c", "127.0.0.1:5000/a/b-c");
    }

    #[test]
    fn tags_capitals_and_climbing_paths_are_no_repositories() {
        assert_eq!(
            Repository::parse("127.0.0.1:5000/ns/app:v1").unwrap_err().to_string(),
            "repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: ns/app:v1"
        );
        for bad in ["", "h.io/UPPER/x", "h.io/a/../b", "h.io//a", "user@h.io:1/aa", "h.io:x/aa"] {
            assert!(Repository::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn references_cannot_leave_their_place_in_a_url() {
        assert!(Reference::tag("v1.0_b-2").is_ok());
        for bad in ["", "..", "a/b", "a b", "a?b", "a%2fb"] {
            assert!(Reference::tag(bad).is_err(), "{bad}");
        }
        assert!(Reference::digest(&format!("sha256:{}", "0".repeat(64))).is_ok());
        assert_eq!(
            Reference::digest("sha256:ab").unwrap_err().to_string(),
            "cannot parse hash: \"sha256:ab\""
        );
        assert_eq!(Reference::digest("md5:ab").unwrap_err().to_string(), "unsupported hash: \"md5\"");
    }

    #[test]
    fn only_local_registries_are_tried_without_tls() {
        for local in ["127.0.0.1:5000/aa", "localhost/aa", "10.1.2.3/aa", "[::1]:5000/aa"] {
            assert!(Repository::parse(local).unwrap().is_local(), "{local}");
        }
        assert!(!Repository::parse("ghcr.io/org/app").unwrap().is_local());
    }
}
