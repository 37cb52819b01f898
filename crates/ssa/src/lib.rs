//! Server-side apply, prune, drift and health of any object in one cluster.
