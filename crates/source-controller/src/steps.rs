//! The steps of a run: typed value in, typed value or [`crate::status::StepError`] out. None sets a condition.

pub(crate) mod access;
pub(crate) mod checkout;
pub(crate) mod features;
pub(crate) mod ignore_files;
pub(crate) mod layer;
pub(crate) mod made;
pub(crate) mod put;
pub(crate) mod registry;
pub(crate) mod secret;
pub(crate) mod sparse;
pub(crate) mod storage;
