//! HTTP client policy: timeouts, sizes, redirects, TLS, proxy and auth from a Secret's keys.
