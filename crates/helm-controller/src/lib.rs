//! Installs, upgrades and heals HelmReleases: what the chart and values say is what the cluster shows.
//!
//! ```text
//! HelmChart ─► dependencies ─► source ─► values ─► chart ─► moved? uninstall
//!      ┌─► look at storage ─► decide ─┬─ nothing left: done
//!      │                              ├─ install, upgrade, test, unlock, correct drift ─┐
//!      └──────────────────────────────┴─────────────────────────────────────────────────┘
//!                                     └─ rollback, uninstall (remedies): the run ends
//! ```
//! An action is a plan on the release's own Secret: hooks, objects, wait, hooks. Each phase is written down before it
//! begins; a process that comes after a kill goes on there, if the status says that this is what is done. No permit is
//! held while objects are waited for.
//!
//! Reading order: `args`, `spec`, `status`, `history`, `digest`, `requests`, `state` (what is decided, pure), `plan`,
//! `made`, `seal`, `snapshot`, `memory`; `sources`, `wakes`, `signals`, `capabilities`, `app`, `ledger`, `names`, `work`;
//! `storage`, `resources`, `strategic`, `writer`, `wait` (the cluster as Helm uses it); `chart`, `postrender`, `host`, `render`,
//! `act`, `crds`, `hooks`, `perform`, `drift`, `actions`, `resume`, `release`; `steps`, `reconciler`, `finalize`, `record`,
//! `watching`, `setup`.

pub mod args;

mod digest;
mod history;
mod made;
mod plan;
mod requests;
mod seal;
mod snapshot;
mod spec;
mod state;
mod status;

mod memory;
mod signals;
mod sources;
mod wakes;

mod app;
mod capabilities;
mod ledger;
mod names;
mod work;

mod resources;
mod storage;
mod strategic;
mod wait;
mod writer;

mod chart;
mod host;
mod postrender;
mod render;

mod act;
mod crds;
mod drift;
mod hooks;
mod perform;

mod actions;
mod release;
mod resume;

mod finalize;
mod reconciler;
mod record;
mod steps;

mod setup;
mod watching;

pub use crate::setup::run;
