//! Group `kustomize.toolkit.fluxcd.io`: what is built from sources and applied.

pub mod v1;
