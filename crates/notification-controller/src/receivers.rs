//! Webhooks: at which path, from whom, and whom they wake.

pub(crate) mod cdevents;
pub(crate) mod filters;
pub(crate) mod google;
pub(crate) mod keys;
pub(crate) mod oidc;
pub(crate) mod paths;
pub(crate) mod validate;
pub(crate) mod wake;

pub(crate) mod endpoint;
pub(crate) mod reconciler;
