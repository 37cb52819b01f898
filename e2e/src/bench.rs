//! The table of what Sluice costs: times, CPU seconds, memory and API requests, beside what a bare client
//! needs.
//!
//! Every row is measured from its cause to the watch event of the live object, by one in-process watch. Rows
//! share one control plane; `--bin` runs the same rows against other binaries with Flux's flags.
//! Reading order: app, watch, rig, floor, profile, sick, rows, repositories, inventory, report, page; for the rows of all five controllers
//! toolkit, releases, programs.
mod app;
mod floor;
mod inventory;
mod page;
mod profile;
mod programs;
mod releases;
mod report;
mod repositories;
mod rig;
mod rows;
mod sick;
mod toolkit;
mod watch;

pub use crate::bench::{
    report::Report,
    rig::Options,
    rows::{all_rows, run},
};
