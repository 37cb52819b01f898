//! Group `image.toolkit.fluxcd.io`: scanning registries, choosing tags, and writing them to Git.

pub mod v1;
