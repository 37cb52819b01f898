//! Fetches and unpacks the artifact, once per digest and process.

use std::sync::Arc;

use api::meta::{Artifact, GoDuration, Reason};
use artifact::{Cache, Digest, FetchError, HostOverrides, Tree};

use crate::status::{Failure, Phase, Retry};
use crate::steps::source;

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
    fn a_missing_file_waits_for_the_source_and_others_are_tried_again() {
        let requeue = || GoDuration::from(Duration::from_secs(5));
        let gone = failure(&FetchError::NotFound("u".into()), 1, 9, requeue());
        assert_eq!(gone.message, "Source is not ready, artifact not found, retrying in 5s");
        let broken = FetchError::Status { url: "u".into(), status: 503 };
        assert_eq!(failure(&broken, 1, 9, requeue()).retry, Retry::Backoff);
        assert_eq!(failure(&broken, 9, 9, requeue()).retry, Retry::Interval);
    }
}
