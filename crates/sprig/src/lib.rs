//! Sprig's and Helm's functions over gotemplate's values.
//!
//! Pure: clock, zones, randomness, environment and names come from the caller's [`Host`]. Errors have Go's words.
//! Reading order: `host`, `call`, `cast`; then one module for each family of functions. Reference: Sprig 3.3 and
//! Helm 4; gaps: `tests/gaps.txt`.

mod call;
mod cast;
mod certificates;
mod dates;
mod decimal;
mod defaults;
mod der;
mod dicts;
mod hashes;
mod host;
mod json;
mod keys;
mod lists;
mod merge;
mod numbers;
mod paths;
mod random;
mod regex;
mod secrets;
mod semver;
mod strings;
mod system;
mod table;
mod toml;
mod urls;
mod words;
mod yaml;

pub use crate::{
    host::Host,
    table::{add_encodings, add_functions},
};
