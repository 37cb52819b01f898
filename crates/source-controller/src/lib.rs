//! Produces artifacts from Git repositories: fetches what `spec.ref` means, packs it, stores it, serves it.
//!
//! ```text
//!  GitRepository ─► features ─► storage ─────► source ─────► decide ─► build ──► status
//!                   not built   is what the    which commit  (pure)    fetch,    artifact,
//!                   yet: stall  status names   the ref means           pack,     conditions,
//!                               still there?   (ls-remote)             store     event
//! ```
//!
//! Reading order: args, reconciler (the steps in order), steps, state (the decision), status (conditions, reasons,
//! errors), run. Reference: Flux's source-controller 1.9.

mod args;

mod reconciler;
mod secrets;
mod steps;

mod state;
mod status;

mod run;

pub use crate::args::Args;
pub use crate::run::{StartError, run};
