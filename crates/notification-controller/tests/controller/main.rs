//! notification-controller against a real API server: what the recordings do not show.
//!
//! Providers are one fake server (that of the suite `providers`).

mod delivery;
mod receivers;
mod rig;
mod secrets;
#[path = "../providers/sink.rs"]
#[allow(dead_code, reason = "tokens and proxies are for the other suites")]
mod sink;
