//! The wire types of Flux's custom resources.
