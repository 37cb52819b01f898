//! The CustomResourceDefinitions, made from the types.
//!
//! Same schemas, defaults, validations, names and columns as Flux 2.9's, so that either set can be applied over the
//! other; the descriptions are our own.

mod definition;
mod files;
mod legacy;
mod schema;
mod yaml;

pub use self::definition::{CrdVersion, definition, definitions};
pub use self::files::{CrdFile, HEADER, all_files, current_files, folders, legacy_files};
pub use self::legacy::legacy_definitions;
pub use self::yaml::to_yaml;
