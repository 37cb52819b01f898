//! source-controller against a real API server and a real Git server.

mod artifact;
mod lease;
mod life;
mod refusal;
mod rig;
