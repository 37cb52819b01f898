//! Artifacts: pack, unpack, digests, storage, file server and fetch.
