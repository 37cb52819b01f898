use std::io::Write;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::ACCEPT};
use net::RequestError;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256, Sha512};

use crate::{
    Descriptor, Manifest, OciError, Reference, Session,
    host::{go_place, refusal},
    manifest::{INDICES, Index, MANIFESTS},
};

const DIGEST: &str = "docker-content-digest";

impl Session {
    /// The digest that a reference means now: of an index as it is, not of one of its images.
    ///
    /// # Errors
    /// See [`OciError`].
    pub async fn resolve(&self, reference: &Reference) -> Result<String, OciError> {
        if let Reference::Digest(digest) = reference {
            return Ok(digest.clone());
        }
        let path = format!("manifests/{}", reference.as_str());
        let head = self.read(Method::HEAD, &path, accept(), None).await?;
        if head.status() == StatusCode::OK
            && let Some(digest) = head.headers().get(DIGEST).and_then(|value| value.to_str().ok())
            && Reference::digest(digest).is_ok()
        {
            return Ok(digest.to_owned());
        }
        // A registry that answers no HEAD, or has no digest at hand: it is that of the bytes.
        let (bytes, _, _) = self.manifest_bytes(reference.as_str()).await?;
        Ok(format!("sha256:{}", hex(&Sha256::digest(&bytes))))
    }

    /// The manifest with this digest; of an index the one for linux/amd64.
    ///
    /// # Errors
    /// See [`OciError`].
    pub async fn manifest(&self, digest: &str) -> Result<Manifest, OciError> {
        let (bytes, media_type, place) = self.verified_manifest(digest).await?;
        if !INDICES.contains(&media_type.as_str()) {
            return parse(&bytes, &place);
        }
        let index: Index = parse(&bytes, &place)?;
        let child =
            index.child().ok_or_else(|| OciError::NoPlatform(format!("{}@{digest}", self.repository())))?;
        let (bytes, _, place) = self.verified_manifest(&child.digest).await?;
        parse(&bytes, &place)
    }

    /// Writes the content of a layer to `into`. Its digest is compared at the end, so nothing of it is to be used
    /// before this returns.
    ///
    /// # Errors
    /// [`OciError::Request`] with `TooLarge` beyond `limit` bytes, see [`OciError`] else.
    pub async fn blob(
        &self,
        layer: &Descriptor,
        limit: u64,
        into: &mut (dyn Write + Send),
    ) -> Result<u64, OciError> {
        Reference::digest(&layer.digest)?;
        let path = format!("blobs/{}", layer.digest);
        let mut answer = self.read(Method::GET, &path, HeaderMap::new(), Some(limit)).await?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer).await);
        }
        answer.check_length().map_err(OciError::Request)?;
        let mut hasher = Hasher::of(&layer.digest);
        let mut size = 0;
        while let Some(piece) = answer.chunk().await.map_err(OciError::Request)? {
            hasher.update(&piece);
            size += piece.len() as u64;
            into.write_all(&piece).map_err(|error| OciError::Disk(error.to_string()))?;
        }
        check(&layer.digest, hasher.finish(), answer.place())?;
        Ok(size)
    }

    /// The content of a layer in memory.
    ///
    /// # Errors
    /// As [`Session::blob`].
    pub async fn blob_bytes(&self, layer: &Descriptor, limit: u64) -> Result<Vec<u8>, OciError> {
        let mut bytes = Vec::new();
        self.blob(layer, limit, &mut bytes).await?;
        Ok(bytes)
    }

    async fn verified_manifest(&self, digest: &str) -> Result<(Vec<u8>, String, String), OciError> {
        Reference::digest(digest)?;
        let found = self.manifest_bytes(digest).await?;
        let mut hasher = Hasher::of(digest);
        hasher.update(&found.0);
        check(digest, hasher.finish(), &found.2)?;
        Ok(found)
    }

    /// Bytes, media type and place.
    async fn manifest_bytes(&self, reference: &str) -> Result<(Vec<u8>, String, String), OciError> {
        let path = format!("manifests/{reference}");
        let answer = self.read(Method::GET, &path, accept(), Some(self.limits.manifest)).await?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer).await);
        }
        let media_type = answer.headers().get(http::header::CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let place = answer.place().to_owned();
        let bytes = answer.bytes().await.map_err(OciError::Request)?;
        Ok((bytes, media_type, place))
    }
}

impl OciError {
    /// Whether something was larger than allowed.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Request(RequestError::TooLarge { .. }))
    }
}

pub(crate) fn accept() -> HeaderMap {
    let all = MANIFESTS.iter().chain(&INDICES).copied().collect::<Vec<_>>().join(",");
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&all) {
        headers.insert(ACCEPT, value);
    }
    headers
}

fn parse<T: DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T, OciError> {
    serde_json::from_slice(bytes).map_err(|error| OciError::Malformed {
        place: go_place(place),
        cause: format!("not a manifest: {error}"),
    })
}

fn check(wanted: &str, found: String, place: &str) -> Result<(), OciError> {
    if wanted == found {
        return Ok(());
    }
    Err(OciError::Digest { place: go_place(place), wanted: wanted.to_owned(), found })
}

enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// By the function that the digest names; digests are checked before.
    fn of(digest: &str) -> Self {
        match digest.starts_with("sha512:") {
            true => Self::Sha512(Sha512::new()),
            false => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => format!("sha256:{}", hex(&hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512:{}", hex(&hasher.finalize())),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
