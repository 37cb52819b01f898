//! OCI registries: resolve, pull, push and list tags.
