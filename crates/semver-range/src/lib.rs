//! Versions and version constraints as Helm and Flux read them, which is as Masterminds/semver 3.5 does.
//!
//! Pure: text in, order and membership out. Cargo's and npm's readings differ from it on most constraints.
//! Reading order: `version`, `constraint`.
//!
//! ```
//! use semver_range::{Constraint, Version};
//!
//! let range = Constraint::parse(">=1.2 <2 || ^3")?;
//! assert!(range.matches(&Version::parse("v1.9.0")?));
//! assert!(!range.matches(&Version::parse("3.0.0-rc.1")?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod constraint;
mod version;

pub use crate::{
    constraint::{Constraint, ConstraintError},
    version::{Version, VersionError},
};
