use bytes::Bytes;

use crate::GitError;

/// The bytes of one answer.
pub(crate) enum ByteStream<'a> {
    /// The body of an HTTP answer.
    Http { response: Box<net::Response>, url: &'a str },
}

impl ByteStream<'_> {
    /// The next piece, or nothing at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, GitError> {
        match self {
            Self::Http { response, url } => {
                response.chunk().await.map_err(|error| GitError::from_request(url, error))
            }
        }
    }
}
