//! Applies Kustomizations: what Git says is what the cluster shows.
