//! What faults are judged by, and who is killed.
//!
//! Reading order: truth (what must be live, by the real `kustomize`), victim (a controller with kill points);
//! the work during which it dies: rounds (objects), releases (of Helm), messages (events and webhooks);
//! neighbour (who must not notice), bench (sick and well side by side).
mod bench;
mod empty_disk;
mod messages;
mod neighbour;
mod releases;
mod rounds;
mod truth;
mod victim;

pub use self::{
    bench::{Bench, sick},
    empty_disk::EmptyDisk,
    messages::Messages,
    neighbour::Neighbour,
    releases::Releases,
    rounds::Rounds,
    truth::{Objects, compare, config_maps, live, wanted},
    victim::{Victim, Work, kill_at_each, kill_at_passes},
};
