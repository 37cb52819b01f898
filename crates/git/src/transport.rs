use bytes::Bytes;

use crate::{GitError, http::HttpTransport, ssh::SshTransport, stream::ByteStream};

/// A connection to a repository, whatever carries it.
pub(crate) enum Transport {
    Http(Box<HttpTransport>),
    Ssh(Box<SshTransport>),
}

impl Transport {
    /// The server's first answer: capabilities, and references in the old protocol.
    pub(crate) async fn advertisement(&mut self) -> Result<ByteStream<'_>, GitError> {
        match self {
            Self::Http(http) => http.advertisement().await,
            Self::Ssh(ssh) => Ok(ByteStream::Ssh(ssh)),
        }
    }

    /// Sends a request and gives its answer.
    pub(crate) async fn request(&mut self, body: Bytes, version2: bool) -> Result<ByteStream<'_>, GitError> {
        match self {
            Self::Http(http) => http.post(body, version2).await,
            Self::Ssh(ssh) => {
                ssh.send(body).await?;
                Ok(ByteStream::Ssh(ssh))
            }
        }
    }
}
