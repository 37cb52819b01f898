use bytes::Bytes;

use crate::{GitError, ssh::SshTransport};

/// The bytes of one answer.
pub(crate) enum ByteStream<'a> {
    /// The body of an HTTP answer.
    Http { response: Box<net::Response>, url: &'a str },
    /// The output of the program at the other end; it goes on after the answer.
    Ssh(&'a mut SshTransport),
}

impl ByteStream<'_> {
    /// The next piece, or nothing at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, GitError> {
        match self {
            Self::Http { response, url } => {
                response.chunk().await.map_err(|error| GitError::from_request(url, error))
            }
            Self::Ssh(ssh) => ssh.chunk().await,
        }
    }
}
