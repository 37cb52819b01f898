//! kustomize-controller against a real API server, driven by a source status written by hand and a plain file server.

mod claims;
mod drift;
mod refusal;
mod requests;
mod rig;
mod sources;
mod variables;
mod waits;
