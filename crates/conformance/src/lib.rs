//! Runs conformance corpora: one libtest-mimic trial a case, judged by what the reference tool recorded.
//!
//! A case is a folder `<area>/<case>/{input/…, expected.yaml | expected.err, case.toml}`. Known gaps are listed in a
//! file of lines `<area>/<case>  # reason`; they still run, and an unexpected pass fails. Expected files are written
//! by the reference tool alone.
//! Random cases have no recorded answer: [`random`] finds the tool that is asked beside us.
//! Reading order: `case`, `gaps`, `judge`, `suite`; `random`.

mod case;
mod gaps;
mod judge;
mod suite;

pub mod random;

pub use crate::{
    case::{Case, CorpusError, Expected, find_cases},
    gaps::{GapError, Gaps},
    judge::{first_difference, names_same_cause},
    suite::{Root, Suite},
};
