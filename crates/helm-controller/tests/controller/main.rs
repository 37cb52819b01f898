//! helm-controller against a real API server, driven by a source status written by hand and a plain file server.

mod charts;
mod client_side;
mod drift;
mod forged;
mod helm;
mod kills;
mod lookups;
mod release;
mod rig;
mod template;
mod versions;
