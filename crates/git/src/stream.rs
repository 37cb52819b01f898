use bytes::Bytes;

use crate::{GitError, ssh::SshTransport};

/// The bytes of one answer.
pub(crate) enum ByteStream<'a> {
    /// The body of an HTTP answer.
    Http { response: Box<net::Response>, url: &'a str },
    /// The output of the program at the other end; it goes on after the answer.
    Ssh(&'a mut SshTransport),
    /// Pieces that are at hand.
    #[cfg(feature = "replay")]
    Given(std::vec::IntoIter<Bytes>),
}

impl ByteStream<'_> {
    /// The next piece, or nothing at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, GitError> {
        match self {
            Self::Http { response, url } => {
                response.chunk().await.map_err(|error| GitError::from_request(url, error))
            }
            Self::Ssh(ssh) => ssh.chunk().await,
            #[cfg(feature = "replay")]
            Self::Given(pieces) => Ok(pieces.next()),
        }
    }
}
