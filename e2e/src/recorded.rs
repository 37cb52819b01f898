//! Replays recordings of what Flux objects went through, and tells where ours differ.
//!
//! A scenario is played step by step against running controllers. After each step the main object must reach the state
//! that the recording shows at the end of that step; at the end events, field managers and live objects are compared.
//! Reading order: scenario, masks, watch, play, publish, compare.
mod compare;
mod helm;
mod kinds;
mod masks;
mod play;
mod publish;
mod scenario;
mod watch;
mod written;

pub use crate::recorded::{
    play::{Rig, play},
    scenario::{Scenario, corpus},
};
