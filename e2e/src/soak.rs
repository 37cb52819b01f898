//! Random commits, kills, faults and drift against a model of what must be live.
//!
//! Every decision comes from the seed, so that a run is repeated by it; what the clock decides (where exactly a kill hits)
//! is not. Reading order: dice, model (what Git says), stage (what runs), steps (what happens in one), run; large (what
//! is only big).
mod dice;
mod large;
mod model;
mod run;
mod stage;
mod steps;

pub use self::{
    large::{chain, sources},
    run::{Options, Tally, run},
};
