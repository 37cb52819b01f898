//! Group `notification.toolkit.fluxcd.io`: events to the outside, and webhooks from there.

mod event_source;

pub mod v1;
pub mod v1beta3;

pub use self::event_source::{EventKind, EventSource};
