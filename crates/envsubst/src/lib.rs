//! Variable substitution as Flux's `postBuild` does it: `${var}` and bash-like functions in a text.
//!
//! Only the braced form is a reference: `$var` stays as it is, `$${var}` is an escape for `${var}`. The
//! forms are those of Flux's fork of drone/envsubst with its oddities kept, since manifests rely on them:
//! `:-`, `:=`, `:?`, `:+` and `=` all give a default and treat an empty value as unset; `${v-d}` is an
//! error; a substring is counted in bytes; `$$` becomes `$`.
//!
//! Pure and bounded: nesting, output and the work of one text have limits ([`Limits`]).
//! Reading order: `parse`, `eval`, `functions`, `pattern`.
//!
//! ```
//! use envsubst::{Unset, substitute};
//!
//! let lookup = |name: &str| (name == "region").then_some("eu-1");
//! assert_eq!(substitute("${region^^} ${tier:-dev}", lookup, Unset::Fail)?, "EU-1 dev");
//! # Ok::<(), envsubst::SubstituteError>(())
//! ```
mod error;
mod eval;
mod functions;
mod parse;
mod pattern;
mod rune;

pub use crate::{
    error::{Cause, SubstituteError},
    eval::{Limits, Unset, is_variable_name, substitute, substitute_within},
};
