//! Git over HTTP and SSH in process: resolve, fetch, read trees.
