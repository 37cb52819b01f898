//! Helm releases: values, storage codec, digests and what to do next.
