//! Scans registries, chooses images and commits them to Git.
//!
//! ```text
//!  ImageRepository ─► access ─► scan: tags of the registry ─► store (one file an image) ─► status
//!                                                               │ wakes at once
//!  ImagePolicy ─────► repository, may it be used? ─► choose (pure) ─► digest ─► status.latestRef
//!                                                               │ wakes at once
//!  ImageUpdateAutomation ─► policies ─► source: ls-remote ─► files (pure setters) ─► message ─► commit, push ─► status
//!                                          ▲                                              │ lost the race
//!                                          └──────────────────────────────────────────────┘
//! ```
//!
//! Reading order: args, status (reasons, errors, what a run came to), blocking, image (names), regex, secrets; repository (registry, tags,
//! reconciler); policy (choose, reconciler); automation (source, files, message, publish, reconciler); run. References:
//! Flux's image-reflector-controller 1.2 and image-automation-controller 1.2, which are one process here.

mod args;

mod blocking;
mod status;

mod image;
mod regex;
mod secrets;

mod repository;

mod policy;

mod automation;

mod run;

pub use crate::args::Args;
pub use crate::run::{StartError, run};
