//! The steps of a run: typed value in, typed value or [`crate::status::StepError`] out. None sets a condition.

pub(crate) mod access;
pub(crate) mod build;
pub(crate) mod features;
pub(crate) mod storage;
