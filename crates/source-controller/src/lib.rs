//! Produces artifacts from Git repositories.
