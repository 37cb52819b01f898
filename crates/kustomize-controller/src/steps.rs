//! The steps of a pass, one a file, in their order.

pub(crate) mod accept;
pub(crate) mod source;

pub(crate) mod dependencies;

pub(crate) mod fetch;
pub(crate) mod variables;

pub(crate) mod build;
pub(crate) mod origin;

pub(crate) mod apply;
pub(crate) mod inventory;

pub(crate) mod prune;

pub(crate) mod drift;
pub(crate) mod health;

pub(crate) mod finalize;
pub(crate) mod finish;
