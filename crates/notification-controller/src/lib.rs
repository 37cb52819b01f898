//! Takes events and webhooks, tells providers and wakes sources.
//!
//! ```text
//! event ──► endpoint ─► duplicate? ─► which Alerts? ─► spool ─► 202
//!                                                        │
//!                          lanes by Provider and object ─┴─► delivery ─► provider
//!
//! webhook ─► endpoint ─► which Receiver? ─► validate ─► filter ─► annotate the objects
//! ```
//! An event is on disk before its sender is told that it is accepted, and stays there until every Alert that wants it
//! was served or has failed for good.
//!
//! Reading order: `args`, `status`, `go_json`, `hex`, `random`, `event` (the words), `kinds`, `secrets`, `providers` (what
//! each is sent), `events` (from the endpoint to the lanes), `delivery`, `receivers` (webhooks), `listen`, `app`,
//! `watching`, `setup`.

pub mod args;
mod status;

mod go_json;
mod hex;
mod random;

mod event;
mod kinds;
mod secrets;

mod providers;

mod delivery;
mod events;

mod receivers;

mod app;
mod finalizers;
mod listen;
mod watching;

mod setup;

pub use crate::delivery::{DeliveryError, DispatchError, Message, message};
pub use crate::event::{Event, InvolvedObject};
pub use crate::events::metadata::clean;
pub use crate::go_json::{ShapeError, marshal};
pub use crate::providers::{Clients, PostError, SendError, SetupError as ProviderError, post};
pub use crate::secrets::{ProviderSecrets, SecretError};
pub use crate::setup::{SetupError, run};
