//! Flow tests through real binaries: a [`World`] is a namespace with a Git server and both controllers.
//!
//! Tests spawn the binaries and link none of them. The demo, the bench and the stand-in of `cargo xtask test --null` are
//! programs of this package.
pub mod bench;
pub mod chain;
mod command;
pub mod demo;
mod examples;
pub mod faults;
mod manifests;
pub mod soak;
mod world;

pub mod recorded;
pub mod stuck;

pub use crate::{
    command::sluice_program,
    examples::example_repository,
    manifests::{deployment, git_repository, kustomization, service, yaml_list},
    world::{SOON, World, WorldBuilder, eventually},
};
