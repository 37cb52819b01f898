//! Git over HTTP(S) and SSH, in process: which commit a reference means, the tree of that commit, and new commits
//! on top of it.
//!
//! [`Git::open`] connects to a [`Remote`] and gives a [`Session`]; [`Session::resolve`] asks for the commit that
//! a [`Selector`] means (`ls-remote`: enough to see that nothing is new); [`Session::fetch`] receives that one
//! commit, shallow, and gives a [`Checkout`] whose tree is read without a work tree. [`Checkout::compose`] makes a
//! [`NewCommit`] with [`Changes`] on top of it, signed by a [`Signer`], and [`Git::push`] sends it. All network calls are
//! async; dropping a future stops its work. No Kubernetes types, no program is started, no file of the user
//! or the system is read, and secrets have no `Debug`.
//!
//! Reading order: url, access, selector; packet, stream, http, ssh, handshake, refs, receive; pack, object,
//! names, checkout, below; session; changes, sign, compose, push, report. `replay` (a feature) is for fuzz
//! targets alone.
mod url;

mod access;
mod selector;

mod packet;
mod service;
mod stream;

mod http;

mod dial;
mod known_hosts;
mod ssh;
mod ssh_options;

mod transport;
mod unpack_budget;

mod handshake;
mod refs;
mod resolve;

mod ingest;
mod receive;
mod temporary;

mod names;
mod object;
mod oid;
mod pack;

mod below;
mod checkout;
mod commit;

mod session;

mod changes;
mod compose;
mod new_objects;
mod sign;

mod push;
mod refspec;
mod report;

#[cfg(feature = "replay")]
pub mod replay;

mod error;
mod push_error;

pub use crate::{
    access::{Access, SshAccess},
    changes::Changes,
    checkout::{Checkout, Entry, EntryKind},
    commit::{Commit, Identity, Tag},
    compose::{Draft, NewCommit},
    error::{AccessError, GitError, UrlError},
    oid::Oid,
    push::{Lease, Push, RefUpdate},
    push_error::{CommitError, PushError},
    refspec::Refspec,
    resolve::Resolved,
    selector::{Selector, SelectorError},
    session::{Git, GitOptions, Limits, Remote, Session},
    sign::{Signer, SignerError},
    ssh_options::{SshOptions, SshOptionsError},
    url::RemoteUrl,
};
