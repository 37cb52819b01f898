use std::error::Error as _;

use thiserror::Error;

use crate::{TooSlow, secret::Place};

/// A Secret or setting that no client can be built from. Names keys, never values.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PolicyError {
    /// A key that is needed is absent or empty.
    #[error("{0} not found")]
    MissingKey(Place),
    /// A client certificate without its key, or the other way round.
    #[error("secret '{secret}' contains '{has}' but missing '{misses}'")]
    HalfPair {
        /// How errors call the Secret.
        secret: String,
        /// The key that is there.
        has: &'static str,
        /// The one that is not.
        misses: &'static str,
    },
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
    /// The proxy's address is outside of what the policy allows.
    #[error("the address of the proxy is not allowed")]
    ProxyAddress,
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
    /// The body comes slower than the policy allows.
    #[error("{place}: body comes too slowly: {cause}")]
    Slow {
        /// Verb and URL.
        place: String,
        /// What came, and what is expected.
        cause: TooSlow,
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

    pub(crate) fn from_reqwest(
        error: &reqwest::Error,
        place: String,
        host: &str,
        proxy: Option<&str>,
    ) -> Self {
        if error.is_timeout() {
            return Self::Timeout { place };
        }
        let cause = innermost(error);
        if error.is_redirect() {
            Self::Redirect { place, cause }
        } else if cause == "no allowed address" {
            Self::Address { place }
        } else if error.is_connect() {
            Self::Connect { place, cause: as_go_says(host, proxy, &cause) }
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

fn as_go_says(host: &str, proxy: Option<&str>, cause: &str) -> String {
    if let Some(problem) = cause.strip_prefix("invalid peer certificate: ") {
        return format!("tls: failed to verify certificate: x509: {}", certificate_problem(problem));
    }
    if cause.contains("corrupt message of type InvalidContentType") {
        return "tls: first record does not look like a TLS handshake".to_owned();
    }
    // What is dialled is the proxy; other causes are its answer, or of the host behind it.
    let is_dialling = cause.starts_with("failed to lookup address") || cause.contains("(os error ");
    match proxy.filter(|_| is_dialling) {
        Some(proxy) => format!("proxyconnect tcp: {}", dialled(proxy, cause)),
        None => dialled(host, cause),
    }
}

fn dialled(host: &str, cause: &str) -> String {
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
        let check = |cause, expected| assert_eq!(as_go_says("h:443", None, cause), expected);
        check("Connection refused (os error 111)", "dial tcp h:443: connect: connection refused");
        check("failed to lookup address information: x", "dial tcp: lookup h: no such host");
        check("No route to host (os error 113)", "dial tcp h:443: No route to host (os error 113)");
        let unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
        check("invalid peer certificate: UnknownIssuer", unknown);
        let plain = "tls: first record does not look like a TLS handshake";
        check("received corrupt message of type InvalidContentType", plain);
    }

    #[test]
    fn a_proxy_that_is_not_there_is_named_instead_of_the_host() {
        let check = |cause, expected| assert_eq!(as_go_says("h:443", Some("p:3128"), cause), expected);
        let refused = "proxyconnect tcp: dial tcp p:3128: connect: connection refused";
        check("Connection refused (os error 111)", refused);
        check(
            "failed to lookup address information: x",
            "proxyconnect tcp: dial tcp: lookup p: no such host",
        );
        check("unsuccessful tunnel", "dial tcp h:443: unsuccessful tunnel");
        let unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
        check("invalid peer certificate: UnknownIssuer", unknown);
    }
}
