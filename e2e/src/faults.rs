//! What faults are judged by, and who is killed.
//!
//! Reading order: truth (what must be live, by the real `kustomize`), victim (a controller with kill points), rounds (the
//! work during which it dies), neighbour (who must not notice), bench (sick and well side by side).
mod bench;
mod neighbour;
mod rounds;
mod truth;
mod victim;

pub use self::{
    bench::{Bench, sick},
    neighbour::Neighbour,
    rounds::Rounds,
    truth::{Objects, compare, config_maps, live, wanted},
    victim::{Victim, kill_at_each},
};
