//! The command `sluice`: everything a user does from a terminal, with the verbs, flags and output of the command
//! `flux` wherever both have them.
//!
//! Data goes to standard output, everything else to standard error; every failure is one [`CommandError`] with a kind,
//! which is the exit code, and hints. What is known of a kind of object stands in one table (`kinds`); the verbs are
//! generic over it. Differences from `flux`: docs/cli.md.
//!
//! Reading order: error, say, args, memory, run; kinds, target, cluster, resource, discovery; table, shorten, age, ready,
//! wait, typed, confirm, deploy_key, disk, documents, embedded; then one file per verb in `commands`.
mod error;
mod say;

mod args;
mod choice;
mod duration;
mod memory;
mod run;

mod kinds;
mod target;

mod cluster;
mod connect;
mod discovery;
mod resource;
mod value;

mod age;
mod chart_files;
mod shorten;
mod sops;
mod table;

mod confirm;
mod deploy_key;
mod disk;
mod documents;
mod embedded;
mod ready;
mod typed;
mod wait;

mod commands;

pub use crate::{
    error::{CommandError, ErrorKind},
    run::main,
};
