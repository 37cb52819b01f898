//! Scans registries, chooses images and commits them to Git.
