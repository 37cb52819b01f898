//! OCI registries: which digest a tag or range means, its manifest and layers, lists of tags, and pushing.
//!
//! ```text
//!  Repository + Access ─► Oci::session ─► Session: resolve, pick, manifest, blob, tags, push
//!                             │
//!            connections, challenges and tokens are shared by all sessions of one Oci
//! ```
//!
//! No Kubernetes types: callers read Secrets and give their bytes to [`Keychain`]. Everything that comes from a registry
//! has a limit of size and is compared with its digest. The client is our own over `net`, because `oci-client` takes
//! neither a client certificate nor a proxy nor our limits, and lists one page of tags only. Wording follows
//! go-containerregistry, which users of Flux know.
//!
//! Reading order: name, keychain, challenge, error, retry, host (one registry: scheme, login, tokens), oci (the shared part),
//! session, manifest, tag_page, tags, pick, pull, push.
mod name;

mod challenge;
mod keychain;

mod error;

mod host;
mod oci;
mod retry;
mod token;

mod manifest;
mod session;

mod pick;
mod pull;
mod push;
mod tag_page;
mod tags;

pub use crate::{
    error::OciError,
    keychain::{Keychain, KeychainError, Login},
    manifest::{Descriptor, Manifest},
    name::{NameError, Reference, Repository},
    oci::{Access, Oci, OciLimits},
    pick::{PickError, Range, SemverTags},
    push::{Content, Upload},
    session::Session,
};
