//! Versions and version constraints as Helm and Flux read them, which is as Masterminds/semver 3.5 does.
//!
//! Pure: text in, order and membership out. Cargo's and npm's readings differ from it on most constraints.
//! Reading order: `version`, `constraint`.

mod constraint;
mod version;

pub use crate::{
    constraint::{Constraint, ConstraintError},
    version::{Version, VersionError},
};
