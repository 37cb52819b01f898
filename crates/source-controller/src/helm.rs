//! Helm's side: indices, the places charts come from, and charts built from what is there.
//!
//! Reading order: index, version (which one a range means), access (credentials), http, place, cache; then
//! build: what a chart is made of, and remote, local, values, dependencies for the parts of it.

pub(crate) mod access;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod dependencies;
pub(crate) mod http;
pub(crate) mod index;
mod json;
pub(crate) mod local;
pub(crate) mod place;
pub(crate) mod remote;
mod values;
pub(crate) mod version;
