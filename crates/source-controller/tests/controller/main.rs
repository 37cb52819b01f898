//! source-controller against a real API server, a real Git server and a real registry.

mod artifact;
mod charts;
mod helm_repository;
mod lease;
mod life;
mod oci;
mod refusal;
mod rig;
