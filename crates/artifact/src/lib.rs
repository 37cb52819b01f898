//! Artifacts: tree in, tarball out, and back. No Kubernetes types.
//!
//! The producer's side: [`pack`] writes a reproducible tarball of a sorted walk that [`Ignore`] filters, a
//! [`Store`] keeps it under Flux's names, [`Server`] hands it out. The consumer's side: [`fetch`] downloads by
//! URL and digest, [`unpack`] reads it into a [`Tree`], [`Cache`] does both once per digest.
//!
//! Nothing of an archive ever becomes a path on disk: an unpacked tree is one file of contents and an index in
//! memory, so that no name, link or mode in an archive can reach anything outside of it.
//!
//! Reading order: digest, path, ignore, tar_writer, pack, store, server; fetch, hosts, unpack, tree, cache.
mod digest;
mod path;

mod ignore;
mod ignore_pattern;

mod pack;
mod tar_header;

mod garbage;
mod store;

mod server;

mod fetch;
mod hosts;

mod tar_extension;
mod tree;
mod unpack;

mod cache;

pub use crate::{
    cache::{Cache, CacheOptions},
    digest::{Algorithm, Digest, DigestError, Digester},
    fetch::{Download, FetchError, FetchLimits, fetch},
    garbage::Retention,
    hosts::HostOverrides,
    ignore::{Ignore, IgnoreFile},
    pack::{PackError, Packer, pack},
    path::{ArtifactPath, PathError},
    server::Server,
    store::{Check, Fill, Hashed, LocalStore, Store, StoreError, Stored},
    tree::{Kind, Tree},
    unpack::{UnpackError, UnpackLimits, unpack},
};
