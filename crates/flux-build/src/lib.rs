//! Kustomization spec and source tree in, the objects to apply out: what Flux's kustomize-controller does
//! between the fetched artifact and the first request to the cluster.
//!
//! ```text
//! path ─► kustomization.yaml found or generated ─► spec merged in ─► kustomize build
//!      ─► per object: refuse SOPS ciphertext, substitute ─► digest ─► common metadata
//! ```
//! Pure: the tree is read through `kustomize::Tree`, the merged file is laid over it in memory, variables
//! are given as values. References: Flux's `pkg/kustomize` and kustomize-controller; `flux build` prints the
//! same.
//! Reading order: `spec`, `build`, `generate`, `merge`, `overlay`, `substitute`, `sops`, `metadata`.
mod build;
mod error;
mod generate;
mod merge;
mod metadata;
mod overlay;
mod path;
mod sops;
mod spec;
mod substitute;

pub use crate::{
    build::{Build, MAX_FILES, MAX_OBJECTS, MAX_OUTPUT, build},
    error::{BuildError, PostBuildError},
    overlay::OverlayTree,
    spec::{CommonMetadata, Image, Patch, Selector, Spec, Substitute},
};
