//! What both controllers need before they start.

use std::path::PathBuf;

/// Why a controller cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The folder of artifacts cannot be used.
    #[error("cannot use the artifact cache {dir}")]
    Cache {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The HTTP client for artifacts cannot be made.
    #[error("cannot make the client for artifacts")]
    Client(#[from] net::PolicyError),
}

/// The client for artifacts. They are served in the cluster; a status may be forged, and must not lead to a metadata
/// service.
///
/// # Errors
/// When TLS cannot be set up.
pub fn artifact_client() -> Result<net::Client, SetupError> {
    let policy = net::Policy { addresses: net::AddressRule::NoLinkLocal, ..net::Policy::default() };
    Ok(policy.client()?)
}

/// A folder of a controller's own. In a container the process id is the same at each start, so that nothing piles up.
#[must_use]
pub fn temporary_dir(controller: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{controller}-{}", std::process::id()))
}
