//! Against a real API server: what cannot be known from the source of either side.
mod apply;
mod drift;
mod health;
mod kinds;
mod prune;
mod takeover;
mod world;
