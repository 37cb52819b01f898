//! Each controller runs with exactly the rights of its manifests, and the API server's audit log is the judge: nothing that
//! it needs is refused, and nothing that it holds goes unused.
mod applier;
mod audit;
mod helm;
mod image;
mod install;
mod notification;
mod profiles;
mod rights;
mod source;
