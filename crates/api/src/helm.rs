//! Group `helm.toolkit.fluxcd.io`: Helm charts released to clusters.

pub mod v2;
