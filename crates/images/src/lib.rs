//! Builds one OCI image layout a binary, without a container engine: binary in, folder out. Same input, same bytes.
//!
//! An image holds the binary, the shared libraries it names (none when it is static), certificates of authorities, a
//! user that is not root, a software bill of materials, and no shell. Two layers: what all images share, and the binary.
//! Reading order: elf, libraries, rootfs, layer, packages, sbom, layout, build.
mod elf;
mod libraries;

mod rootfs;

mod layer;
mod packages;
mod sbom;

mod layout;

mod build;

pub use crate::build::{Options, Source, build};
