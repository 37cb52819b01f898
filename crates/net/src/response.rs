use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use url::Url;

use crate::{LeastPace, Pace, RequestError};

/// An answer whose body is read under the policy's size limit.
pub struct Response {
    inner: reqwest::Response,
    place: String,
    host: String,
    left: u64,
    limit: u64,
    pace: Option<Pace>,
}

impl Response {
    pub(crate) fn new(
        inner: reqwest::Response,
        place: String,
        host: String,
        (limit, pace): (u64, Option<LeastPace>),
    ) -> Self {
        Self { inner, place, host, left: limit, limit, pace: pace.map(Pace::new) }
    }

    /// Status code, of the last redirect's target.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// Headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The URL that answered, after redirects.
    pub fn url(&self) -> &Url {
        self.inner.url()
    }

    /// What was asked, as errors name it: verb and shown URL.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The next piece of the body, or nothing at its end.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`] beyond the limit, [`RequestError::Slow`], else time limit or connection.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RequestError> {
        let size = |read: &reqwest::Result<Option<Bytes>>| {
            read.as_ref().map_or(0, |piece| piece.as_ref().map_or(0, Bytes::len))
        };
        let read = match &mut self.pace {
            None => self.inner.chunk().await,
            Some(pace) => {
                let read = pace.wait(self.inner.chunk(), size).await;
                read.map_err(|cause| RequestError::Slow { place: self.place.clone(), cause })?
            }
        };
        let read =
            read.map_err(|error| RequestError::from_reqwest(&error, self.place.clone(), &self.host, None))?;
        if let Some(piece) = &read {
            self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| self.too_large())?;
        }
        Ok(read)
    }

    /// The whole body in memory.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub async fn bytes(mut self) -> Result<Vec<u8>, RequestError> {
        let mut all = Vec::new();
        while let Some(piece) = self.chunk().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// Fails at once when the announced length is beyond the limit.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`].
    pub fn check_length(&self) -> Result<(), RequestError> {
        match self.inner.content_length() {
            Some(length) if length > self.limit => Err(self.too_large()),
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> RequestError {
        RequestError::TooLarge { place: self.place.clone(), limit: self.limit }
    }
}
