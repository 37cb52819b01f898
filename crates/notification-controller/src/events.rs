//! From a posted event to deliveries: the endpoint, duplicates, which Alerts want it, the spool, the lanes.

pub(crate) mod duplicates;
pub(crate) mod judging;
pub(crate) mod matching;
pub(crate) mod metadata;
pub(crate) mod pattern;
pub(crate) mod spool;

pub(crate) mod dispatch;
pub(crate) mod endpoint;
