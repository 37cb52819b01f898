//! ImagePolicy: which tag of a repository is the latest.

mod access;
mod choose;
mod filter;
mod reconciler;

pub(crate) use self::reconciler::{ImagePolicies, wake_policies};
