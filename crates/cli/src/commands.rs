//! One file per verb.
pub(crate) mod completion;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod logs;
pub(crate) mod reconcile;
pub(crate) mod resume;
pub(crate) mod suspend;
pub(crate) mod trace;
pub(crate) mod tree;
pub(crate) mod version;
