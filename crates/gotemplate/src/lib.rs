//! Go's text/template: text and values in, text out.
//!
//! Pure: functions, clock and randomness come from the caller. Values keep Go's types apart, maps are shared and
//! mutable, errors have Go's texts, and every render has an account of steps, depth and bytes ([`Session`]).
//! Reading order: `value`, `func`, `session`, `template`, `parse`, `exec`, `builtin`, `printf`. Reference: Go 1.26's
//! `text/template`; gaps: `tests/gaps.txt`.
//!
//! ```
//! use gotemplate::{Funcs, Session, Signature, Templates, Type, Value};
//!
//! let mut funcs = Funcs::new();
//! funcs.insert("shout", Signature::fixed(&[Type::String]), |_, arguments| {
//!     let text = arguments[0].as_string().map(|text| text.text().to_uppercase());
//!     Ok(Value::string(text.unwrap_or_default()))
//! });
//! let mut set = Templates::new("hello");
//! set.parse("hello", "Hello {{ .name | shout }}!", &funcs)?;
//! let data = Value::map([("name", "ada")]);
//! assert_eq!(set.execute("hello", &data, &funcs, &Session::default())?, "Hello ADA!");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builtin;
mod error;
mod exec;
mod func;
mod parallel;
mod parse;
mod printf;
mod session;
mod template;
mod value;

pub use crate::{
    error::{ExecError, ParseError, Place},
    func::{Context, Func, FuncError, Funcs, Signature},
    parallel::each,
    printf::{format_float, sprint, sprintf, sprintln},
    session::{LimitError, Limits, Session},
    template::{MissingKey, Templates},
    value::{HostObject, Kind, List, Map, Numbers, Str, Type, Value},
};
