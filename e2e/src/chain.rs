//! The whole chain on one stage: an image in a registry becomes a commit, the commit becomes live, and a provider hears
//! of it. Shared by the chain test, the bench and the demo.
//!
//! Real: registry, Git server, API server, controllers. Fake: the forge (webhooks, commit statuses, chat) and the node.
//! Reading order: stage (what runs), objects (what is applied), hops (what is timed).
mod hops;
mod objects;
mod stage;

pub use self::{
    hops::{Hops, Release},
    objects::Chart,
    stage::Stage,
};
