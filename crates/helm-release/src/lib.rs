//! Helm releases: values, storage codec and digests.
//!
//! Pure: no clock, disk, network or cluster. A release is written as Helm 4 writes it, so that `helm list`,
//! `history`, `get`, `rollback` and `uninstall` work on ours, and read as Helm 3 and 4 wrote it.
//! Reading order: `release`, `codec`, `observation`, `values`.

mod codec;
mod gojson;
mod observation;
mod release;
mod values;

pub use crate::{
    codec::{DecodeError, EncodeError, SECRET_TYPE, decode, encode, secret_labels, secret_name},
    gojson::to_go_json,
    observation::Observation,
    release::{Info, LastRun, Release, ReleaseHook, Status},
    values::{ValuesRef, ValuesRefError, compose_values, digest_values, verify_values},
};
