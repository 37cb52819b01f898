//! Sprig's and Helm's functions over gotemplate's values.
//!
//! Pure: clock, zones, randomness, environment and names come from the caller's [`Host`]. Errors have Go's words.
//! Reading order: `host`, `call`, `cast`; then one module for each family of functions. Reference: Sprig 3.3 and
//! Helm 4; gaps: `tests/gaps.txt`.
//!
//! ```
//! use std::rc::Rc;
//!
//! use gotemplate::{Funcs, Session, Templates, Value};
//!
//! struct World;
//! impl sprig::Host for World {
//!     fn now(&self) -> jiff::Timestamp {
//!         jiff::Timestamp::UNIX_EPOCH
//!     }
//!     fn random(&self, buffer: &mut [u8]) -> Result<(), gotemplate::FuncError> {
//!         Err("no randomness".into())
//!     }
//! }
//!
//! let mut funcs = Funcs::new();
//! sprig::add_functions(&mut funcs, Rc::new(World));
//! let mut set = Templates::new("t");
//! set.parse("t", "{{ list 1 2 3 | join \"-\" }} {{ \"ada\" | title | quote }}", &funcs)?;
//! assert_eq!(set.execute("t", &Value::Nil, &funcs, &Session::default())?, "1-2-3 \"Ada\"");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
