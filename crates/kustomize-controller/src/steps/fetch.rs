//! Fetches and unpacks the artifact, once per digest and process.

use std::sync::Arc;

use api::meta::{Artifact, GoDuration, Reason};
use artifact::{Cache, Digest, FetchError, Tree};

use crate::status::{Failure, Phase, Retry};
use crate::steps::source;

/// Overrides of artifact hosts for development, as Flux reads them from the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostOverrides {
    /// `SOURCE_CONTROLLER_LOCALHOST`.
    pub source_controller: Option<String>,
    /// `SOURCE_WATCHER_LOCALHOST`.
    pub source_watcher: Option<String>,
}

impl HostOverrides {
    /// From the environment.
    pub(crate) fn from_env() -> Self {
        let of = |name: &str| std::env::var(name).ok().filter(|host| !host.is_empty());
        Self {
            source_controller: of("SOURCE_CONTROLLER_LOCALHOST"),
            source_watcher: of("SOURCE_WATCHER_LOCALHOST"),
        }
    }

    /// The URL with its host and port replaced where an override is set.
    fn apply(&self, url: &str) -> String {
        let host =
            if url.contains("//source-watcher") { &self.source_watcher } else { &self.source_controller };
        let parts = url.split_once("//").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?.1)));
        match (host, parts) {
            (Some(host), Some((scheme, path))) => format!("{scheme}//{host}/{path}"),
            _ => url.to_owned(),
        }
    }
}

/// The tree behind an artifact.
///
/// # Errors
/// When the digest cannot be read, or the file cannot be had.
pub(crate) async fn fetch(
    cache: &Cache,
    hosts: &HostOverrides,
    artifact: &Artifact,
) -> Result<Arc<Tree>, FetchError> {
    let digest: Digest =
        artifact.digest.parse().map_err(|error: artifact::DigestError| FetchError::Url(error.to_string()))?;
    cache.get(&hosts.apply(&artifact.url), &digest).await
}

/// What a failed download means. `tries` counts those that failed in a row, this one included.
pub(crate) fn failure(error: &FetchError, tries: u32, most: u32, requeue: GoDuration) -> Failure {
    if matches!(error, FetchError::NotFound(_)) {
        return source::gone(requeue);
    }
    let mut failure = Failure::in_phase(Phase::Fetching, Reason::ArtifactFailed, error.to_string());
    if error.is_transient() && tries < most {
        failure.retry = Retry::Backoff;
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn hosts_are_replaced_by_who_serves() {
        let hosts = HostOverrides {
            source_controller: Some("localhost:1".into()),
            source_watcher: Some("localhost:2".into()),
        };
        assert_eq!(
            hosts.apply("http://source-controller.ns.svc./a/b.tar.gz"),
            "http://localhost:1/a/b.tar.gz"
        );
        assert_eq!(hosts.apply("http://source-watcher.ns.svc/a"), "http://localhost:2/a");
        assert_eq!(HostOverrides::default().apply("http://x/a"), "http://x/a");
    }

    #[test]
    fn a_missing_file_waits_for_the_source_and_others_are_tried_again() {
        let requeue = || GoDuration::from(Duration::from_secs(5));
        let gone = failure(&FetchError::NotFound("u".into()), 1, 9, requeue());
        assert_eq!(gone.message, "Source is not ready, artifact not found, retrying in 5s");
        let broken = FetchError::Status { url: "u".into(), status: 503 };
        assert_eq!(failure(&broken, 1, 9, requeue()).retry, Retry::Backoff);
        assert_eq!(failure(&broken, 9, 9, requeue()).retry, Retry::Interval);
    }
}
