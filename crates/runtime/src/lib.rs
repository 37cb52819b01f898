//! What every controller shares: flags, client, Lease, health and metrics endpoints, events, and the one reconcile
//! shell with its queue, finalizer, suspend, conditions, status patch and wake-ups.
//!
//! ```text
//!            watch of the kind ──► store ──► what changed? ─┐ reasons
//!   other watches, intervals, retries ──► Waker ────────────┤
//!                                                           ▼
//!   lease ─► fence      queue: class, namespace, permit ─► turn ─► finalizer, suspend
//!              │                                                      │
//!              ▼                                                      ▼
//!        every write ◄── status patch, events, metrics, log ◄── Reconciler::reconcile ─► Outcome
//! ```
//!
//! Reading order: key, reason, names, conditions, event (the words), reconciler and run (what a kind implements and
//! gets), queue, store, watch, status, shell (the life of an object), then the process: args, client, fence, lease,
//! recorder, metrics, debug, http, logs, memory, context, process; and what consumers of sources share: sources.

mod key;
mod named;
mod names;
mod reason;

pub mod conditions;
mod event;
mod quoted;

mod reconciler;
mod run;

mod edges;
mod queue;
mod store;
pub mod watch;

mod status;

mod shell;

pub mod args;
mod client;
mod debug;
mod fence;
mod http;
mod lease;
mod logs;
pub mod memory;
pub mod metrics;
mod recorder;

mod context;
mod process;

pub mod sources;

pub use crate::args::{CommonArgs, FeatureGates, GoBool};
pub use crate::conditions::{ConditionStatus, Set};
pub use crate::context::{ConfigEnds, Context, Handle, Unlabelled};
pub use crate::edges::Edges;
pub use crate::event::{Event, Severity};
pub use crate::fence::{Fence, LostLease};
pub use crate::http::{ListenError, listen};
pub use crate::key::Key;
pub use crate::metrics::Metrics;
pub use crate::named::{checked_name, read_named};
pub use crate::names::{ConditionName, ReasonName};
pub use crate::process::{Controller, RunError, run, run_serving};
pub use crate::queue::Waker;
pub use crate::quoted::shell_word;
pub use crate::reason::{Class, Reason, Reasons};
pub use crate::reconciler::{Finalized, Next, Outcome, Reconciler, StatusOf, Verdict};
pub use crate::recorder::Recorder;
pub use crate::run::Run;
pub use crate::shell::jittered;
pub use crate::status::StatusError;
pub use crate::store::{Change, Store};
