//! Applies Kustomizations: what the source says is what the cluster shows.
//!
//! ```text
//! source ─► dependencies ─► what to do? ─┬─ rest
//!                                        ├─ look ──────────────────────────────────┐
//!                                        └─ fetch ─► variables ─► build ─► what differs?
//!                                              inventory ahead ─► apply ─► prune ─► health ─► done
//! ```
//! A pass that waits (for health, for siblings, for a missing kind) is remembered and ends its run; a signal of the
//! drift watch, a deadline or a newer revision begins the next one.
//!
//! Reading order: `args`, `status`, `state` (what is decided, pure), `hints` (what events say below their message), `contest`, `guard`, `history`, `memory` (what is
//! remembered), `sources`, `wakes` (who wakes whom), `siblings`, `app`, `work`, `reconciler`, `pass`, `steps`, `record`,
//! `watching`, `setup`.

pub mod args;

mod hints;
mod state;
mod status;

mod contest;
mod guard;
mod history;
mod memory;

mod siblings;
mod sources;
mod wakes;

mod app;
mod work;

mod pass;
mod reconciler;
mod steps;

mod record;
mod watching;

mod setup;

pub use crate::setup::run;
