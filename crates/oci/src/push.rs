use std::collections::BTreeMap;

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use net::Body;
use sha2::{Digest as _, Sha256};

use crate::{
    Descriptor, Manifest, OciError, Reference, Session,
    host::{Place, refusal},
    manifest::MANIFESTS,
    pull::{accept, hex},
};

/// Bytes of one layer, or of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Body,
}

/// What is pushed as one manifest.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// The configuration; `{}` for artifacts that have none.
    pub config: Content,
    /// Layers in order.
    pub layers: Vec<Content>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Session {
    /// Pushes what the registry has not got yet, then the manifest under `reference`; returns its digest.
    ///
    /// # Errors
    /// See [`OciError`].
    pub async fn push(&self, reference: &Reference, upload: &Upload) -> Result<String, OciError> {
        let config = self.push_content(&upload.config).await?;
        let mut layers = Vec::new();
        for layer in &upload.layers {
            layers.push(self.push_content(layer).await?);
        }
        let media_type = MANIFESTS[0].to_owned();
        let annotations = upload.annotations.clone();
        let manifest = Manifest { schema_version: 2, media_type, config, layers, annotations };
        let bytes = serde_json::to_vec(&manifest).map_err(|error| malformed(&error.to_string()))?;
        self.push_manifest(reference, MANIFESTS[0], bytes).await
    }

    /// Gives a manifest that is there another tag.
    ///
    /// # Errors
    /// See [`OciError`].
    pub async fn tag(&self, digest: &str, tag: &Reference) -> Result<(), OciError> {
        let path = format!("manifests/{}", Reference::digest(digest)?.as_str());
        let answer = self.read(Method::GET, &path, accept(), Some(self.limits.manifest)).await?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer).await);
        }
        let media_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or(MANIFESTS[0]).to_owned();
        let bytes = answer.bytes().await.map_err(OciError::Request)?;
        self.push_manifest(tag, &media_type, bytes).await.map(drop)
    }

    async fn push_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<String, OciError> {
        let digest = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(media_type).map_err(|_| malformed("media type"))?;
        headers.insert(CONTENT_TYPE, value);
        let place = self.place(&format!("manifests/{}", reference.as_str()));
        let answer = self.write(Method::PUT, place, headers, bytes.into()).await?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::OK | StatusCode::ACCEPTED => Ok(digest),
            _ => Err(refusal(answer).await),
        }
    }

    async fn push_content(&self, content: &Content) -> Result<Descriptor, OciError> {
        let digest = format!("sha256:{}", hex(&Sha256::digest(&content.bytes)));
        let descriptor = Descriptor {
            media_type: content.media_type.clone(),
            digest: digest.clone(),
            size: content.bytes.len() as u64,
            annotations: None,
        };
        let place = self.place(&format!("blobs/{digest}"));
        let known = self.write(Method::HEAD, place, HeaderMap::new(), Body::new()).await?;
        if known.status() == StatusCode::OK {
            return Ok(descriptor);
        }
        let begun =
            self.write(Method::POST, self.place("blobs/uploads/"), HeaderMap::new(), Body::new()).await?;
        let location = begun.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(location) = location.filter(|_| begun.status() == StatusCode::ACCEPTED).map(str::to_owned)
        else {
            return Err(refusal(begun).await);
        };
        let join = if location.contains('?') { '&' } else { '?' };
        let place = Place::Url(format!("{location}{join}digest={digest}"));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let done = self.write(Method::PUT, place, headers, content.bytes.clone()).await?;
        match done.status() {
            StatusCode::CREATED => Ok(descriptor),
            _ => Err(refusal(done).await),
        }
    }

    fn place(&self, path: &str) -> Place {
        Place::Path(format!("{}/{path}", self.repository().path()))
    }
}

fn malformed(cause: &str) -> OciError {
    OciError::Malformed { place: "manifest".into(), cause: cause.to_owned() }
}
