use std::error::Error as _;

use thiserror::Error;

use crate::secret::Place;

/// A Secret or setting that no client can be built from. Names keys, never values.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PolicyError {
    /// A key that is needed is absent or empty.
    #[error("{0} not found")]
    MissingKey(Place),
    /// A value that must be text is not UTF-8.
    #[error("{0} is not valid UTF-8")]
    NotText(Place),
    /// A value that must be PEM holds no usable certificate or key.
    #[error("{0} holds no usable PEM certificate or key")]
    BadCertificate(Place),
    /// A Secret for TLS without anything for it.
    #[error("secret '{0}' must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'")]
    NoCertificates(String),
    /// The proxy's address is not an http, https or socks5 URL.
    #[error("{0} is not a valid proxy URL")]
    BadProxy(Place),
    /// The authority is not PEM.
    #[error("certificate authority holds no usable PEM certificate")]
    BadAuthority,
    /// The client certificate or key is not PEM.
    #[error("client certificate or key holds no usable PEM")]
    BadIdentity,
    /// A token that cannot stand in a header.
    #[error("token holds characters that a header cannot carry")]
    BadToken,
    /// The client refused its settings.
    #[error("http client cannot be built from these certificates and proxy")]
    ClientBuild,
}

/// A request that got no complete answer. `place` is verb and shown URL; wording follows Go's net/http, which
/// users of Flux know.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// Neither http nor https.
    #[error("{place}: unsupported protocol scheme")]
    Scheme {
        /// Verb and URL.
        place: String,
    },
    /// The address is outside of what the policy allows.
    #[error("{place}: address is not allowed")]
    Address {
        /// Verb and URL.
        place: String,
    },
    /// A time limit was reached.
    #[error("{place}: context deadline exceeded")]
    Timeout {
        /// Verb and URL.
        place: String,
    },
    /// No connection could be made.
    #[error("{place}: {cause}")]
    Connect {
        /// Verb and URL.
        place: String,
        /// Cause, with host and port where the Go tools name them.
        cause: String,
    },
    /// A redirect that is not followed.
    #[error("{place}: {cause}")]
    Redirect {
        /// Verb and URL.
        place: String,
        /// Which rule stopped it.
        cause: String,
    },
    /// The body is beyond the size limit.
    #[error("{place}: body is larger than {limit} bytes")]
    TooLarge {
        /// Verb and URL.
        place: String,
        /// Limit in bytes.
        limit: u64,
    },
    /// The connection broke, or the answer is not HTTP.
    #[error("{place}: {cause}")]
    Broken {
        /// Verb and URL.
        place: String,
        /// Innermost cause.
        cause: String,
    },
}

impl RequestError {
    /// Whether a time limit was the cause.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    pub(crate) fn from_reqwest(error: &reqwest::Error, place: String, host: &str) -> Self {
        if error.is_timeout() {
            return Self::Timeout { place };
        }
        let cause = innermost(error);
        if error.is_redirect() {
            Self::Redirect { place, cause }
        } else if cause == "no allowed address" {
            Self::Address { place }
        } else if error.is_connect() {
            Self::Connect { place, cause: as_go_says(host, &cause) }
        } else {
            Self::Broken { place, cause }
        }
    }
}

/// The last error of the chain: it has no URL in it, which the outer ones of `reqwest` may show in full.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn std::error::Error> = error.source();
    let mut text = "request failed".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

fn as_go_says(host: &str, cause: &str) -> String {
    if let Some(problem) = cause.strip_prefix("invalid peer certificate: ") {
        return format!("tls: failed to verify certificate: x509: {}", certificate_problem(problem));
    }
    if cause.starts_with("failed to lookup address") {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        return format!("dial tcp: lookup {name}: no such host");
    }
    let refused = cause.starts_with("Connection refused");
    format!("dial tcp {host}: {}", if refused { "connect: connection refused" } else { cause })
}

fn certificate_problem(problem: &str) -> &str {
    match problem.split([' ', ':', '(']).next() {
        Some("UnknownIssuer") => "certificate signed by unknown authority",
        Some("Expired" | "ExpiredContext" | "NotValidYet" | "NotValidYetContext") => {
            "certificate has expired or is not yet valid"
        }
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_as_the_go_tools_tell_them() {
        let check = |cause, expected| assert_eq!(as_go_says("h:443", cause), expected);
        check("Connection refused (os error 111)", "dial tcp h:443: connect: connection refused");
        check("failed to lookup address information: x", "dial tcp: lookup h: no such host");
        check("No route to host (os error 113)", "dial tcp h:443: No route to host (os error 113)");
        let unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
        check("invalid peer certificate: UnknownIssuer", unknown);
    }
}
