//! Versions and constraints as Helm and Flux read them.
