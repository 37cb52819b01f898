//! Installs, upgrades and heals HelmReleases.
fn main() {}
