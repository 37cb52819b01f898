//! Flow tests through real binaries.
