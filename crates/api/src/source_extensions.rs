//! Group `source.extensions.fluxcd.io`: artifacts made from other artifacts.

pub mod v1beta1;
