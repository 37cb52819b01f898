//! Group `source.toolkit.fluxcd.io`: where desired state comes from.

pub mod v1;
