//! Kubernetes manifests as data: objects, their identity, and inventories (sets of identities).
//!
//! Pure: bytes in, values out; no clock, disk, network or cluster.
//! Reading order: `id`, `object`, `inventory`, `labels`, `sorting`, `yaml`.
//!
//! ```
//! use manifest::yaml::{Limits, parse_documents, to_yaml};
//!
//! let documents = parse_documents("a.yaml", "b: yes\na: [1, x]\n", &Limits::default())?;
//! assert_eq!(to_yaml(&documents[0]), "a:\n- 1\n- x\nb: true\n");
//! # Ok::<(), manifest::yaml::YamlError>(())
//! ```

mod id;
mod inventory;
mod labels;
mod object;
mod sorting;
pub mod yaml;

pub use crate::{
    id::{Gvk, ObjectId, ParseIdError},
    inventory::{Inventory, InventoryEntry},
    labels::{LabelSelector, ParseSelectorError},
    object::{NotAnObject, Object},
    sorting::sort_in_any_order,
};
