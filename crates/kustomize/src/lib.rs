//! Builds kustomizations: a file tree in memory in, resources out; byte for byte what
//! `kustomize build --reorder none` of 5.8.1 prints. Pure: no disk, clock, environment or network.
//!
//! Flow: `build` → `target` (load → accumulate → generate → transform) → `refs` → `vars` → print.
//! Reading order: `tree`, `load`, `remote`, `kustomization`, `build`, `target`; then `config` and `schema` (tables),
//! `resid`, `resource`, `resmap`, `selector`, `fields`; then what does the work: `generators`, `transformers`, `smp`,
//! `json6902`, `hash`, `refs`, `vars`, `plugins`, `settle`. Gaps: `tests/gaps.txt`.
//! Helm charts are rendered by what the caller gives ([`ChartRenderer`]); containers and executables as plugins are
//! refused. [`set_images`], [`add_resources`] and [`set_namespace`] edit a kustomization file in place.
//!
//! ```
//! use kustomize::{BuildOptions, MemoryTree, build};
//!
//! let tree: MemoryTree = [
//!     ("kustomization.yaml", "resources: [a.yaml]\nnamePrefix: p-\n"),
//!     ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
//! ]
//! .into_iter()
//! .collect();
//! let built = build(&tree, "", &BuildOptions::default())?;
//! assert_eq!(built.to_yaml(), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: p-a\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod charts;
mod config;
mod edit;
mod error;
mod fields;
mod fold;
mod generators;
mod hash;
mod json6902;
mod kustomization;
mod load;
mod origin;
mod path;
mod plugins;
mod refs;
mod remote;
mod replacement_error;
mod resid;
mod resmap;
mod resource;
mod schema;
mod selector;
mod settle;
mod smp;
mod sort;
mod target;
mod transformers;
mod tree;
mod vars;
mod weigh;

pub use crate::{
    build::{BuildLimits, BuildOptions, Resources, build, build_yaml},
    charts::{ChartError, ChartRenderer, ChartRequest},
    config::ConfigError,
    edit::{EditError, ImageChange, ImagePart, add_resources, set_images, set_namespace},
    error::BuildError,
    fields::FieldError,
    generators::{GeneratorError, PairsError},
    json6902::JsonPatchError,
    kustomization::KustomizationError,
    load::{LoadError, LoadRestriction},
    plugins::PluginError,
    refs::ReferenceError,
    remote::{RemoteError, RemoteLoader},
    replacement_error::{FindError, ReplacementError},
    resmap::ResMapError,
    resource::{ResourceError, check_resources},
    schema::{has_no_namespace, merge_key},
    selector::SelectorError,
    smp::MergeError,
    sort::SortError,
    target::ValidatorError,
    transformers::{ImageError, PatchError, ReplicaError, ValueAddError},
    tree::{DirEntry, EntryKind, MemoryTree, Tree, TreeError},
    vars::VarError,
    weigh::Excess,
};
