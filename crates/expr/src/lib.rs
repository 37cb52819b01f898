//! Expressions in CEL as Flux evaluates them: `healthCheckExprs`, `readyExpr`, filters.
//!
//! The environment is that of Flux's `pkg/runtime/cel`: the standard library, optionals, cross-type numeric
//! comparison, UTC, and the extensions strings, sets and encoders. Expressions come from tenants, so text,
//! nesting and the work of one evaluation are bounded ([`MAX_TEXT`], [`MAX_DEPTH`], [`MAX_WORK`]).
//!
//! Variables are JSON values, borrowed. What a variable holds can be read out by an expression and may end
//! in an error text: **the `data` of a Secret must never be given as a variable**; that is the caller's duty.
//!
//! Pure: no clock, no I/O. Reading order: `program`, `environment`, `check`, `instrument`, `budget`.
//!
//! ```
//! use expr::{Env, Program};
//!
//! let program = Program::compile("status.replicas >= 2", &Env::with_variables(&["status"]))?;
//! assert!(program.eval_bool(&[("status", &serde_json::json!({"replicas": 3}))])?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod budget;
mod check;
mod constants;
mod environment;
mod error;
mod functions;
mod instrument;
mod program;
mod types;
mod value;

pub use crate::{
    environment::{Env, Output},
    error::{CompileError, EvalError},
    instrument::{MAX_DEPTH, MAX_TEXT},
    program::Program,
};
pub use budget::MAX_WORK;
