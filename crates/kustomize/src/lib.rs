//! Builds kustomizations: a file tree in memory in, resources out.
