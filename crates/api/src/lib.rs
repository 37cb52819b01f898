//! The wire types of Flux's custom resources (Flux 2.9), one module per API group, and the CRDs made from them.
//!
//! Reading order: `meta` (what all kinds share: references, durations, artifacts, conditions, the [`meta::FluxObject`]
//! trait and the lenient decoding), then the groups, then `crd` (types to CustomResourceDefinitions).
//!
//! A stored object never fails to decode because of what stands in its spec or status: a field that cannot be read
//! is left at its default and named by [`meta::FluxObject::spec_error`], so that one odd object cannot stop the watch
//! of the others.

pub mod meta;

pub mod helm;
pub mod image;
pub mod kustomize;
pub mod notification;
pub mod source;
pub mod source_extensions;

pub mod crd;

mod schema;
