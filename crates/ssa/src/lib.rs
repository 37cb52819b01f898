//! Server-side apply, prune, drift and health of any object in one cluster.
//!
//! A [`Cluster`] is one API server; a [`Session`] is one identity on it. [`Session::prepare`] brings a build
//! into the form that is sent, [`Session::apply`] makes the cluster equal to it, [`Session::prune`] deletes
//! what left it, [`Session::health`] judges what is there, and [`DriftWatch`] tells when somebody else
//! changes it. Semantics are those of Flux's `ssa` package (stages, order, marks, takeover, recreation,
//! ignore rules), with fewer requests: one for an unchanged object, two for a new one.
//!
//! Reading order: `settings`, `cluster`, `request`, `discovery`; `normalize`, `order`, `prepared`; `probe`,
//! `write`, `apply`; `managed`, `fields`, `takeover`, `fingerprint`, `drift`; `prune`, `health`,
//! `drift_watch`; `verbs` for callers that send single objects themselves.
mod apply;
mod change;
mod cluster;
mod compare;
mod crd_watch;
mod defer;
mod discovery;
mod drift;
mod drift_watch;
mod error;
mod failing_pod;
mod fields;
mod fingerprint;
mod health;
#[cfg(test)]
mod hostile;
mod ignore;
mod immutable;
mod managed;
mod marks;
mod normalize;
mod object_error;
mod order;
mod prepared;
mod probe;
mod prune;
mod request;
mod secrets;
mod settings;
mod stage_wait;
mod takeover;
mod unknown_fields;
mod verbs;
mod write;

pub use crate::{
    apply::{ApplyOptions, Pass},
    change::{Action, Applied, ApplyError, Change},
    cluster::{Cluster, GetError, Session},
    defer::Deferred,
    drift::DriftReport,
    drift_watch::{DriftWatch, FIRST_LOOK, Signal, What},
    error::{ApiError, Failure},
    fingerprint::Fingerprint,
    health::{FailingPod, ObjectHealth},
    ignore::{IgnoreError, IgnoreRule, IgnoreRules},
    immutable::asks_for_recreation,
    marks::Marks,
    object_error::{ObjectCause, ObjectError, ObjectFailure},
    prepared::Prepared,
    prune::{PruneError, PruneOptions, Pruned},
    secrets::{Secrets, gather_texts},
    settings::{Identity, Owner, Settings},
    verbs::{PatchFormat, Write, Written},
};
