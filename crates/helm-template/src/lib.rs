//! Renders Helm charts: files and values in, manifests out.
//!
//! Pure: no clock, disk or network. Reference: Helm 4's `template`.
//! Reading order: `values`, `chart`, `dependencies`, `manifests`.

mod chart;
mod dependencies;
mod glob;
mod godecode;
mod manifests;
mod values;

pub use crate::{
    chart::{
        ArchiveError, Chart, ChartError, Dependency, File, Ignore, IgnoreError, ImportValues, Limits, Lock,
        Maintainer, Metadata, MetadataError, PackageError,
    },
    dependencies::{Crd, ResolveError, ResolvedChart},
    manifests::{
        Hook, Manifest, SortError, Sorted, hooks_for, install_order, sort, split_manifests, uninstall_order,
    },
    values::{CoalesceError, SetError, Values, ValuesError},
};
