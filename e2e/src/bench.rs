//! The table of what Sluice costs: times, CPU seconds, memory and API requests, beside what a bare client needs.
//!
//! Every row is measured from its cause to the watch event of the live object, by one in-process watch. Rows share one
//! control plane; `--bin` runs the same rows against other binaries with Flux's flags.
//! Reading order: app, watch, rig, floor, sick, rows, report.
mod app;
mod floor;
mod report;
mod rig;
mod rows;
mod sick;
mod watch;

pub use crate::bench::{
    report::Report,
    rig::Options,
    rows::{ROWS, run},
};
