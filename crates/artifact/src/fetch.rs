use std::{io::Write, path::Path, time::Duration};

use http::{HeaderValue, header::ACCEPT_ENCODING};
use net::{Client, Request, RequestError};
use tempfile::NamedTempFile;
use thiserror::Error;
use url::Url;

use crate::{Digest, Digester};

/// What a download may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// Bytes of the archive.
    pub size: u64,
    /// Pause before the second and last try; longer waits are the caller's queue's business.
    pub pause: Duration,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { size: 100 << 20, pause: Duration::from_millis(200) }
    }
}

/// Why an artifact was not fetched. Cloned to all who wait for the same download.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FetchError {
    /// 404: the artifact was replaced, or the server has not got it yet. The text is Flux's.
    #[error("artifact not found: {0}")]
    NotFound(String),
    /// Another status than 200.
    #[error("failed to download archive from {url} (status: {status})")]
    Status {
        /// URL without credentials.
        url: String,
        /// HTTP status code.
        status: u16,
    },
    /// The bytes are not those that the status names.
    #[error("failed to verify archive: computed digest '{found}' doesn't match provided '{wanted}'")]
    DigestMismatch {
        /// From `status.artifact.digest`.
        wanted: Digest,
        /// Of what was served.
        found: Digest,
    },
    /// The archive is larger than allowed.
    #[error("artifact is greater than the max download size of {0} bytes")]
    TooLarge(u64),
    /// The URL is not one, or its scheme is not http or https.
    #[error("artifact url is invalid: {0}")]
    Url(String),
    /// No answer, or a broken one.
    #[error("failed to download archive: {0}")]
    Network(RequestError),
    /// The file cannot be kept.
    #[error("failed to keep archive: {0}")]
    Disk(String),
    /// The archive was refused.
    #[error("failed to unpack archive: {0}")]
    Unpack(String),
}

impl FetchError {
    /// Whether another try a little later may work.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network(error) => {
                !matches!(error, RequestError::Scheme { .. } | RequestError::Address { .. })
            }
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::NotFound(_) | Self::DigestMismatch { .. } | Self::Disk(_) => true,
            Self::TooLarge(_) | Self::Url(_) | Self::Unpack(_) => false,
        }
    }

    fn is_worth_a_second_try(&self) -> bool {
        !matches!(self, Self::Disk(_) | Self::NotFound(_)) && self.is_transient()
    }
}

/// A downloaded and verified archive; the file goes when this is dropped.
pub struct Download {
    /// The file, positioned anywhere.
    pub file: NamedTempFile,
    /// Bytes.
    pub size: u64,
}

/// Downloads an artifact into a temporary file in `dir` and compares its digest. Tries twice at most.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch(
    client: &Client,
    url: &str,
    digest: &Digest,
    dir: &Path,
    limits: &FetchLimits,
) -> Result<Download, FetchError> {
    let parsed = Url::parse(url).map_err(|error| FetchError::Url(error.to_string()))?;
    match attempt(client, &parsed, digest, dir, limits).await {
        Err(error) if error.is_worth_a_second_try() => {
            tokio::time::sleep(limits.pause).await;
            attempt(client, &parsed, digest, dir, limits).await
        }
        done => done,
    }
}

async fn attempt(
    client: &Client,
    url: &Url,
    digest: &Digest,
    dir: &Path,
    limits: &FetchLimits,
) -> Result<Download, FetchError> {
    let client = client.clone().with_max_body(limits.size);
    let mut request = Request::get(url.clone());
    // The digest is that of the file: nothing on the way is to compress it once more.
    request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let mut response = client.send(request).await.map_err(network)?;
    match response.status().as_u16() {
        200 => {}
        404 => return Err(FetchError::NotFound(net::shown(url))),
        status => return Err(FetchError::Status { url: net::shown(url), status }),
    }
    response.check_length().map_err(network)?;
    let mut file = NamedTempFile::new_in(dir).map_err(disk)?;
    let mut digester = Digester::new(digest.algorithm());
    let mut size = 0;
    while let Some(piece) = response.chunk().await.map_err(network)? {
        digester.update(&piece);
        size += piece.len() as u64;
        // Pieces are a few tens of kilobytes into the page cache: shorter than handing them to another thread.
        file.write_all(&piece).map_err(disk)?;
    }
    let found = digester.finish();
    if found != *digest {
        return Err(FetchError::DigestMismatch { wanted: digest.clone(), found });
    }
    Ok(Download { file, size })
}

fn network(error: RequestError) -> FetchError {
    match error {
        RequestError::TooLarge { limit, .. } => FetchError::TooLarge(limit),
        error => FetchError::Network(error),
    }
}

fn disk(error: std::io::Error) -> FetchError {
    FetchError::Disk(error.to_string())
}
