//! Kubernetes manifests as data: objects, their identity, and inventories (sets of identities).
//!
//! Pure: bytes in, values out; no clock, disk, network or cluster.
//! Reading order: `id`, `object`, `inventory`, `yaml`.

mod id;
mod inventory;
mod object;
pub mod yaml;

pub use crate::{
    id::{Gvk, ObjectId, ParseIdError},
    inventory::{Inventory, InventoryEntry},
    object::{NotAnObject, Object},
};
