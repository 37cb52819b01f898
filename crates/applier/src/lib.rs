//! What the two controllers that apply share: kustomize- and helm-controller ask the same of a spec, of a dependency and
//! of a source, and answer in the same words. The apply itself is `ssa`, the life of an object `runtime`.
//!
//! - [`args`]: the flags of both, and [`Options`], what they come to;
//! - [`rules`]: `healthCheckExprs` and rules of fields left alone, compiled;
//! - [`dependency`]: when `dependsOn` holds (decision D6);
//! - [`contest`]: how long somebody who insists is answered (decision D2);
//! - [`far`]: what an object refers to, so that a change there wakes it (decision D5);
//! - [`discretion`]: what no message shows;
//! - [`mod@identity`]: as whom an object acts (decision D8);
//! - [`setup`]: the folder and the client for artifacts.
pub mod args;
pub mod contest;
pub mod dependency;
pub mod discretion;
pub mod far;
pub mod identity;
pub mod rules;
pub mod setup;

pub use crate::{
    args::{ApplierArgs, Options},
    dependency::{ReadyExprError, is_ready, says_ready, speaks_to_dependants},
    discretion::secrets,
    far::Far,
    identity::identity,
    rules::{Rules, RulesError},
    setup::SetupError,
};
