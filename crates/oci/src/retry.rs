//! Which failures of a registry are over soon, as go-containerregistry sees it.
use std::time::Duration;

use net::{RequestError, Response};

use crate::OciError;

/// Pauses before the second and the third try.
pub(crate) const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Too many requests, or trouble in the registry or a proxy before it. 499 and 522 are those of nginx and Cloudflare.
const PASSING: [u16; 8] = [408, 429, 499, 500, 502, 503, 504, 522];

/// Whether the same request may well succeed in a moment. The answer may be that of the token server.
pub(crate) fn is_passing(done: &Result<Response, OciError>) -> bool {
    match done {
        Ok(answer) => PASSING.contains(&answer.status().as_u16()),
        Err(OciError::Answer { status, .. }) => PASSING.contains(status),
        Err(OciError::Request(error)) => matches!(error, RequestError::Broken { .. }),
        Err(_) => false,
    }
}
