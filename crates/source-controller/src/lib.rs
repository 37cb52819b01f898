//! Produces artifacts from sources: Git and OCI repositories, Helm repositories and charts. Each is fetched,
//! packed, stored and served.
//!
//! ```text
//!  object ─► features ─► storage ─────► the kind's steps ────────────► status
//!            not built   is what the    which revision is meant?       artifact,
//!            yet: stall  status names   decide (pure): keep, or        conditions,
//!                        still there?   fetch, pack, store             event
//! ```
//!
//! `source` is that life, the same for every kind; the file of a kind has what only it does.
//! Charts are woken by their sources (`cross`); `helm` knows indices, charts and their dependencies.
//!
//! Reading order: args, answers (asking once for many), remote (waiting for servers), source, the kinds
//! (git_repository, oci_repository, helm_repository, helm_chart, bucket), cross, steps, helm, state (the
//! decision), status (conditions, reasons, errors), run. Reference: Flux's source-controller 1.9.

mod args;

mod answers;
mod remote;
mod source;

mod bucket;
mod git_repository;
mod helm_chart;
mod helm_repository;
mod oci_repository;

mod cross;
mod helm;
mod repositories;
mod secrets;
mod steps;

mod state;
mod status;

mod run;

pub use crate::args::Args;
pub use crate::run::{StartError, run};
