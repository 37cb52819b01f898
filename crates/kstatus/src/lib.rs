//! Object in, its health out: Current, InProgress, Failed or Terminating, with a message.
//!
//! The rules are those of kstatus (sigs.k8s.io/cli-utils) with Flux's changes: Jobs are waited for until
//! they complete, and a suspended Job is Current. Health expressions ([`HealthExprs`]) replace the rules for
//! the kinds they name. [`pod_cause`] says why a Pod does not run, for messages that name the culprit.
//!
//! Pure: the object and the time are given. Reading order: `status`, `compute`, `builtin`, `exprs`, `pod`.
mod builtin;
mod compute;
mod exprs;
mod field;
mod pod;
mod status;

pub use crate::{
    compute::{ComputeError, compute},
    exprs::{ExprSpec, ExprsError, HealthError, HealthExprs},
    pod::{PodCause, pod_cause},
    status::{Health, Status},
};
