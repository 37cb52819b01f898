//! One Helm action a file: what Helm does, then what the status and an event tell of it.

pub(crate) mod install;
pub(crate) mod report;
pub(crate) mod rollback;
pub(crate) mod test;
pub(crate) mod uninstall;
pub(crate) mod unlock;
pub(crate) mod upgrade;
