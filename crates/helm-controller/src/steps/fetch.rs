//! Fetches charts, each file once per digest and process.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use api::meta::{Artifact, GoDuration, Reason};
use artifact::{Digest, FetchError, FetchLimits, HostOverrides};
use helm_template::{Chart, Limits, Values};
use runtime::{Event, Set};
use tempfile::NamedTempFile;

use crate::chart::{self, Loaded};
use crate::status::Why;
use crate::work::{Retry, Stop, Work};

/// Bytes of charts kept on disk.
const MAX_KEPT: u64 = 256 << 20;

/// Chart files on disk, least recently used first to go. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Charts {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    client: net::Client,
    hosts: HostOverrides,
    kept: Mutex<HashMap<Digest, Kept>>,
    /// One download at a time of one digest is enough; of different ones a few.
    flights: tokio::sync::Semaphore,
}

struct Kept {
    file: NamedTempFile,
    size: u64,
    used: u64,
}

impl Charts {
    /// Keeps files in a folder of its own, which is emptied.
    ///
    /// # Errors
    /// The disk's refusal.
    pub(crate) fn open(dir: PathBuf, client: net::Client, hosts: HostOverrides) -> io::Result<Self> {
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&dir)?,
        }
        let flights = tokio::sync::Semaphore::new(4);
        Ok(Self { inner: Arc::new(Inner { dir, client, hosts, kept: Mutex::default(), flights }) })
    }

    /// The bytes of an artifact.
    async fn get(&self, artifact: &Artifact) -> Result<Vec<u8>, FetchError> {
        let digest: Digest = artifact
            .digest
            .parse()
            .map_err(|error: artifact::DigestError| FetchError::Url(error.to_string()))?;
        if let Some(bytes) = self.kept(&digest) {
            return Ok(bytes);
        }
        // The semaphore is never closed; should it be, the bound is what is lost.
        let _flight = self.inner.flights.acquire().await.ok();
        if let Some(bytes) = self.kept(&digest) {
            return Ok(bytes);
        }
        let url = self.inner.hosts.apply(&artifact.url);
        let limits = FetchLimits::default();
        let download = artifact::fetch(&self.inner.client, &url, &digest, &self.inner.dir, &limits).await?;
        let bytes = read(&download.file).map_err(|error| FetchError::Disk(error.to_string()))?;
        self.keep(digest, download.file, download.size);
        Ok(bytes)
    }

    fn kept(&self, digest: &Digest) -> Option<Vec<u8>> {
        let mut kept = self.lock();
        let now = kept.values().map(|kept| kept.used).max().unwrap_or(0) + 1;
        let found = kept.get_mut(digest)?;
        found.used = now;
        read(&found.file).ok()
    }

    fn keep(&self, digest: Digest, file: NamedTempFile, size: u64) {
        let mut kept = self.lock();
        let used = kept.values().map(|kept| kept.used).max().unwrap_or(0) + 1;
        kept.insert(digest, Kept { file, size, used });
        while kept.len() > 1 && kept.values().map(|kept| kept.size).sum::<u64>() > MAX_KEPT {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.used).map(|(digest, _)| digest.clone());
            let Some(oldest) = oldest else { break };
            kept.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Kept>> {
        self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: &NamedTempFile) -> io::Result<Vec<u8>> {
    let mut file = file.reopen()?;
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The chart of the source's artifact, with the values for it.
///
/// # Errors
/// Ends the run when the file cannot be had or is no chart, or the chart does not fit its source.
pub(crate) async fn load(work: &Work<'_>, values: Values) -> Result<Loaded, Stop> {
    let Some((source, artifact)) = &work.source else {
        return Err(work.fail_silently(Reason::ArtifactFailed, "could not get Source object: none"));
    };
    let bytes = match work.app.charts.get(artifact).await {
        Ok(bytes) => bytes,
        Err(error) => return Err(not_fetched(work, &error)),
    };
    work.app.memories.with(&work.run.key, |memory| memory.fetch_tries = 0);
    let mut chart = parse(work, bytes).await.map_err(|error| {
        work.ledger.set(Set::no(
            api::meta::ConditionType::Ready,
            Reason::ArtifactFailed,
            format!("Could not load chart: {error}"),
        ));
        work.run.emit(Event::error(Reason::ArtifactFailed, error.clone()));
        Stop::Failed(Retry::Backoff, error)
    })?;
    work.ledger.overcome(&[Reason::ArtifactFailed.as_str()]);
    let tracked = chart::tracked(chart.version(), source, artifact);
    let tracked = tracked.map_err(|error| work.fail_silently(Why::ChartMutateError, error.to_string()))?;
    let oci_digest = match tracked {
        None => String::new(),
        Some((version, digest)) => {
            if work.app.options.track_digests {
                chart.set_version(&version);
            }
            digest
        }
    };
    Loaded::new(chart, values, oci_digest)
        .map_err(|error| work.fail_silently(Why::ChartMutateError, error.to_string()))
}

async fn parse(work: &Work<'_>, bytes: Vec<u8>) -> Result<Chart, String> {
    let permit = work.app.builds.clone().acquire_owned().await.map_err(|error| error.to_string())?;
    let parsed = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        Chart::from_archive(&bytes, &Limits::default()).map_err(|error| error.to_string())
    });
    parsed.await.map_err(|error| error.to_string())?
}

/// Flux's words for charts.
fn words(error: &FetchError) -> String {
    match error {
        FetchError::Status { url, status } => {
            format!("failed to download chart from '{url}' (status: {status})")
        }
        FetchError::DigestMismatch { wanted, .. } => {
            format!("integrity failure: computed digest doesn't match '{wanted}'")
        }
        error => error.to_string(),
    }
}

fn not_fetched(work: &Work<'_>, error: &FetchError) -> Stop {
    if matches!(error, FetchError::NotFound(_)) {
        let after = work.app.options.shared.requeue_dependency;
        let text = format!("Source not ready: artifact not found. Retrying in {}", GoDuration::from(after));
        work.ledger.set(Set::no(api::meta::ConditionType::Ready, Reason::ArtifactFailed, text.clone()));
        return Stop::Failed(Retry::After(after), text);
    }
    let text = words(error);
    let message = format!("Could not load chart: {text}");
    work.ledger.set(Set::no(api::meta::ConditionType::Ready, Reason::ArtifactFailed, message));
    let tries = work.app.memories.with(&work.run.key, |memory| {
        memory.fetch_tries += 1;
        memory.fetch_tries
    });
    // Flux tries a while inside one run before it tells anybody.
    if !error.is_transient() || tries > work.app.options.shared.http_retry {
        work.run.emit(Event::error(Reason::ArtifactFailed, text.clone()));
    }
    Stop::Failed(Retry::Backoff, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_the_words_of_charts() {
        let digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let mismatch = FetchError::DigestMismatch { wanted: digest.clone(), found: digest.clone() };
        assert_eq!(words(&mismatch), format!("integrity failure: computed digest doesn't match '{digest}'"));
        let status = FetchError::Status { url: "http://x/a.tgz".into(), status: 500 };
        assert_eq!(words(&status), "failed to download chart from 'http://x/a.tgz' (status: 500)");
    }
}
