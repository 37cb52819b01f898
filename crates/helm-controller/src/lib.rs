//! Installs, upgrades and heals HelmReleases.
