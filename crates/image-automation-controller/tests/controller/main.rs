//! image-automation-controller against a real API server, a real registry and a real Git server.

mod automation;
mod policy;
mod repository;
mod rig;
mod signing;
