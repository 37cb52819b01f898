//! Renders Helm charts: files and values in, manifests out.
