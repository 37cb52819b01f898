//! A Kustomization spec and a source tree in, the objects to apply out.
